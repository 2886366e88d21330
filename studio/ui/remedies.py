"""What can be done about a finding: set aside, move or keep one picture, several or all of them."""

from collections.abc import Sequence

import streamlit as st

from studio.checks.report import Finding
from studio.data.dataset import Dataset, Sample
from studio.data.library import Entry
from studio.ui import decided, pictures
from studio.ui.cards import count, plain

COPIES = ("exact-duplicate", "near-duplicate", "split-leak")
# About these something else has to be done than to decide on single pictures; each sentence says what.
NOT_BY_PICTURES = frozenset({"imbalance", "tiny-class", "class-not-in-train", "set-aside", "more-images", "shortcut"})
# Here the class may be wrong.
_OF_LABELS = ("mislabelled", "hard-pair", "outlier", "conflicting-duplicate")


def offer(entry: Entry, dataset: Dataset, finding: Finding, ticked: Sequence[str], key: str) -> None:
    """The buttons below a finding's pictures. They are about those that are ticked, else about all."""
    there = pictures.samples(dataset)
    unused = {item.path for item in dataset.set_aside} if finding.check == "unreadable" else frozenset()
    every = [path for path in finding.images if path in there or path in unused]
    if finding.check in NOT_BY_PICTURES or not every:
        return
    paths = list(ticked) or every
    which = f"the {len(paths):,} ticked" if ticked else f"all {len(paths):,}" if len(paths) > 1 else "it"
    with st.container(horizontal=True, vertical_alignment="center", key=f"{key}-remedies"):
        if finding.check in COPIES and not ticked:
            _one_of_each(entry, dataset, finding, key)
        if finding.check == "conflicting-duplicate" and not ticked:
            _one_class_of_each(entry, dataset, finding, key)
        _move_where_they_look_like(entry, dataset, finding, paths, which, key)
        if st.button(f"Set aside {which}", icon=":material/archive:", key=f"{key}-aside", help=_ASIDE):
            decided.take(entry, dataset, paths, "set-aside", finding.check)
        if st.button(f"Keep {which} as {'it is' if len(paths) == 1 else 'they are'}", icon=":material/thumb_up:",
                     key=f"{key}-keep", help=_KEEP):  # fmt: skip
            decided.take(entry, dataset, paths, "keep", finding.check)
        if finding.check in _OF_LABELS:
            _move(entry, dataset, finding, paths, which, key)


_ASIDE = "They are left out of training. The files stay where they are, and you can take it back."
_KEEP = "They stay in their class, and this finding does not name them again."


def _one_of_each(entry: Entry, dataset: Dataset, finding: Finding, key: str) -> None:
    surplus = sum(len(group) - 1 for group in finding.groups)
    if surplus and st.button(
        "Set aside all but one of each group",
        icon=":material/filter_none:",
        type="primary",
        key=f"{key}-but-one",
        help=f"{count(surplus, 'picture')} set aside; the largest file of each group stays"
        f"{', held back to measure with' if finding.check == 'split-leak' else ''}.",
    ):
        paths = [path for group in finding.groups for path in others(dataset, group)]
        decided.take(entry, dataset, paths, "set-aside", finding.check)


def others(dataset: Dataset, group: Sequence[str]) -> list[str]:
    """The pictures of a group but one: a held-back one before one to learn from, then the largest file stays."""
    there = pictures.samples(dataset)
    present = [there[path] for path in group if path in there]
    if not present:
        return []
    best = max(present, key=lambda sample: (sample.split in ("val", "test"), _size(dataset, sample)))
    return [sample.path for sample in present if sample != best]


def _size(dataset: Dataset, sample: Sample) -> int:
    try:
        return dataset.file(sample).stat().st_size
    except OSError:
        return 0


def _one_class_of_each(entry: Entry, dataset: Dataset, finding: Finding, key: str) -> None:
    """Of pictures that lie in several classes, keep the ones in the right class."""
    there = pictures.samples(dataset)
    groups = [[there[path] for path in group if path in there] for group in finding.groups]
    labels = sorted({sample.label for group in groups for sample in group})
    with st.popover("Keep only the ones in…", icon=":material/rule:", key=f"{key}-one-class"):
        st.markdown("Where a picture lies in several classes, keep it in this one and set the others aside:")
        label = st.selectbox("Keep in", labels, key=f"{key}-one-class-label")
        wrong = [
            sample.path
            for group in groups
            if any(sample.label == label for sample in group)
            for sample in group
            if sample.label != label
        ]
        if st.button(f"Set {count(len(wrong), 'picture')} aside", key=f"{key}-one-class-go", disabled=not wrong):
            decided.take(entry, dataset, wrong, "set-aside", finding.check)


def _move_where_they_look_like(
    entry: Entry, dataset: Dataset, finding: Finding, paths: Sequence[str], which: str, key: str
) -> None:
    there = pictures.samples(dataset)
    labels = {path: finding.suggestions[path].label for path in paths if path in finding.suggestions}
    labels = {path: label for path, label in labels.items() if there[path].label != label}
    if not labels:
        return
    names = set(labels.values())
    to = plain(names.pop()) if len(names) == 1 else f"the class {'it looks' if len(labels) == 1 else 'each looks'} like"
    if st.button(f"Move {which} to {to}", icon=":material/drive_file_move:", type="primary", key=f"{key}-move"):
        decided.move_each(entry, dataset, labels, finding.check)


def _move(entry: Entry, dataset: Dataset, finding: Finding, paths: Sequence[str], which: str, key: str) -> None:
    with st.popover("Move to another class…", icon=":material/drive_file_move:", key=f"{key}-elsewhere"):
        label = st.selectbox("Class", classes(dataset), key=f"{key}-label")
        if st.button(f"Move {which}", key=f"{key}-move-there"):
            there = pictures.samples(dataset)
            moving = [path for path in paths if there[path].label != label]
            decided.take(entry, dataset, moving, "move", finding.check, label)


def classes(dataset: Dataset) -> tuple[str, ...]:
    """The classes that a picture can be moved to, those among them that decisions have emptied."""
    return (dataset.as_read or dataset).classes
