"""The journal of a run: events.jsonl, one event a line, only ever appended to."""

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from studio.training.events import (
    Event,
    Failed,
    Finished,
    Paused,
    Resumed,
    Saved,
    Started,
    Steered,
    Thawed,
    Validated,
    from_json,
    to_json,
)
from studio.workspace import write_text

_MUST_SURVIVE = (
    Started,
    Thawed,
    Steered,
    Paused,
    Resumed,
    Validated,
    Saved,
    Finished,
    Failed,
)  # fsynced; the rest may be lost with the power


@dataclass
class Follower:
    """Reads one journal on from where it was read before. `read` counts bytes, `damaged` lines that are no events."""

    path: Path
    read: int = 0
    damaged: int = 0
    _inode: int = -1

    def is_lost(self) -> bool:
        """Whether the journal is another one than the one that was read: it has to be read from its beginning."""
        try:
            now = self.path.stat()
        except OSError:
            return self.read > 0
        return self.read > 0 and (now.st_ino != self._inode or now.st_size < self.read)

    def fresh(self) -> Iterator[Event]:
        """What was written since the last look. A last line without its end is left for the next one."""
        with suppress(FileNotFoundError), self.path.open("rb") as journal:
            now = os.fstat(journal.fileno()).st_ino
            if self.read and now != self._inode:
                return  # another journal, since a moment ago: `is_lost` will tell
            self._inode = now
            journal.seek(self.read)
            for line in journal:
                if not line.endswith(b"\n"):
                    return
                self.read += len(line)
                try:
                    event = from_json(line.decode("utf-8"))
                except ValueError:
                    self.damaged += 1
                    continue
                yield event


def append(path: Path, event: Event) -> None:
    """Add one event, whole or not at all. What must survive a power cut is on the disk when this returns.

    Raises OSError where the disk does not take it; the journal is then as it was.
    """
    line = to_json(event).encode() + b"\n"
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        before = os.fstat(handle).st_size
        try:
            _write_all(handle, line)
            if isinstance(event, _MUST_SURVIVE):
                os.fsync(handle)
        except OSError:
            os.ftruncate(handle, before)
            raise
    finally:
        os.close(handle)


def _write_all(handle: int, data: bytes) -> None:
    while data:
        data = data[os.write(handle, data) :]


def mend(path: Path, history: Sequence[Event]) -> None:
    """Bring back what the journal lost of `history` (its moments within epochs are gone); no more if nothing is.

    A journal that lost something, or whose last line was cut off, is written anew; what it was stays beside it.
    """
    events, damaged = read(path)
    cut_off = path.is_file() and not path.read_bytes().endswith(b"\n")
    lost = {to_json(event) for event in history} - {to_json(event) for event in events}
    if not (lost or cut_off or damaged or not path.is_file()):
        return
    whole = [*events, *(event for event in history if to_json(event) in lost)]
    if lost:  # else the order stands: a clock may have been set back
        whole.sort(key=lambda event: event.at)
    if path.is_file():
        write_text(path.with_suffix(".damaged.jsonl"), path.read_text(encoding="utf-8", errors="replace"))
    write_text(path, "".join(to_json(event) + "\n" for event in whole))


def read(path: Path) -> tuple[Sequence[Event], int]:
    """All whole events in the order they happened, and how many lines could not be read.

    A last line without its end is still being written and is left for the next look.
    """
    follower = Follower(path)
    return list(follower.fresh()), follower.damaged
