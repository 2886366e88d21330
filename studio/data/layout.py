"""How pictures are laid out in a folder: class folders, or train, val and test folders with class folders in them."""

import unicodedata
from collections.abc import Iterable
from pathlib import Path

from studio.data.dataset import Dataset, Sample, SetAside, Split
from studio.data.listing import Listing, Parts
from studio.errors import DataError

EXPECTED = (
    "Put the pictures of each class into a folder of its own, such as pets/cat/1.jpg and pets/dog/2.jpg, "
    "and open the folder above them (here: pets)."
)
SPLITS: dict[str, Split] = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}


def split_named(name: str) -> Split | None:
    """The split that a folder or a table means by `name`, in whatever case, or None."""
    return SPLITS.get(name.strip().casefold())


def label_of(name: str) -> str:
    """A class's name as one spelling: the same letters composed differently (as macOS does) are the same class."""
    return unicodedata.normalize("NFC", name)


def wrapping(listing: Listing) -> Parts:
    """The single folders, from the root, that only wrap the dataset (as in a zip of a folder); () if there is none."""
    above: Parts = ()
    while True:
        here = len(above)
        inner = [parts for parts in listing.pictures if parts[:here] == above]
        tops = {parts[here] for parts in inner if len(parts) > here + 1}
        deep = sum(len(parts) > here + 2 for parts in inner)
        if len(tops) != 1 or 2 * deep <= len(inner) or split_named(next(iter(tops))):
            return above
        above = (*above, tops.pop())


def arrange(listing: Listing) -> Dataset:
    """The dataset in `listing`. Raises DataError where there are no pictures, no classes, or only one."""
    above = wrapping(listing)
    with_splits = _has_splits(listing.pictures, above)
    samples: list[Sample] = []
    set_aside = [*listing.set_aside, *(SetAside("/".join(parts), "Not a picture.") for parts in listing.tables)]
    for parts in listing.pictures:
        path, below = "/".join(parts), parts[len(above) :]
        split = split_named(below[0]) if with_splits else None
        if with_splits and split is None:
            set_aside.append(SetAside(path, "It lies beside the train, val and test folders, so it belongs to none."))
        elif len(below) < (3 if split else 2):
            set_aside.append(SetAside(path, "It lies beside the class folders, so it has no class."))
        else:
            samples.append(Sample(path, label_of(below[1 if split else 0]), split))
    if samples:
        set_aside.extend(_empty_folders(listing, above))
    return checked(listing.root, samples, set_aside)


def checked(root: Path, samples: Iterable[Sample], set_aside: Iterable[SetAside]) -> Dataset:
    """A Dataset in the order of the paths. Raises DataError unless there are pictures of two classes."""
    dataset = Dataset(
        root,
        tuple(sorted(samples, key=lambda sample: sample.path)),
        tuple(sorted(set_aside, key=lambda item: item.path)),
    )
    if not dataset.samples:
        raise DataError(_nothing(dataset), EXPECTED, root)
    if len(dataset.classes) == 1:
        raise DataError(
            f"There is only one class, {dataset.classes[0]!r}; a model learns to tell at least two apart.",
            EXPECTED,
            root,
        )
    return dataset


def _nothing(dataset: Dataset) -> str:
    reasons = dataset.reasons()
    if any("no class" in reason for reason in reasons):
        return "The pictures here lie loose, so nothing says which class each one is of."
    if not reasons:
        return "There are no pictures here."
    reason, count = next(iter(reasons.items()))
    return f"There are no pictures here that can be used. {count:,} of {sum(reasons.values()):,} files: {reason}"


def _has_splits(pictures: list[Parts], above: Parts) -> bool:
    """Whether some train, val or test folder holds class folders, and there is a train folder or nothing beside."""
    depth = len(above)
    tops = {parts[depth] for parts in pictures if len(parts) > depth + 1}
    with_classes = {parts[depth] for parts in pictures if len(parts) > depth + 2}
    named = {split_named(name) for name in tops & with_classes} - {None}
    return "train" in named or (bool(named) and all(split_named(name) for name in tops))


def _empty_folders(listing: Listing, above: Parts) -> list[SetAside]:
    """The first-level folders without a single picture: a class that someone meant to have."""
    used = {parts[: len(above) + 1] for parts in listing.pictures}
    base = Path(listing.root, *above)
    found = [Path(folder) for folder in listing.folders if Path(folder).parent == base]
    return [
        SetAside("/".join((*above, folder.name)), "The folder holds no pictures.")
        for folder in found
        if (*above, folder.name) not in used
    ]
