"""Checks for the same picture in more than one place: as a copy, under two labels, or on both sides of a split.

Exact copies are the same file, byte for byte; near copies show the same in another file. An exact copy is no near copy.
"""

import weakref
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from studio.checks.evidence import Evidence
from studio.checks.near import groups, near_pairs
from studio.checks.report import Finding, Severity, counted
from studio.data.dataset import Sample

Group = tuple[Sample, ...]
_GRAVE_LEAK = 0.1
_MOSTLY = 1 / 3  # share of pictures beyond which copies are how the dataset was made
_COUNTED_TWICE = (
    "Near copies count one picture several times, and flatter a model where they lie on both sides of a split."
)
_MULTIPLIED = "So many suggest that the pictures were multiplied before they came here, which easily flatters a model."


@dataclass(frozen=True)
class Near:
    """Pictures that show the same though their files differ: one of each file, and all with their exact copies."""

    ones: Group
    all: Group


def exact_duplicates(evidence: Evidence) -> Iterable[Finding]:
    """Equal files with the same label. `value` is how many could go."""
    everything = _asked(evidence, "exact-duplicate", evidence.dataset.copies)
    groups = [group for group in everything if len({sample.label for sample in group}) == 1]
    if not groups:
        return
    surplus = sum(len(group) - 1 for group in groups)
    yield _finding(
        "exact-duplicate",
        "attention",
        f"{counted(surplus, 'picture is an exact copy', 'pictures are exact copies')} of another one of its class.",
        why="Copies count one picture several times. The split keeps them together, so that none is a hint.",
        remedy="Keep one of each group.",
        groups=groups,
        value=surplus,
    )


def near_duplicates(evidence: Evidence) -> Iterable[Finding]:
    """Pictures of a class that show the same, though their files differ. `value` is how many could go."""
    alone = [near.ones for near in near_copies(evidence) if len({sample.label for sample in near.all}) == 1]
    groups = _asked(evidence, "near-duplicate", alone)
    if not groups:
        return
    surplus = sum(len(group) - 1 for group in groups)
    yield _finding(
        "near-duplicate",
        "attention",
        f"{counted(surplus, 'picture shows', 'pictures show')} the same as another one of its class, saved again, "
        "resized, cropped or brightened.",
        why=_MULTIPLIED if surplus > _MOSTLY * len(evidence.samples) else _COUNTED_TWICE,
        remedy="Keep the largest of each group.",
        groups=groups,
        value=surplus,
    )


def conflicting_duplicates(evidence: Evidence) -> Iterable[Finding]:
    """Equal or nearly equal pictures with different labels. `value` is how many groups there are."""
    everything = _asked(evidence, "conflicting-duplicate", _all_groups(evidence))
    groups = [group for group in everything if len({sample.label for sample in group}) > 1]
    equal = [group for group in groups if _equal_in_two_classes(evidence, group)]
    if equal:
        yield _finding(
            "conflicting-duplicate",
            "critical",
            f"{counted(len(equal), 'picture lies', 'pictures lie')} in more than one class.",
            why="The same pixels under two labels teach a contradiction, and one of the labels is wrong.",
            remedy="Decide which class is right and delete the other copy.",
            groups=equal,
            value=len(equal),
        )
    if near := [group for group in groups if group not in equal]:
        yield _finding(
            "conflicting-duplicate",
            "attention",
            f"{counted(len(near), 'picture lies', 'pictures lie')} in more than one class in nearly the same form.",
            why="Nearly the same pixels under two labels teach a contradiction, unless the little that differs is "
            "what tells the classes apart.",
            remedy="Decide which class is right, or keep them if the difference matters.",
            groups=near,
            value=len(near),
        )


def split_leaks(evidence: Evidence) -> Iterable[Finding]:
    """Equal or nearly equal pictures on both sides of the dataset's own split.

    `value` is how many held-back pictures are in train too.
    """
    groups = [group for group in _asked(evidence, "split-leak", _all_groups(evidence)) if _leaks(group)]
    if not groups:
        return
    leaked = sum(sample.split in ("val", "test") for group in groups for sample in group)
    dataset = evidence.dataset
    held_back = len(dataset.split("val")) + len(dataset.split("test"))
    yield _finding(
        "split-leak",
        "critical" if leaked > _GRAVE_LEAK * held_back else "attention",
        f"{counted(leaked, 'picture')} of the {held_back:,} held back to measure accuracy "
        f"{'is' if leaked == 1 else 'are'} in train too.",
        why="A model that has seen the answers scores better than it is.",
        remedy="Delete these pictures from one side of the split.",
        groups=groups,
        value=leaked,
    )


def near_copies(evidence: Evidence) -> Sequence[Near]:
    """Groups of near copies, in the order of their first paths. Those of the traits seen last are remembered."""
    global _last
    traits, known = _last
    if traits() is not evidence.traits:
        known = _near_copies(evidence)
        _last = weakref.ref(evidence.traits), known
    return known


_last: tuple[weakref.ref[np.ndarray], Sequence[Near]] = (weakref.ref(np.zeros(0)), ())


def _near_copies(evidence: Evidence) -> Sequence[Near]:
    exact = {sample.path: group for group in evidence.dataset.copies for sample in group}
    known: set[str] = set()
    rows = []
    for row, sample in enumerate(evidence.samples):  # one of each file
        first = exact.get(sample.path, (sample,))[0].path
        if first not in known:
            known.add(first)
            rows.append(row)
    pairs = near_pairs(evidence.traits[np.array(rows, np.int64)])
    found = []
    for group in groups(len(rows), pairs):
        ones = tuple(sorted((evidence.samples[rows[one]] for one in group), key=lambda sample: sample.path))
        everyone = (copy for one in ones for copy in exact.get(one.path, (one,)))
        found.append(Near(ones, tuple(sorted(everyone, key=lambda sample: sample.path))))
    return sorted(found, key=lambda near: near.ones[0].path)


def _all_groups(evidence: Evidence) -> list[Group]:
    """Exact and near copies; exact ones that have near ones too are in the group of those."""
    near = [group.all for group in near_copies(evidence)]
    covered = {sample.path for group in near for sample in group}
    exact = [group for group in evidence.dataset.copies if group[0].path not in covered]
    return sorted([*near, *exact], key=lambda group: group[0].path)


def _asked(evidence: Evidence, check: str, groups: Iterable[Group]) -> list[Group]:
    """Groups without the pictures that are kept out of this check; those of which less than two are left are none."""
    kept = evidence.kept(check)
    left = (tuple(sample for sample in group if sample.path not in kept) for group in groups)
    return [group for group in left if len(group) > 1]


def _equal_in_two_classes(evidence: Evidence, group: Group) -> bool:
    """Whether two of them are the same file under different labels."""
    there = {sample.path for sample in group}
    labels = ({sample.label for sample in copies if sample.path in there} for copies in evidence.dataset.copies)
    return any(len(own) > 1 for own in labels)


def _leaks(group: Group) -> bool:
    sides = {sample.split for sample in group}
    return "train" in sides and bool(sides & {"val", "test"})


def _finding(
    check: str, severity: Severity, sentence: str, why: str, remedy: str, groups: list[Group], value: int
) -> Finding:
    paths = tuple(tuple(sample.path for sample in group) for group in groups)
    return Finding(
        check,
        severity,
        sentence,
        why,
        remedy,
        images=tuple(sorted(path for group in paths for path in group)),
        groups=paths,
        value=value,
    )
