"""The journal of a run: events.jsonl, one event a line, only ever appended to."""

import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from studio.training.events import Event, Failed, Finished, Saved, Started, Validated, from_json, to_json

_MUST_SURVIVE = (Started, Validated, Saved, Finished, Failed)  # fsynced; the rest may be lost with the power


@dataclass
class _Read:
    """What was read of one journal so far, so that a look costs only what is new."""

    inode: int = -1
    offset: int = 0
    events: list[Event] = field(default_factory=list)
    damaged: int = 0


_seen: dict[Path, _Read] = {}
_lock = threading.Lock()


def append(path: Path, event: Event) -> None:
    """Add one event. What must survive a power cut is on the disk when this returns."""
    with path.open("a", encoding="utf-8") as journal:
        journal.write(to_json(event) + "\n")
        journal.flush()
        if isinstance(event, _MUST_SURVIVE):
            os.fsync(journal.fileno())


def read(path: Path) -> tuple[Sequence[Event], int]:
    """All whole events in the order they happened, and how many lines could not be read.

    A last line without its end is still being written and is left for the next look.
    """
    with _lock:
        try:
            stat = path.stat()
        except FileNotFoundError:
            _seen.pop(path, None)
            return [], 0
        seen = _seen.get(path)
        if seen is None or seen.inode != stat.st_ino or stat.st_size < seen.offset:
            seen = _seen[path] = _Read(inode=stat.st_ino)
        if stat.st_size > seen.offset:
            _read_on(path, seen)
        return list(seen.events), seen.damaged


def _read_on(path: Path, seen: _Read) -> None:
    with path.open("rb") as journal:
        journal.seek(seen.offset)
        fresh = journal.read()
    whole = fresh[: fresh.rfind(b"\n") + 1]
    seen.offset += len(whole)
    for line in whole.splitlines():
        try:
            seen.events.append(from_json(line.decode("utf-8")))
        except ValueError:
            seen.damaged += 1
