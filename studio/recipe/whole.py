"""A whole recipe: its sections together, changed by dotted names, read from TOML and written to it."""

import tomllib
from collections.abc import Mapping
from typing import Any, Self

import tomlkit
from pydantic import BaseModel, Field, ValidationError

from studio.errors import RecipeError
from studio.recipe.augment import AugmentChoice
from studio.recipe.freeze import FreezePlan
from studio.recipe.learn import EngineChoice, LossChoice, OptimizerChoice, ScheduleChoice, Steer
from studio.recipe.model import DataChoice, HeadChoice, ModelChoice, Start
from studio.recipe.section import Section

_SCRATCH = {"freeze": FreezePlan.from_scratch(), "optimizer.lr": 1e-3}  # the usual rate of Adam and AdamW


class Recipe(Section):
    """What is asked of a run. `problems()` tells all that is wrong with the combination at once."""

    name: str = Field(default="untitled", min_length=1, max_length=120, description="A name to find the run by.")
    seed: int = Field(default=0, ge=0, le=2**32 - 1, description="The same seed repeats the same run.")
    data: DataChoice = DataChoice()
    model: ModelChoice = ModelChoice()
    head: HeadChoice = HeadChoice()
    freeze: FreezePlan = FreezePlan()
    augment: AugmentChoice = AugmentChoice()
    loss: LossChoice = LossChoice()
    optimizer: OptimizerChoice = OptimizerChoice()
    schedule: ScheduleChoice = ScheduleChoice()
    engine: EngineChoice = EngineChoice()
    steering: tuple[Steer, ...] = Field(
        default=(), max_length=1000, description="Changes in the middle of the run, as a steered run leaves them."
    )

    def problems(self) -> list[str]:
        """Sentences about values that are each in bounds but do not go together; empty when all is well."""
        found = []
        if not self.data.source:
            found.append("data.source: no pictures chosen yet. Open a dataset first.")
        found += self.freeze.problems(self.schedule.epochs) + self.schedule.problems()
        if self.augment.mix != "none" and self.schedule.batch_size == 1:
            found.append("augment.mix: one picture at a time has none to be mixed with. Choose larger batches.")
        if self.model.weights and not self.model.pretrained:
            found.append(
                "model.weights: there are weights to start from, but model.pretrained says to start from none. "
                "Change one of them."
            )
        return found

    def checked(self) -> Self:
        """This recipe, if it has no problems. Raises RecipeError naming all of them."""
        if found := self.problems():
            raise RecipeError(" ".join(found))
        return self

    def amended(self, changes: Mapping[str, Any]) -> Self:
        """A new recipe with dotted names replaced, e.g. `{"optimizer.lr": 1e-4, "freeze": FreezePlan.two_phase()}`.

        Raises RecipeError naming every unknown field and every value out of bounds.
        """
        tree = self.model_dump()
        if unknown := [name for name in changes if name not in tree and name not in fields()]:
            raise RecipeError(" ".join(_no_field(name) for name in unknown), f"Known fields: {', '.join(fields())}.")
        for name in sorted(changes, key=lambda name: "." in name):  # whole sections first, then fields of them
            *section, leaf = name.split(".")
            value, branch = changes[name], tree[section[0]] if section else tree
            if isinstance(branch, dict):  # else a section that is none, which is told of below
                branch[leaf] = value.model_dump() if isinstance(value, BaseModel) else value
        return self._from_tree(tree)

    def started(self, start: Start) -> Self:
        """This recipe from published weights or from scratch, with the plan and the rate that suit that.

        A network that begins with random numbers has nothing to keep, so all of it learns at once and at the full rate;
        one that knows something begins again with its head alone, unless another plan was made meanwhile. A `file` is
        named by `model.weights`; until then the published weights are what it starts from.
        """
        scratch = start == "scratch"
        changes: dict[str, Any] = {"model.pretrained": not scratch}
        changes |= {} if start == "file" else {"model.weights": ""}
        if scratch and self.model.pretrained:
            changes |= _SCRATCH
        elif not scratch and not self.model.pretrained:
            if self.amended(_SCRATCH) == self:
                changes |= {"freeze": FreezePlan(), "optimizer.lr": OptimizerChoice().lr}
            else:
                changes["freeze.thaw_lr_factor"] = FreezePlan().thaw_lr_factor
        return self.amended(changes)

    def to_toml(self) -> str:
        """The recipe as a TOML document, which `from_toml` reads back to an equal recipe."""
        return tomlkit.dumps(self.model_dump(exclude_none=True))

    @classmethod
    def from_toml(cls, text: str, where: str = "recipe") -> Self:
        """Read a recipe. Raises RecipeError for text that is no TOML, unknown fields and values out of bounds."""
        try:
            tree = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise RecipeError(f"This is not a recipe: {error}.", "A recipe is a TOML file.", where) from error
        return cls._from_tree(tree)

    @classmethod
    def _from_tree(cls, tree: Mapping[str, Any]) -> Self:
        try:
            return cls.model_validate(tree)
        except ValidationError as error:
            raise RecipeError(" ".join(_sentence(fault) for fault in error.errors())) from error


def _sentence(fault: Any) -> str:
    field = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "extra_forbidden":
        return _no_field(field)
    return f"{field}: {fault['msg'][0].lower()}{fault['msg'][1:]}, not {fault['input']!r}."


def _no_field(name: str) -> str:
    return f"There is no field named {name!r} in a recipe."


def fields() -> dict[str, str]:
    """Every dotted field name of a recipe and the sentence that explains it."""
    found: dict[str, str] = {}
    for name, field in Recipe.model_fields.items():
        section = field.annotation
        if isinstance(section, type) and issubclass(section, Section):
            found |= {f"{name}.{leaf}": part.description or "" for leaf, part in section.model_fields.items()}
        else:
            found[name] = field.description or ""
    return found
