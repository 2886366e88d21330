"""A check as a walk over the pictures: how far it is, and a Report each time there is a fuller one.

Of a large dataset a sample of every class comes first, so that there is a verdict within a minute; the rest goes on
behind it. Whoever stops reading stops the check.
"""

import hashlib
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from studio.checks.copies import conflicting_duplicates, exact_duplicates, near_duplicates, split_leaks
from studio.checks.enough import more_images
from studio.checks.evidence import Evidence
from studio.checks.files import (
    left_out,
    odd_aspect,
    odd_mode,
    odd_size,
    rotated,
    too_small,
    unreadable,
    wrong_extension,
)
from studio.checks.labels import imbalance, missing_from_train, tiny_classes
from studio.checks.looks import blank, blurry, bright, dark, grayscale_mix
from studio.checks.mislabelled import mislabelled
from studio.checks.opening import opened
from studio.checks.outliers import outliers
from studio.checks.pairs import hard_pairs
from studio.checks.placed import Placed
from studio.checks.points import points
from studio.checks.recognising import can_recognise, recognised, seen
from studio.checks.report import SEVERITIES, Finding, Report
from studio.checks.shortcuts import shortcuts
from studio.checks.traits import TRAIT
from studio.checks.unsaid import unsaid
from studio.data.dataset import Dataset, Sample
from studio.data.split import quotas
from studio.workspace import Workspace

Family = Callable[[Evidence], Iterable[Finding]]

FIRST = 4000  # pictures in the first sample of a large dataset
_MUCH = 6000  # a dataset with no more pictures than this is looked at in one go


@dataclass(frozen=True)
class Looking:
    """How far a check is: `done` of `total` pictures; `doing` says what is being looked at, in words."""

    doing: str
    done: int
    total: int


# Each yields findings from what is known so far; of equally grave ones those of the first are told first.
FAMILIES: tuple[Family, ...] = (
    tiny_classes,
    missing_from_train,
    unreadable,
    conflicting_duplicates,
    split_leaks,
    shortcuts,
    mislabelled,
    exact_duplicates,
    near_duplicates,
    blank,
    dark,
    bright,
    blurry,
    grayscale_mix,
    imbalance,
    too_small,
    hard_pairs,
    outliers,
    wrong_extension,
    odd_mode,
    rotated,
    odd_size,
    odd_aspect,
    more_images,
    left_out,
)
# What can only be told once the embedded backbone has seen the pictures.
BY_FEATURES = frozenset({shortcuts, mislabelled, hard_pairs, outliers, more_images})
AT_ONCE = tuple(family for family in FAMILIES if family not in BY_FEATURES)


def walk(dataset: Dataset, workspace: Workspace | None = None) -> Iterator[Looking | Report | Placed]:
    """Check a dataset. After the complete report only the map follows. Nothing of the user's is changed.

    What was learnt of each picture is kept in the workspace by the content of its file; without one, nowhere.
    """
    began, total = time.monotonic(), len(dataset.samples)
    evidence = Evidence(dataset, (), np.zeros(0, TRAIT))
    with _cache(workspace) as cache:
        for part in _parts(dataset.samples):
            before = len(evidence.samples) + len(evidence.faults)
            whole, half = before + len(part) == total, len(part) // 2
            # Opening a picture and recognising what it shows count for half each.
            evidence = yield from _telling("Opening the pictures", opened(evidence, part, cache), before, total)
            evidence = replace(evidence, whole=whole)
            if can_recognise(evidence):
                yield _report(evidence, AT_ONCE, began, complete=False)
                recognising = recognised(evidence, cache)
                evidence = yield from _telling("Recognising what they show", recognising, before + half, total)
            yield Looking("Comparing them", before + len(part), total)
            yield _report(evidence, FAMILIES, began, complete=whole)
        if evidence.features is not None:
            yield Placed(tuple(sample.path for sample in seen(evidence)), points(evidence, cache))


def _telling(
    doing: str, work: Generator[int, None, Evidence], before: int, total: int
) -> Generator[Looking, None, Evidence]:
    """`work` counts the pictures that are done, of those that are new; each is half of what is to do."""
    while True:
        try:
            yield Looking(doing, before + next(work) // 2, total)
        except StopIteration as end:
            return end.value


def _report(evidence: Evidence, families: Sequence[Family], began: float, complete: bool) -> Report:
    found = [finding for family in families for finding in family(evidence)]
    found.sort(key=lambda finding: SEVERITIES.index(finding.severity))  # stable: the order above within a severity
    return Report(
        tuple(found),
        len(evidence.dataset.samples),
        evidence.dataset.counts(),
        time.monotonic() - began,
        len(evidence.samples) + len(evidence.faults),
        complete,
        unsaid(evidence),
    )


def _parts(samples: Sequence[Sample]) -> Iterator[Sequence[Sample]]:
    """All at once where they are few; else a sample of every class first. No samples are one empty part."""
    if len(samples) <= _MUCH:
        yield samples
        return
    classes: dict[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        classes[sample.label].append(sample)
    wanted = quotas({label: len(own) for label, own in classes.items()}, FIRST / len(samples))
    first = {sample.path for label, own in classes.items() for sample in sorted(own, key=_draw)[: wanted[label]]}
    yield [sample for sample in samples if sample.path in first]
    yield [sample for sample in samples if sample.path not in first]


def _draw(sample: Sample) -> bytes:
    """A random-looking place in the order, of the path alone: the same sample each time."""
    return hashlib.blake2b(sample.path.encode("utf-8", "surrogateescape"), digest_size=8).digest()


@contextmanager
def _cache(workspace: Workspace | None) -> Iterator[Path]:
    if workspace is not None:
        yield workspace.cache
        return
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)
