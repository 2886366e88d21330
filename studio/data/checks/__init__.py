"""What may be wrong with a dataset, looked for before a model learns from it. One file a family of checks.

A new check is a function that yields Findings, in the file of its family, and a line in `check`.
"""

import time
from collections.abc import Callable, Iterator

from studio.data.checks.copies import conflicting_duplicates, exact_duplicates, split_leaks
from studio.data.checks.files import left_out, open_all, too_small, unreadable
from studio.data.checks.labels import imbalance, missing_from_train, tiny_classes
from studio.data.checks.report import SEVERITIES, Finding, Report
from studio.data.dataset import Dataset

__all__ = ["Finding", "Report", "check"]


def check(dataset: Dataset, on_progress: Callable[[int, int], None] | None = None) -> Report:
    """Open every picture and compare them all; `on_progress(done, total)` counts pictures. Nothing is changed."""
    began = time.monotonic()
    found = list(_findings(dataset, on_progress))
    found.sort(key=lambda finding: SEVERITIES.index(finding.severity))  # stable: the order below within a severity
    return Report(tuple(found), len(dataset.samples), dataset.counts(), time.monotonic() - began)


def _findings(dataset: Dataset, on_progress: Callable[[int, int], None] | None) -> Iterator[Finding]:
    opened = open_all(dataset, on_progress)
    yield from tiny_classes(dataset, opened.faults)
    yield from missing_from_train(dataset)
    yield from unreadable(dataset, opened)
    yield from conflicting_duplicates(dataset)
    yield from split_leaks(dataset)
    yield from exact_duplicates(dataset)
    yield from imbalance(dataset, opened.faults)
    yield from too_small(dataset, opened)
    yield from left_out(dataset)
