"""A check in the background: a thread that writes how far it is and its report beside the dataset, whoever looks on.

Truth lies in the dataset's folder: `check.lock` is held while a check goes, `check.json` tells of one that goes or came
to no end, `check.cancel` asks it to end, `check.again` to begin anew, as the pictures or the decisions have changed.
What it leaves is in `kept`.
"""

import json
import threading
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from filelock import Timeout

from studio.checks import kept
from studio.checks.placed import Placed
from studio.checks.report import Report
from studio.data.dataset import Dataset
from studio.data.decisions import alike, save_alike
from studio.data.library import Entry, Library
from studio.errors import StudioError
from studio.workspace import Workspace, is_held, lock, write_text

_PAUSE = 0.4  # seconds between two looks at, or writings of, a file by the thread
_COPIES = ("exact-duplicate", "near-duplicate", "conflicting-duplicate")  # whose groups stay on one side of a split


@dataclass(frozen=True)
class Checking:
    """A check that goes, or that came to no end. `what` says what it is doing, or why it failed, then with `remedy`."""

    status: Literal["running", "cancelled", "failed", "interrupted"]
    done: int = 0
    total: int = 0
    what: str = ""
    remedy: str = ""


class _Cancelled(Exception):
    """Somebody asked the check to end."""


class _Outdated(Exception):
    """What is being checked is no longer what there is."""


def begin(entry: Entry, afresh: bool = False, wait: float = 0.8, patience: float = 0.5) -> None:
    """Check a dataset in the background; no second check where one goes already, in whatever tab or process.

    `afresh` reads the folder once more first, as files may have been mended in place. Waits a moment for a small
    dataset, so that its report is there at once.
    """
    held = lock(_lock(entry))
    try:
        held.acquire(timeout=patience)  # whoever looks on holds it for a moment too
    except Timeout:
        return
    (entry.folder / "check.cancel").unlink(missing_ok=True)
    _write(entry, Checking("running"))

    def work() -> None:
        try:
            _check(entry, afresh)
            while _again(entry).exists():
                _check(entry, afresh=False)
        finally:
            held.release()
        if _again(entry).exists():  # asked for at the very end
            begin(entry, wait=0)

    thread = threading.Thread(target=work, name=f"check {entry.id}", daemon=True)
    thread.start()
    thread.join(wait)


def renew(entry: Entry) -> None:
    """Check again, as decisions have changed; a check that goes begins anew. What is known of the pictures is kept."""
    _again(entry).touch()
    begin(entry, patience=0.1)


def cancel(entry: Entry) -> None:
    """Ask the check to end. What an earlier one found stays."""
    (entry.folder / "check.cancel").touch()


def cancelling(entry: Entry) -> bool:
    """Whether the check was asked to end."""
    return (entry.folder / "check.cancel").exists()


def state(entry: Entry) -> Checking | None:
    """The check that goes now, or the last one if it came to no end; None where there is nothing to say."""
    path = entry.folder / "check.json"
    if not path.is_file():
        return None
    held = is_held(_lock(entry))
    try:
        told = Checking(**json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:  # it ended well between the two looks
        return None
    except (ValueError, TypeError):
        told = Checking("running")
    return told if held or told.status != "running" else Checking("interrupted")


def _check(entry: Entry, afresh: bool) -> None:
    """The whole work of the thread; whatever comes of it is written down."""
    _again(entry).unlink(missing_ok=True)
    try:
        _walk(entry, afresh)
        (entry.folder / "check.json").unlink(missing_ok=True)
    except _Outdated:
        _write(entry, Checking("running"))
    except _Cancelled:
        _again(entry).unlink(missing_ok=True)
        _write(entry, Checking("cancelled"))
    except StudioError as error:
        _write(entry, Checking("failed", what=str(error.what), remedy=str(error.remedy)))
    except OSError as error:
        _write(entry, Checking("failed", what=f"The check could not go on ({error.strerror}).", remedy="Check again."))


def _walk(entry: Entry, afresh: bool) -> None:
    from studio.checks import Looking, walk

    at, looked = time.time(), float("-inf")
    workspace = Workspace(entry.folder.parent.parent)
    dataset = Library(workspace).open(entry.id, refresh=afresh)
    for told in walk(dataset, workspace):
        if isinstance(told, Placed):
            kept.keep_places(entry.folder, dataset.fingerprint, told.paths, told.places)
        if isinstance(told, Report):
            _keep(entry, dataset, told, at)
            if not told.complete:  # what comes now takes a moment before it can be counted
                _write(entry, Checking("running", told.looked // 2, told.images, "Recognising what they show"))
        if time.monotonic() - looked > _PAUSE:
            looked = time.monotonic()
            if cancelling(entry):
                raise _Cancelled
            if _again(entry).exists():
                raise _Outdated
            if isinstance(told, Looking):
                _write(entry, Checking("running", told.done, told.total, told.doing))


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


def _write(entry: Entry, now: Checking) -> None:
    write_text(entry.folder / "check.json", json.dumps(asdict(now)))


def _lock(entry: Entry) -> Path:
    """What a check holds while it goes."""
    return entry.folder / "check.lock"


def _again(entry: Entry) -> Path:
    """The wish that the check begins anew."""
    return entry.folder / "check.again"
