"""Which pictures a model learns from, and which are held back to measure it. No file is moved."""

import hashlib
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from studio.data.dataset import Dataset, Sample
from studio.errors import DataError

Unit = tuple[Sample, ...]


def split(dataset: Dataset, val_share: float = 0.2, seed: int = 0) -> Dataset:
    """The dataset with a split for every sample.

    A dataset's own train and val stay as they are, and so does a test split. Otherwise `val_share` of each class is
    held back as val: the same pictures for the same seed, whatever the order of the files; equal files and near copies
    stay on one side; near copies only where that leaves something of their class to measure with. Raises DataError
    where nothing can be learned from or held back.
    """
    if not 0 < val_share < 1:
        raise DataError(f"A share of {val_share} cannot be held back.", "Choose one between 0 and 1.")
    own = {sample.split for sample in dataset.samples}
    if own <= {"val", "test"}:
        names = " and ".join(sorted(name for name in own if name))
        raise DataError(
            f"This dataset has a {names} split but no train split, so there is nothing to learn from.",
            "Add a train folder beside it, or open a folder of class folders to have it split.",
            dataset.root,
        )
    if "val" in own:
        return _assigned(dataset, set())
    pool = [sample for sample in dataset.samples if sample.split != "test"]
    equal = [[sample.path for sample in group] for group in dataset.copies]
    barred = {sample.path for group in dataset.copies if len({one.label for one in group}) > 1 for sample in group}
    held_back = _held_back(_units(pool, [*equal, *dataset.alike]), barred, val_share, seed)
    measured = {sample.label for sample in pool if sample.path in held_back}
    alone = {sample.path for sample in pool if sample.label not in measured}
    if alone and dataset.alike:  # a class that is all alike, as frames of one film are, would not be measured at all
        near = [[path for path in group if path not in alone] for group in dataset.alike]
        held_back = _held_back(_units(pool, [*equal, *near]), barred, val_share, seed)
    if not held_back:
        raise DataError(
            "No class has two different pictures, so none can be held back to measure accuracy.",
            "Add pictures to the classes.",
            dataset.root,
        )
    return _assigned(dataset, held_back)


def quotas(counts: dict[str, int], share: float) -> dict[str, int]:
    """How many of each class to hold back: `share` of the whole by largest remainders, at least 1 and never all.

    A class with a single picture holds back none.
    """
    exact = {name: share * count for name, count in counts.items()}
    quota = {name: math.floor(part) for name, part in exact.items()}
    missing = round(sum(exact.values())) - sum(quota.values())
    by_remainder = sorted(counts, key=lambda name: (quota[name] - exact[name], name))
    for name in by_remainder[:missing]:
        quota[name] += 1
    return {name: min(max(quota[name], 1), count - 1) for name, count in counts.items()}


def _assigned(dataset: Dataset, held_back: set[str]) -> Dataset:
    """Samples in `held_back` become val; others that are not val or test already become train."""

    def placed(sample: Sample) -> Sample:
        if sample.path in held_back:
            return replace(sample, split="val")
        return sample if sample.split else replace(sample, split="train")

    if not held_back and all(sample.split for sample in dataset.samples):
        return dataset
    return replace(dataset, samples=tuple(placed(sample) for sample in dataset.samples))


def _units(pool: list[Sample], groups: Iterable[Sequence[str]]) -> list[Unit]:
    """`pool` in units that must stay together: pictures in groups (by path) that touch, and all others alone."""
    parents: dict[str, str] = {}
    for first, *rest in filter(None, groups):
        for path in rest:
            parents[_root(parents, path)] = _root(parents, first)
    together: dict[str, list[Sample]] = defaultdict(list)
    for sample in pool:
        together[_root(parents, sample.path)].append(sample)
    return [tuple(sorted(unit, key=lambda sample: sample.path)) for unit in together.values()]


def _root(parents: dict[str, str], path: str) -> str:
    """The picture that stands for all that `path` belongs together with."""
    while (parent := parents.get(path, path)) != path:
        parents[path] = parents.get(parent, parent)  # half the way for whoever asks next
        path = parent
    return path


def _held_back(units: list[Unit], barred: set[str], share: float, seed: int) -> set[str]:
    """The paths to hold back. `barred` are equal files with different labels, never among them: they measure nothing.

    Units of one label fill its quota first; what is left goes to units of near copies that lie in several classes.
    """
    counts: dict[str, int] = defaultdict(int)
    choices: dict[str, list[Unit]] = defaultdict(list)
    mixed: list[Unit] = []
    for unit in units:
        for sample in unit:
            counts[sample.label] += 1
        if len({sample.label for sample in unit}) == 1:
            choices[unit[0].label].append(unit)
        elif not any(sample.path in barred for sample in unit):
            mixed.append(unit)
    room = quotas(counts, share)
    chosen: set[str] = set()
    for label, own in choices.items():
        own.sort(key=lambda unit: _draw(unit, seed))
        stays = counts[label] > sum(len(unit) for unit in own)  # some of the class is in train in any case
        for unit in _fill(own if stays else own[1:], room[label]):
            chosen.update(sample.path for sample in unit)
            room[label] -= len(unit)
    for unit in sorted(mixed, key=lambda unit: _draw(unit, seed)):
        needed = Counter(sample.label for sample in unit)
        if all(count <= room[label] for label, count in needed.items()):
            chosen.update(sample.path for sample in unit)
            for label, count in needed.items():
                room[label] -= count
    return chosen


def _fill(units: list[Unit], quota: int) -> list[Unit]:
    """Units, in their order, that fit into `quota` pictures; if all are larger, the smallest of them."""
    taken: list[Unit] = []
    room = quota
    for unit in units:
        if len(unit) <= room:
            taken.append(unit)
            room -= len(unit)
    return taken or sorted(units, key=len)[:1]


def _draw(unit: Unit, seed: int) -> bytes:
    """A random-looking place in the order, of the seed and the path alone."""
    return hashlib.blake2b(f"{seed}\0{unit[0].path}".encode(), digest_size=8).digest()
