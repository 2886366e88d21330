"""Checks for the same picture in more than one place: as a copy, under two labels, or on both sides of a split."""

from collections.abc import Iterable

from studio.checks.evidence import Evidence
from studio.checks.report import Finding, Severity, counted
from studio.data.dataset import Sample

Group = tuple[Sample, ...]
_GRAVE_LEAK = 0.1


def exact_duplicates(evidence: Evidence) -> Iterable[Finding]:
    """Equal files with the same label. `value` is how many could go."""
    groups = [group for group in evidence.dataset.copies if len({sample.label for sample in group}) == 1]
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


def conflicting_duplicates(evidence: Evidence) -> Iterable[Finding]:
    """Equal files with different labels. `value` is how many groups there are."""
    groups = [group for group in evidence.dataset.copies if len({sample.label for sample in group}) > 1]
    if not groups:
        return
    yield _finding(
        "conflicting-duplicate",
        "critical",
        f"{counted(len(groups), 'picture lies', 'pictures lie')} in more than one class.",
        why="The same pixels under two labels teach a contradiction, and one of the labels is wrong.",
        remedy="Decide which class is right and delete the other copy.",
        groups=groups,
        value=len(groups),
    )


def split_leaks(evidence: Evidence) -> Iterable[Finding]:
    """Equal files on both sides of the dataset's own split. `value` is how many held-back pictures are in train too."""
    groups = [group for group in evidence.dataset.copies if _leaks(group)]
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
