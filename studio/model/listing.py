"""The list of backbones that a person chooses from: one row for each set of weights, filtered and sorted. No torch."""

import re
from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any, Literal

from studio.model import catalogue
from studio.model.families import Family, family_of
from studio.model.places import WeightsAt, downloaded, embedded

Order = Literal["best", "accuracy", "speed", "work", "parameters", "name"]
Terms = Literal["free", "research", "own"]
Place = WeightsAt | Literal["file"]

ORDERS: dict[Order, str] = {
    "best": "Most accurate for its work",
    "accuracy": "Most accurate",
    "speed": "Fastest on this machine",
    "work": "Least work for a picture",
    "parameters": "Fewest parameters",
    "name": "Name",
}
_BETWEEN = re.compile(r"[\s_/-]")
_PAPERS = re.compile(r"vit[\s_-]?(ti|s|b|l|h|g)[\s_/-]?(\d+)")  # as papers write them
_SIZES = {"ti": "tiny", "s": "small", "b": "base", "l": "large", "h": "huge", "g": "giant"}
_FREE = ("apache-2.0", "mit", "bsd-3-clause", "cc-by-4.0")
_RESEARCH = ("cc-by-nc-4.0", "fair-noncommercial-research-license", "seer-license", "apple-amlr")


@dataclass(frozen=True)
class Row:
    """Weights to start from, or an architecture that none are published for.

    `parameters` counts a head of 1,000 classes; `flops` are those of one picture `size` pixels wide, in operations;
    `accuracy` is the published one on ImageNet-1k, from 0 to 1. `weights` says where they are, `download_mb` how many
    megabytes they take. `refused` says why it cannot be trained here; empty where it can.
    """

    name: str
    parameters: int
    size: int
    flops: int | None
    moved: int | None
    accuracy: float | None
    licence: str
    weights: WeightsAt
    download_mb: float
    refused: str = ""

    @property
    def architecture(self) -> str:
        """Its name without a tag."""
        return self.name.partition(".")[0]

    @property
    def family(self) -> Family:
        """The kind of network."""
        return family_of(self.name)

    @property
    def here(self) -> bool:
        """Whether its weights are on this computer."""
        return self.weights in ("inside", "cached")

    @property
    def terms(self) -> Terms:
        """What its licence allows: any use, research alone, or what is written there."""
        return terms(self.licence)


@dataclass(frozen=True)
class Wanted:
    """Which rows. `text` is part of a name (or matches it, where it holds a `*`); what is empty or None asks nothing.

    `most_parameters` and `most_flops` are plain numbers, `sizes` the least and the greatest side in pixels. `where`
    may ask for a `file` of one's own, too: what it holds fits the architectures in `fits`. `every` keeps all weights
    of an architecture; else there is one row for each: what is on this computer, or the usual ones.
    """

    text: str = ""
    families: tuple[str, ...] = ()
    most_parameters: float | None = None
    most_flops: float | None = None
    sizes: tuple[int, int] | None = None
    terms: tuple[Terms, ...] = ()
    where: tuple[Place, ...] = ()
    fits: tuple[str, ...] = ()
    order: Order = "best"
    every: bool = False


def terms(licence: str) -> Terms:
    """What a licence allows."""
    return "free" if licence in _FREE else "research" if licence in _RESEARCH else "own"


def rows() -> list[Row]:
    """Every row there is: all published weights, those inside, and every architecture that has none."""
    return list(_rows(tuple(embedded()), downloaded()))


@lru_cache(maxsize=4)
def _rows(inside: tuple[str, ...], here: frozenset[str]) -> tuple[Row, ...]:
    found = []
    for architecture, record in catalogue.records().items():
        offered: Mapping[str, Any] = record["weights"]
        if architecture in inside or not offered:
            found.append(_row(architecture, next(iter(offered), ""), record, here))
        found += [_row(f"{architecture}.{tag}", tag, record, here) for tag in offered]
    return tuple(found)


