"""What is in each file of a dataset, as a digest, remembered between runs so that nothing need be read to know it.

As git does, a file is taken for unchanged while its size and its times are; one that changed only just now is read
again, as a second change within the clock's grain would not show.
"""

import hashlib
import os
import time
from contextlib import suppress
from pathlib import Path

from studio.data.dataset import Dataset, Sample
from studio.errors import PictureError
from studio.workspace import replace_file

DIGEST = 16  # bytes
_JUST_NOW = 2_000_000_000  # nanoseconds


class Contents:
    """Digests of a dataset's files, kept in `folder` (nowhere, if None). Safe to share between threads."""

    def __init__(self, dataset: Dataset, folder: Path | None) -> None:
        self._dataset, self._root = dataset, os.fspath(dataset.root)
        name = hashlib.blake2b(os.fsencode(dataset.root), digest_size=DIGEST).hexdigest()
        self._file = folder / f"{name}.digests" if folder else None
        self._known = _read(self._file) if self._file else {}
        self._news = False

    def known(self, sample: Sample) -> bytes | None:
        """The digest of a file that has not changed since it was read."""
        if not self._known:
            return None
        try:
            found = os.stat(os.path.join(self._root, sample.path))
        except OSError:
            return None
        state = _state(sample, found)
        return self._known.get(state) if state else None

    def read(self, sample: Sample) -> tuple[bytes, bytes]:
        """A file's digest and its bytes. Raises PictureError where it cannot be read."""
        try:
            found, data = _whole(os.path.join(self._root, sample.path))
        except FileNotFoundError as error:
            raise PictureError("There is no such file.", where=self._dataset.file(sample)) from error
        except OSError as error:
            where = self._dataset.file(sample)
            raise PictureError(f"The file cannot be read ({error.strerror}).", where=where) from error
        state = _state(sample, found)
        digest = hashlib.sha256(data).digest()[:DIGEST]  # processors have it built in: twice as fast as others
        if state and self._known.get(state) != digest:
            self._known[state], self._news = digest, True
        return digest, data

    def save(self) -> None:
        """Remember what was read. A disk that takes nothing costs the next run some time, no more."""
        if self._file and self._news:
            with suppress(OSError):
                self._file.parent.mkdir(parents=True, exist_ok=True)
                everything = b"".join(state + digest for state, digest in self._known.items())
                replace_file(self._file, lambda path: path.write_bytes(everything))
                self._news = False


def _state(sample: Sample, found: os.stat_result) -> bytes | None:
    """What changes whenever the file does; None for one that changed just now."""
    if time.time_ns() - max(found.st_mtime_ns, found.st_ctime_ns) < _JUST_NOW:
        return None
    seen = (sample.path, found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)
    return hashlib.blake2b(repr(seen).encode("utf-8", "surrogateescape"), digest_size=DIGEST).digest()


def _whole(path: str) -> tuple[os.stat_result, bytes]:
    """A file as it was found, and then its bytes, with as few calls as can be: each may wait for other threads."""
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    try:
        found = os.fstat(handle)
        data = os.read(handle, found.st_size + 1)
        if len(data) != found.st_size:
            data += b"".join(iter(lambda: os.read(handle, 1 << 20), b""))
        return found, data
    finally:
        os.close(handle)


def _read(file: Path) -> dict[bytes, bytes]:
    """State and digest, pair by pair. A damaged pair is found by nobody, so nothing need be checked."""
    try:
        data = file.read_bytes()
    except OSError:
        return {}
    pair = 2 * DIGEST
    starts = range(0, len(data) - len(data) % pair, pair)
    return {data[start : start + DIGEST]: data[start + DIGEST : start + pair] for start in starts}
