"""A check in the background: a thread that writes how far it is and its report beside the dataset, whoever looks on.

A decision makes a check that goes begin anew. What it leaves is in `kept`, how it stands `studio.ui.background` tells.
"""

import time
from collections.abc import Iterable

from studio.checks import kept
from studio.checks.placed import Placed
from studio.checks.report import Report
from studio.data.dataset import Dataset
from studio.data.decisions import alike, save_alike
from studio.data.library import Entry, Library
from studio.ui.background import Background, Standing, Tell
from studio.workspace import Workspace

_COPIES = ("exact-duplicate", "near-duplicate", "conflicting-duplicate")  # whose groups stay on one side of a split


def begin(entry: Entry, afresh: bool = False, wait: float = 0.8) -> None:
    """Check a dataset in the background; no second check where one goes already, in whatever tab or process.

    `afresh` reads the folder once more first, as files may have been mended in place. Waits a moment for a small
    dataset, so that its report is there at once.
    """
    _background(entry).begin(lambda tell: _walk(entry, afresh and not tell.again, tell), wait)


def renew(entry: Entry) -> None:
    """Check again, as decisions have changed; a check that goes begins anew. What is known of the pictures is kept."""
    _background(entry).renew(lambda tell: _walk(entry, False, tell), wait=0.8)


def cancel(entry: Entry) -> None:
    """Ask the check to end. What an earlier one found stays."""
    _background(entry).cancel()


def cancelling(entry: Entry) -> bool:
    """Whether the check was asked to end."""
    return _background(entry).is_cancelling


def state(entry: Entry) -> Standing | None:
    """The check that goes now, or the last one if it came to no end; None where there is nothing to say."""
    return _background(entry).state()


def _background(entry: Entry) -> Background:
    return Background(entry.folder, "check", "check", "Check")


def _walk(entry: Entry, afresh: bool, tell: Tell) -> None:
    """The whole work of the thread."""
    from studio.checks import Looking, walk

    at = time.time()
    workspace = Workspace(entry.folder.parent.parent)
    dataset = Library(workspace).open(entry.id, refresh=afresh)
    for told in walk(dataset, workspace):
        if isinstance(told, Placed):
            kept.keep_places(entry.folder, dataset.fingerprint, told.paths, told.places)
        if isinstance(told, Report):
            _keep(entry, dataset, told, at)
            if not told.complete:  # what comes now takes a moment before it can be counted
                tell("Recognising what they show", told.looked // 2, told.images)
        if isinstance(told, Looking):
            tell(told.doing, told.done, told.total)
        else:
            tell()


def _keep(entry: Entry, dataset: Dataset, report: Report, at: float) -> None:
    """A first report is better than none; in the place of a complete one only a complete one is put."""
    before = kept.last(entry.folder)
    if report.complete or before is None or not before.report.complete:
        kept.keep(entry.folder, report, dataset.fingerprint, at)
    if report.complete:
        save_alike(entry.folder, _together(entry, dataset, report))


def _together(entry: Entry, dataset: Dataset, report: Report) -> Iterable[tuple[str, ...]]:
    """Copies to keep on one side of a split: those that were found, and those a person knows of and keeps."""
    known = {one.path for one in dataset.decided if one.action == "keep" and one.check in _COPIES}
    for finding in report.findings:
        if finding.check in _COPIES:
            yield from finding.groups
    yield from (group for group in alike(entry.folder) if known.intersection(group))
