"""The recipe: everything that decides the result of a run, and nothing about the machine it runs on.

A recipe is a frozen value. Every bound is declared once, here; the forms, the command line and TOML files all
go through `amended` and hear of all problems at once.
"""

import tomllib
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

import tomlkit
from pydantic import BaseModel, ConfigDict, Field, PlainValidator, ValidationError
from pydantic_core import PydanticCustomError

from studio.errors import RecipeError

DEFAULT_BACKBONE = "tf_efficientnet_lite0"
ALL_FROZEN = 99  # deeper than any backbone has stages: "everything but the head"


class Section(BaseModel):
    """A part of a recipe: frozen, and with no field that it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class DataChoice(Section):
    source: str = Field(default="", description="The folder, zip file or CSV table with the pictures.")
    val_share: float = Field(
        default=0.2,
        gt=0,
        lt=0.9,
        description="Share of the pictures held back to measure accuracy, where the dataset has no split of its own.",
    )


class ModelChoice(Section):
    backbone: str = Field(
        default=DEFAULT_BACKBONE, min_length=1, max_length=120, description="The timm network to start from."
    )
    pretrained: bool = Field(default=True, description="Start from weights that have already seen many pictures.")
    weights: str = Field(
        default="",
        max_length=4096,
        description="A .safetensors or .pth file on this computer with weights of your own for this backbone; empty: "
        "the published ones.",
    )
    image_size: int | None = Field(
        default=None,
        ge=16,
        le=1024,
        description="Side in pixels of the square the model sees; empty means the size the backbone was made for.",
    )


class FreezePlan(Section):
    """Which stages stay as they are, and when the others begin to learn."""

    strategy: Literal["head", "two-phase", "full"] = Field(
        default="head",
        description="head: only the new last layer learns. two-phase: first the head, then the thawed stages "
        "too, at a lower rate. full: everything learns from the start.",
    )
    depth: int | None = Field(
        default=None,
        ge=0,
        le=ALL_FROZEN,
        description="How many stages, counted from the input, stay "
        "frozen. 0: all learn; empty: all stay frozen (head), or none in the end (two-phase, full).",
    )
    head_epochs: int = Field(
        default=2, ge=1, le=1000, description="Epochs of the head alone before a two-phase run thaws."
    )
    thaw_lr_factor: float = Field(
        default=0.1, gt=0, le=1, description="The thawed stages learn at this share of the head's rate."
    )

    @classmethod
    def head_only(cls) -> Self:
        return cls(strategy="head")

    @classmethod
    def two_phase(cls, depth: int = 0, head_epochs: int = 2) -> Self:
        return cls(strategy="two-phase", depth=depth, head_epochs=head_epochs)

    @classmethod
    def everything(cls) -> Self:
        return cls(strategy="full", depth=0)

    def depth_at(self, epoch: int, stages: int = ALL_FROZEN) -> int:
        """Frozen stages during `epoch` (counted from 1), of a backbone that has so many."""
        alone = self.strategy == "two-phase" and epoch <= self.head_epochs
        return min(ALL_FROZEN if alone else self.final_depth, stages)

    @property
    def final_depth(self) -> int:
        """Stages that stay frozen throughout; ALL_FROZEN if only the head ever learns."""
        return ALL_FROZEN if self.strategy == "head" else self.depth or 0


def _parameter(value: Any) -> Any:
    """A value of a transform's parameter: a switch, a number, a word, or a pair of numbers as a tuple."""
    if isinstance(value, bool) or _is_number(value) or (isinstance(value, str) and len(value) <= 40):
        return value
    pair = tuple(value) if isinstance(value, list | tuple) else ()
    if len(pair) == 2 and all(map(_is_number, pair)):
        return pair
    raise PydanticCustomError("parameter", "Should be a number, a pair of numbers, a short word, true or false")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= 1e9


Value = Annotated[bool | int | float | str | tuple[float, float], PlainValidator(_parameter)]
ParameterName = Annotated[str, Field(max_length=40)]


class StepChoice(Section):
    """One step of a pipeline. The parameters that it does not name are as the catalogue has them."""

    transform: str = Field(max_length=40, description="The transform, by its name in the catalogue.")
    on: bool = Field(default=True, description="Switched off, a step stays in the list and does nothing.")
    p: float = Field(default=1.0, ge=0, le=1, description="How often it is applied, as a share of the pictures.")
    params: dict[ParameterName, Value] = Field(default={}, max_length=40, description="Its parameters, by name.")


