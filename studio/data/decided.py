"""A dataset under decisions: pictures that were set aside are left out, moved ones get their new class.

No file is touched. What is decided about a picture holds while its file has the size that it had then.
"""

import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from stat import S_ISREG

from studio.data.dataset import BY_YOU, Dataset, Sample, SetAside
from studio.data.decisions import DECISIONS, Action, Decision, Decisions, Groups, alike, save_alike
from studio.data.layout import label_of
from studio.errors import DataError


def decide(
    dataset: Dataset, paths: Iterable[str], action: Action, label: str = "", check: str = ""
) -> tuple[Decision, ...]:
    """The decisions to `Decisions.add` for these pictures, by their paths in the dataset.

    Raises DataError for a picture or a class that is not there. A class that other decisions emptied can be moved to.
    """
    read = dataset.as_read or dataset
    label = label_of(label)
    if action == "move" and label not in read.classes:
        raise DataError(f"There is no class {label!r} in this dataset.", f"It has {_listed(read.classes)}.", read.root)
    known = {sample.path for sample in read.samples}
    if action != "move":
        known.update(item.path for item in read.set_aside)
    wanted = tuple(dict.fromkeys(paths))
    for path in wanted:
        if path not in known:
            remedy = "Write its path as the check does: from the folder that was opened."
            raise DataError(f"There is no picture {path!r} in this dataset.", remedy, read.root)
    now = time.time()
    return tuple(Decision(path, action, label, check, now, _size(read.root / path)) for path in wanted)


def under(dataset: Dataset, decisions: Iterable[Decision], groups: Groups = (), *, pinned: bool = False) -> Dataset:
    """The dataset as read, under those of these decisions that hold; `groups` are near copies.

    A class that loses all its pictures is gone. `pinned` decisions hold whatever became of the files.
    """
    holding = tuple(_holding(dataset, decisions, pinned))
    present = {sample.path for sample in dataset.samples} if groups else set()
    near = tuple(some for group in groups if len(some := tuple(path for path in group if path in present)) > 1)
    if not holding and not near:
        return dataset
    aside = {one.path for one in holding if one.action == "set-aside"}
    moved = {one.path: one.label for one in holding if one.action == "move"}

    def placed(sample: Sample) -> Sample:
        return replace(sample, label=moved[sample.path]) if sample.path in moved else sample

    others = [item for item in dataset.set_aside if item.path not in aside]
    return replace(
        dataset,
        samples=tuple(placed(sample) for sample in dataset.samples if sample.path not in aside),
        set_aside=tuple(sorted([*others, *(SetAside(path, BY_YOU) for path in aside)], key=lambda item: item.path)),
        decided=holding,
        alike=near,
        as_read=dataset,
    )


def as_decided(dataset: Dataset, folder: Path, *, pinned: bool = False) -> Dataset:
    """The dataset as read, under what is written down in `folder`. Raises DataError where that is damaged."""
    return under(dataset, Decisions(folder).all(), alike(folder), pinned=pinned)


def pin(dataset: Dataset, folder: Path) -> None:
    """Write the decisions that hold for `dataset`, and its near copies, into a run's folder, on the disk for good."""
    save_alike(folder, dataset.alike)
    Decisions(folder).write_down(dataset.decided)  # last, as it tells that all is there


def is_pinned(folder: Path) -> bool:
    """Whether `pin` came to its end in this folder."""
    return (folder / DECISIONS).is_file()


def _holding(dataset: Dataset, decisions: Iterable[Decision], pinned: bool) -> Iterable[Decision]:
    known = tuple(decisions)
    asked, classes = {one.path for one in known}, set(dataset.classes) if known else set()
    labels = {sample.path: sample.label for sample in dataset.samples if sample.path in asked} if known else {}
    others = {item.path for item in dataset.set_aside if item.path in asked}
    for one in known:
        if one.action == "move":
            there = one.path in labels and one.label in classes and one.label != labels[one.path]
        else:
            there = one.path in labels or one.path in others
        if there and (pinned or _size(dataset.root / one.path) == one.size):
            yield one


def _size(file: Path) -> int:
    """Bytes of a file; 0 where there is none, as for what was never taken out of a zip."""
    try:
        found = file.stat()
    except (OSError, ValueError):
        return 0
    return found.st_size if S_ISREG(found.st_mode) else 0


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names[:10])) + (f" and {len(names) - 10} more" if len(names) > 10 else "")
