"""The catalogue: every transform that a pipeline may hold, in plain words.

All of them take a picture alone: what needs masks, boxes, other pictures or files is not here. Reading it imports
nothing slow; what values a transform takes is told by `studio.augment.parameters`.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from studio.errors import RecipeError

GROUPS: dict[str, str] = {
    "geometry": "Geometry",
    "colour": "Colour and light",
    "blur": "Blur and noise",
    "weather": "Weather",
    "dropout": "Blank spots",
    "compression": "Compression",
}


@dataclass(frozen=True)
class Transform:
    """A transform by its name in albumentations. `group` is one of GROUPS, `sentence` says what it does.

    `changes` names what of a picture may come to mean something else: mirror, upright (which way is up), turn, crop,
    colour, hide. A `crop` gives the final size. `sliders` has the words and bounds of each parameter offered.
    """

    name: str
    group: str
    title: str
    sentence: str
    search: str
    changes: frozenset[str]
    crop: bool
    sliders: Mapping[str, Mapping[str, Any]]

    def speaks_of(self, word: str) -> bool:
        """Whether `word` begins a word of its name, group, sentence or search terms."""
        said = f"{self.name} {self.title} {GROUPS[self.group]} {self.sentence} {self.search}".lower()
        letters = "".join(letter if letter.isalnum() else " " for letter in said)
        return any(each.startswith(word) for each in letters.split())


def _read() -> dict[str, Transform]:
    tree = tomllib.loads(Path(__file__).with_name("catalogue.toml").read_text(encoding="utf-8"))
    return {name: _transform(name, table) for name, table in tree.items()}


def _transform(name: str, table: dict[str, Any]) -> Transform:
    sliders = {part: MappingProxyType(value) for part, value in table.items() if isinstance(value, dict)}
    return Transform(
        name,
        table["group"],
        table["title"],
        table["sentence"],
        table.get("search", ""),
        frozenset(table.get("changes", ())),
        table.get("crop", False),
        MappingProxyType(sliders),
    )


CATALOGUE: Mapping[str, Transform] = MappingProxyType(_read())


def transform(name: str) -> Transform:
    """The transform of this name. Raises RecipeError where the catalogue has none."""
    if name not in CATALOGUE:
        raise RecipeError(
            f"There is no transform {name!r} in the catalogue.", "Take it out, or choose another from the catalogue."
        )
    return CATALOGUE[name]


def search(words: str = "", group: str = "") -> list[Transform]:
    """The transforms that speak of every one of `words`, in the catalogue's order; of one group, if that is given."""
    asked = words.lower().split()
    some = [each for each in CATALOGUE.values() if not group or each.group == group]
    return [each for each in some if all(each.speaks_of(word) for word in asked)]
