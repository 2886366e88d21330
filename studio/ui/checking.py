"""A check in the background: a thread that writes how far it is and its report beside the dataset, whoever looks on.

Truth lies in the dataset's folder: `check.lock` is held while a check goes, `check.json` tells of one that goes or came
to no end, `check.cancel` asks it to end, and `report.json` is the last whole report.
"""

import json
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import streamlit as st
from filelock import Timeout

from studio.data.dataset import Dataset
from studio.data.library import Entry, Library
from studio.errors import StudioError
from studio.workspace import Workspace, is_held, lock, write_text

_PAUSE = 0.4  # seconds between two looks at, or writings of, a file by the thread


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


def begin(entry: Entry, afresh: bool = False, wait: float = 0.8) -> None:
    """Check a dataset in the background; no second check where one goes already, in whatever tab or process.

    `afresh` reads the folder once more first, as files may have been mended in place. Waits a moment for a small
    dataset, so that its report is there at once.
    """
    held = lock(_lock(entry))
    try:
        held.acquire(timeout=0.5)  # whoever looks on holds it for a moment too
    except Timeout:
        return
    (entry.folder / "check.cancel").unlink(missing_ok=True)
    _write(entry, Checking("running"))

    def work() -> None:
        try:
            _check(entry, afresh)
        finally:
            held.release()

    thread = threading.Thread(target=work, name=f"check {entry.id}", daemon=True)
    thread.start()
    thread.join(wait)


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


def saved(entry: Entry, dataset: Dataset) -> dict[str, Any] | None:
    """The report of an earlier check, if the pictures are still the same ones."""
    path = entry.folder / "report.json"
    if not path.is_file():
        return None
    record = _record(str(path), path.stat().st_mtime_ns)
    return record["report"] if record["fingerprint"] == dataset.fingerprint else None


@st.cache_resource(max_entries=4, show_spinner=False)
def _record(path: str, changed: int) -> dict[str, Any]:
    """A report read once: that of 60,000 pictures is several megabytes."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def _check(entry: Entry, afresh: bool) -> None:
    """The whole work of the thread; whatever comes of it is written down."""
    from studio.checks import Report, walk

    looked = float("-inf")
    try:
        workspace = Workspace(entry.folder.parent.parent)
        dataset = Library(workspace).open(entry.id, refresh=afresh)
        for told in walk(dataset, workspace):
            if isinstance(told, Report):
                whole: dict[str, Any] = asdict(told) | {"verdict": told.verdict, "sentence": told.sentence}
                record = {"fingerprint": dataset.fingerprint, "report": whole}
                write_text(entry.folder / "report.json", json.dumps(record, ensure_ascii=False))
            elif time.monotonic() - looked > _PAUSE:
                looked = time.monotonic()
                if cancelling(entry):
                    raise _Cancelled
                _write(entry, Checking("running", told.done, told.total, told.doing))
        (entry.folder / "check.json").unlink(missing_ok=True)
    except _Cancelled:
        _write(entry, Checking("cancelled"))
    except StudioError as error:
        _write(entry, Checking("failed", what=str(error.what), remedy=str(error.remedy)))
    except OSError as error:
        _write(entry, Checking("failed", what=f"The check could not go on ({error.strerror}).", remedy="Check again."))


def _write(entry: Entry, now: Checking) -> None:
    write_text(entry.folder / "check.json", json.dumps(asdict(now)))


def _lock(entry: Entry) -> Path:
    """What a check holds while it goes."""
    return entry.folder / "check.lock"