def _row(name: str, tag: str, record: dict[str, Any], here: frozenset[str]) -> Row:
    said = record["weights"].get(tag, {})
    size = catalogue.config_of(said or record)["input_size"][-1]
    usual = catalogue.config_of(record)["input_size"][-1]
    scale = (size / usual) ** 2  # the survey counted at the usual size
    return Row(
        name,
        record["parameters"],
        size,
        record["flops"] and round(record["flops"] * scale),
        record["moved"] and round(record["moved"] * scale),
        said.get("accuracy"),
        catalogue.licence(said),
        catalogue.where(name, tag, said, here),
        catalogue.download_mb(record, said),
        record.get("refused", ""),
    )


def find(name: str, among: Iterable[Row]) -> Row | None:
    """The row that a recipe's backbone means: without a tag, what is inside or else the usual weights."""
    rows_of = [row for row in among if row.name == name or row.architecture == name]
    return next((row for row in rows_of if row.name == name), rows_of[0] if rows_of else None)


def choose(among: Iterable[Row], wanted: Wanted, paces: Mapping[str, float] | None = None) -> list[Row]:
    """The rows that are wanted, in the wanted order; to sort by speed, `paces` are pictures a second by row name."""
    found = [row for row in among if _suits(row, wanted)]
    if not wanted.every:
        found = _one_each(found)
    return _sorted(found, wanted.order, paces or {})


def _suits(row: Row, wanted: Wanted) -> bool:
    return (
        _named_so(row, wanted.text.strip().lower())
        and (not wanted.families or row.family.key in wanted.families)
        and (wanted.most_parameters is None or row.parameters <= wanted.most_parameters)
        and (wanted.most_flops is None or (row.flops is not None and row.flops <= wanted.most_flops))
        and (wanted.sizes is None or wanted.sizes[0] <= row.size <= wanted.sizes[1])
        and (not wanted.terms or row.terms in wanted.terms)
        and (not wanted.where or row.weights in wanted.where or row.architecture in wanted.fits)
    )


def _named_so(row: Row, text: str) -> bool:
    """Whether a name holds this text. People write `ResNet-50` and `ViT-B/16`, timm `resnet50`, `vit_base_patch16`."""
    name = row.name.lower()
    if "*" in text:
        return fnmatchcase(name, text) or fnmatchcase(row.architecture.lower(), text)
    if text in name:
        return True
    wanted = _squeezed(text)
    return bool(wanted) and wanted in _squeezed(row.architecture.lower())


@lru_cache(maxsize=4096)  # all names of timm, once, and not at every drawing of the page
def _squeezed(name: str) -> str:
    """A name as timm writes it, without what stands between its parts."""
    told = _PAPERS.sub(lambda found: f"vit{_SIZES[found[1]]}patch{found[2]}", name)
    return _BETWEEN.sub("", told)


def _one_each(found: Sequence[Row]) -> list[Row]:
    """Of each architecture the weights that are here, or else the first, which are the usual ones."""
    best: dict[str, Row] = {}
    for row in found:
        known = best.get(row.architecture)
        if known is None or (row.here and not known.here):
            best[row.architecture] = row
    return list(best.values())


def _sorted(found: list[Row], order: Order, paces: Mapping[str, float]) -> list[Row]:
    """In order; what the order says nothing of comes last, by name."""
    if order == "best":
        behind = _outdone(found)
        return sorted(found, key=lambda row: (behind.get(row.name, len(found)), -(row.accuracy or 0), row.name))
    keys: dict[Order, Any] = {
        "accuracy": lambda row: -row.accuracy if row.accuracy is not None else 1,
        "speed": lambda row: -paces.get(row.name, 0.0),
        "work": lambda row: row.flops if row.flops is not None else float("inf"),
        "parameters": lambda row: row.parameters,
        "name": lambda row: 0,
    }
    return sorted(found, key=lambda row: (keys[order](row), row.name))


def _outdone(found: Sequence[Row]) -> dict[str, int]:
    """For each row with both numbers, how many others do no more work and are more accurate: none beats 0."""
    known = sorted((row for row in found if row.flops and row.accuracy), key=lambda row: (row.flops, -row.accuracy))  # type: ignore[operator]
    accuracies: list[float] = []
    behind = {}
    for row in known:
        accuracy = -(row.accuracy or 0.0)
        behind[row.name] = bisect_left(accuracies, accuracy)
        insort(accuracies, accuracy)
    return behind