class AugmentChoice(Section):
    preset: Literal["none", "gentle", "standard", "strong", "documents", "microscopy", "faces", "custom"] = Field(
        default="none",
        description="How much each picture is varied every time the model sees it. custom: by the steps below.",
    )
    steps: tuple[StepChoice, ...] = Field(
        default=(), max_length=32, description="The steps of a custom pipeline, in order; a preset has its own."
    )
    strength: float = Field(
        default=1.0,
        ge=0,
        le=2,
        description="Scales how often steps are applied and how far they go. 1: as written; 0: not at all.",
    )
    mix: Literal["none", "mixup", "cutmix"] = Field(
        default="none",
        description="Mix the pictures of a batch, and their labels alike. mixup: one shines through another; cutmix: "
        "a rectangle of one is laid into another. What the frozen part makes of them cannot be kept then.",
    )
    mix_alpha: float | None = Field(
        default=None,
        gt=0,
        le=8,
        description="How evenly pictures are mixed: the larger, the more often half and half. Empty: as published, "
        "0.2 for mixup and 1 for cutmix.",
    )
    views: int = Field(
        default=0,
        ge=0,
        le=64,
        description="So many fixed variations of each picture, taken in turn: what the frozen part makes of them is "
        "computed once. 0: a new variation every epoch.",
    )

    def variation(self, epoch: int) -> int:
        """The number, from 1, of the variation that `epoch` (counted from 1) shows."""
        return (epoch - 1) % self.views + 1 if self.views else epoch


class OptimizerChoice(Section):
    name: Literal["adamw", "sgd"] = Field(
        default="adamw", description="The rule that turns errors into changes of the weights."
    )
    lr: float = Field(default=3e-3, gt=0, le=10, description="Learning rate: how large each change is, at its highest.")
    weight_decay: float = Field(
        default=0.01, ge=0, le=1, description="How strongly weights are pulled towards zero (never norms and biases)."
    )
    momentum: float = Field(default=0.9, ge=0, lt=1, description="How much of the last change carries on (sgd only).")


class ScheduleChoice(Section):
    epochs: int = Field(default=8, ge=1, le=10_000, description="How many times the model sees every training picture.")
    batch_size: int = Field(
        default=32, ge=1, le=4096, description="Pictures looked at before each change of the weights."
    )
    warmup: float = Field(
        default=0.1, ge=0, le=0.9, description="Share of the run in which the rate climbs to its highest."
    )
    label_smoothing: float = Field(
        default=0.0, ge=0, lt=1, description="Keeps the model from being too sure of itself."
    )
    patience: int = Field(
        default=0,
        ge=0,
        le=10_000,
        description="Stop early when so many epochs in a row brought nothing better. 0: never.",
    )


class Steer(Section):
    """A change in the middle of a run. What is empty stays as it is."""

    step: int = Field(ge=0, description="How many updates of the weights come before the change.")
    depth: int | None = Field(
        default=None, ge=0, le=ALL_FROZEN, description="How many stages stay frozen from here on."
    )
    lr: float | None = Field(default=None, gt=0, le=10, description="The highest learning rate from here on.")
    epochs: int | None = Field(default=None, ge=1, le=10_000, description="How many epochs the run has from here on.")


class EngineChoice(Section):
    cache: Literal["auto", "off"] = Field(
        default="auto",
        description="Keep what the frozen part computes, also for later runs, instead of computing it again.",
    )
    precision: Literal["auto", "float32"] = Field(
        default="auto",
        description="auto: bfloat16 wherever this machine is faster with it and accuracy stays; float32: never.",
    )
    isolated: bool = Field(
        default=False, description="Train in a process of its own, which goes on even if the studio is closed."
    )


class Recipe(Section):
    """What is asked of a run. `problems()` tells all that is wrong with the combination at once."""

    name: str = Field(default="untitled", min_length=1, max_length=120, description="A name to find the run by.")
    seed: int = Field(default=0, ge=0, le=2**32 - 1, description="The same seed repeats the same run.")
    data: DataChoice = DataChoice()
    model: ModelChoice = ModelChoice()
    freeze: FreezePlan = FreezePlan()
    augment: AugmentChoice = AugmentChoice()
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
        if self.freeze.strategy == "two-phase" and self.freeze.head_epochs >= self.schedule.epochs:
            found.append(
                f"freeze.head_epochs: the head alone takes {self.freeze.head_epochs} of "
                f"{self.schedule.epochs} epochs, so nothing would ever thaw. Choose fewer, or more epochs."
            )
        if self.freeze.strategy == "head" and self.freeze.depth not in (None, ALL_FROZEN):
            found.append(
                f"freeze.depth: with the strategy head every stage stays frozen, so a depth of "
                f"{self.freeze.depth} has no effect. Choose two-phase or full, or leave the depth empty."
            )
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
