"""What may be wrong with a dataset, looked for before a model learns from it. One file a family of checks.

A new check is a function from `Evidence` that yields Findings, in the file of its family, and a line in `walk`.
"""

import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from studio import __version__
from studio.checks import kept
from studio.checks.placed import Placed
from studio.checks.report import Finding, Report, Suggestion
from studio.checks.walk import Looking, walk
from studio.data.dataset import Dataset
from studio.workspace import Workspace

_REPORTS = 20

__all__ = ["Finding", "Looking", "Placed", "Report", "Suggestion", "check", "walk"]


def check(
    dataset: Dataset, on_progress: Callable[[int, int], None] | None = None, workspace: Workspace | None = None
) -> Report:
    """Look at every picture and compare them all; nothing is changed.

    `on_progress(done, total)` counts pictures. With a `workspace` what was learnt of each picture is kept there, and
    only pictures that are new to it are looked at the next time; where nothing changed, the report is there at once.
    """
    before = _Before(dataset, workspace) if workspace else None
    if before and (known := before.report()):
        return known
    for told in walk(dataset, workspace):
        if isinstance(told, Looking) and on_progress:
            on_progress(told.done, told.total)
        if isinstance(told, Report) and told.complete:
            if before:
                before.keep(told)
            return told
    raise AssertionError("a check ends with a complete report")


class _Before:
    """The report of an earlier check of these very pictures, by this very studio."""

    def __init__(self, dataset: Dataset, workspace: Workspace) -> None:
        self._state = replace(dataset).fingerprint  # as the files are now, not as they were when they were listed
        self._folder = workspace.cache / "reports" / f"{self._state}-{__version__}"

    def report(self) -> Report | None:
        found = kept.last(self._folder)
        return found.report if found and found.fingerprint == self._state and found.report.complete else None

    def keep(self, report: Report) -> None:
        """Keep it beside the last few others. A full disk costs the next check some seconds, no more."""
        with suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            kept.keep(self._folder, report, self._state, time.time())
            others = sorted(self._folder.parent.iterdir(), key=lambda folder: folder.stat().st_mtime)
            for old in others[:-_REPORTS]:
                shutil.rmtree(old, ignore_errors=True)
