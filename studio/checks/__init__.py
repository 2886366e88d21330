"""What may be wrong with a dataset, looked for before a model learns from it. One file a family of checks.

A new check is a function from `Evidence` that yields Findings, in the file of its family, and a line in `walk`.
"""

from collections.abc import Callable

from studio.checks.placed import Placed
from studio.checks.report import Finding, Report, Suggestion
from studio.checks.walk import Looking, walk
from studio.data.dataset import Dataset
from studio.workspace import Workspace

__all__ = ["Finding", "Looking", "Placed", "Report", "Suggestion", "check", "walk"]


def check(
    dataset: Dataset, on_progress: Callable[[int, int], None] | None = None, workspace: Workspace | None = None
) -> Report:
    """Look at every picture and compare them all; nothing is changed.

    `on_progress(done, total)` counts pictures. With a `workspace` what was learnt of each picture is kept there, and
    only pictures that are new to it are looked at the next time.
    """
    for told in walk(dataset, workspace):
        if isinstance(told, Looking) and on_progress:
            on_progress(told.done, told.total)
        if isinstance(told, Report) and told.complete:
            return told
    raise AssertionError("a check ends with a complete report")
