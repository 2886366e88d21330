"""Ready ways of learning, each a TOML file beside this one: a title, when it suits, whence it comes, and its fields."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from studio.errors import RecipeError
from studio.recipe.section import Section
from studio.recipe.whole import Recipe

SECTIONS = ("head", "freeze", "loss", "optimizer", "schedule")  # all that a preset decides, and all that it resets


@dataclass(frozen=True)
class Preset:
    """A whole way of learning. What it does not name in its sections is as in a new recipe."""

    name: str
    title: str
    suits: str
    source: str
    sections: Mapping[str, Any]

    def applied(self, recipe: Recipe) -> Recipe:
        """The recipe with this way of learning; pictures, network, variation and seed stay.

        Raises RecipeError where the file names what a recipe does not have.
        """
        fresh: dict[str, Section] = {name: getattr(Recipe(), name) for name in SECTIONS}
        fields = {f"{name}.{leaf}": value for name, part in self.sections.items() for leaf, value in part.items()}
        return recipe.amended({**fresh, **fields})

    def is_held(self, recipe: Recipe) -> bool:
        """Whether a recipe learns this way already, but for its length, its batches and its rate."""
        free = ("schedule.epochs", "schedule.batch_size", "optimizer.lr")
        theirs = recipe.model_dump()
        kept = {name: theirs[name.split(".")[0]][name.split(".")[1]] for name in free}
        return self.applied(recipe).amended(kept) == recipe


@cache
def presets() -> tuple[Preset, ...]:
    """All of them, the simplest first."""
    files = sorted(Path(__file__).parent.glob("*.toml"))
    return tuple(_read(file) for file in files)


def named(name: str) -> Preset:
    """The preset of this name. Raises RecipeError naming all there are."""
    found = {preset.name: preset for preset in presets()}
    if name not in found:
        raise RecipeError(f"There is no preset named {name!r}.", f"Known presets: {', '.join(found)}.")
    return found[name]


def _read(file: Path) -> Preset:
    """`3-gradual.toml` is the preset "gradual"; the number gives its place."""
    tree = tomllib.loads(file.read_text(encoding="utf-8"))
    title, suits, source = (str(tree.pop(name)) for name in ("title", "suits", "source"))
    return Preset(file.stem.partition("-")[2], title, suits, source, tree)
