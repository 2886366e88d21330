"""Checks of the classes: are there enough pictures of each, and about as many of one as of another?"""

from collections import Counter
from collections.abc import Collection, Iterable

from studio.checks.evidence import Evidence
from studio.checks.report import Finding, counted
from studio.data.dataset import Dataset

FEW = 10
UNEVEN, VERY_UNEVEN = 3, 10


def tiny_classes(evidence: Evidence) -> Iterable[Finding]:
    """Classes with too few pictures that open to learn from and to measure with. `value` is the smallest count."""
    dataset, counts = evidence.dataset, _usable(evidence)
    remedy = f"Add pictures, until there are at least {FEW}, or leave the class out."
    hopeless = {name: count for name, count in counts.items() if count < 2}
    if sum(count > 0 for count in counts.values()) < 2:
        yield Finding(
            "tiny-class",
            "critical",
            "There are fewer than two classes with pictures that open.",
            why="A model learns to tell at least two classes apart.",
            remedy=remedy,
            value=min(counts.values(), default=0),
        )
    elif hopeless:
        yield Finding(
            "tiny-class",
            "critical",
            f"{_named(hopeless)}: fewer than two pictures that open.",
            why="One picture is needed to learn from and another one to measure with.",
            remedy=remedy,
            images=_of(dataset, hopeless),
            value=min(hopeless.values()),
        )
    few = {name: count for name, count in counts.items() if 2 <= count < FEW}
    if few:
        yield Finding(
            "tiny-class",
            "attention",
            f"{_named(few)}: fewer than {FEW} pictures.",
            why="From so few, a model learns the pictures and not the class, and its accuracy is luck.",
            remedy=remedy,
            images=_of(dataset, few),
            value=min(few.values()),
        )


def imbalance(evidence: Evidence) -> Iterable[Finding]:
    """How many times larger the largest class is than the smallest. `value` is that ratio."""
    counts = {name: count for name, count in _usable(evidence).items() if count}
    if len(counts) < 2:
        return
    largest, smallest = max(counts, key=lambda name: counts[name]), min(counts, key=lambda name: counts[name])
    ratio = counts[largest] / counts[smallest]
    if ratio < UNEVEN:
        return
    yield Finding(
        "imbalance",
        "attention" if ratio >= VERY_UNEVEN else "note",
        f"{largest!r} has {ratio:.0f} times as many pictures as {smallest!r} ({counts[largest]:,} and "
        f"{counts[smallest]:,}).",
        why="A model may guess the large class and still look good; then accuracy hides how badly the small one does.",
        remedy="Add pictures to the small classes, and read the results class by class.",
        images=(),
        value=round(ratio, 2),
    )


def missing_from_train(evidence: Evidence) -> Iterable[Finding]:
    """Classes of the dataset's own split that are measured but never learned. `value` is how many."""
    dataset = evidence.dataset
    learned = {sample.label for sample in dataset.split("train")}
    if not learned or any(sample.split is None for sample in dataset.samples):
        return
    never = {name: count for name, count in dataset.counts().items() if name not in learned}
    if never:
        yield Finding(
            "class-not-in-train",
            "critical",
            f"{_named(never)}: held back only, with no picture in train.",
            why="A class that is never learned is always got wrong.",
            remedy="Put pictures of the class into train, or take it out of the other splits.",
            images=_of(dataset, never),
            value=len(never),
        )


def _usable(evidence: Evidence) -> dict[str, int]:
    dataset = evidence.dataset
    counted_again = Counter(sample.label for sample in dataset.samples if sample.path not in evidence.faults)
    return {name: counted_again[name] for name in dataset.classes}


def _named(counts: dict[str, int]) -> str:
    """Up to five classes with their counts, smallest first."""
    ordered = sorted(counts, key=lambda name: (counts[name], name))
    told = ", ".join(f"{name!r} ({counts[name]})" for name in ordered[:5])
    rest = f" and {len(ordered) - 5} more" if len(ordered) > 5 else ""
    return f"{counted(len(ordered), 'class', 'classes')}, {told}{rest}"


def _of(dataset: Dataset, names: Collection[str]) -> tuple[str, ...]:
    return tuple(sample.path for sample in dataset.samples if sample.label in names)
