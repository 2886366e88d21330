"""Rows of numbers kept on disk between runs, each found by the digest of what it was made from.

A shelf is a folder of files that are written once: rows, then their keys and checksums, then a last line that says how
many. A file gets its name only when it is whole; what is torn, cut off or flipped afterwards is seen and not used.
"""

import os
import shutil
import struct
import time
import uuid
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import numpy as np

from studio.data.contents import DIGEST
from studio.workspace import fsync_folder

MOST = 10 << 30  # bytes that all shelves together may take on disk
_MARK = b"thawrow1"
_LAST = struct.Struct("<8sQQI")  # the mark, rows, bytes in a row, checksum of keys and checksums
_ENTRY = DIGEST + 4
_ABANDONED = 24 * 3600.0  # seconds after which an unfinished file belongs to nobody


class Shelf:
    """Rows of `row_bytes` each in `folder`, which need not exist yet. Reading and writing may happen at once."""

    def __init__(self, folder: Path, row_bytes: int) -> None:
        self.folder, self.row_bytes = folder, row_bytes
        self._files: list[np.ndarray] = []
        self._found: dict[bytes, tuple[int, int, int]] = {}  # key -> file, row, checksum
        self._new: _Writing | None = None
        if folder.is_dir():
            for path in sorted(folder.glob("*.rows")):
                self._open(path)
            with suppress(OSError):
                os.utime(folder)  # in use: the shelf that was not used for longest goes first

    def __contains__(self, key: bytes) -> bool:
        return key in self._found

    def _open(self, path: Path) -> None:
        with suppress(OSError, ValueError, struct.error):
            data = np.memmap(path, np.uint8, "r")
            mark, rows, row_bytes, checksum = _LAST.unpack(data[-_LAST.size :].tobytes())
            body = rows * row_bytes
            whole = body + rows * _ENTRY + _LAST.size
            if mark != _MARK or row_bytes != self.row_bytes or whole != len(data):
                return
            entries = data[body : body + rows * _ENTRY].tobytes()
            if zlib.crc32(entries) != checksum:
                return
            self._files.append(data[:body].reshape(rows, row_bytes))
            for row in range(rows):
                entry = entries[row * _ENTRY : (row + 1) * _ENTRY]
                self._found[entry[:DIGEST]] = len(self._files) - 1, row, int.from_bytes(entry[DIGEST:], "little")

    def take(self, key: bytes, into: np.ndarray) -> bool:
        """Copy a row into `into`, uint8 (row_bytes,); False if it is not here, or not what was written."""
        if key not in self._found:
            return False
        file, row, checksum = self._found[key]
        into[:] = self._files[file][row]
        if zlib.crc32(into.data) != checksum:
            del self._found[key]
            return False
        return True

    def put(self, key: bytes, row: np.ndarray) -> None:
        """Keep a row, uint8 (row_bytes,), for the next run. A full disk keeps nothing, and is no error."""
        self.put_all([key], row)

    def put_all(self, keys: Sequence[bytes], rows: np.ndarray) -> None:
        """Keep several rows, an array of (len(keys),) items of row_bytes each."""
        if len(keys):
            if self._new is None:
                self._new = _Writing(self.folder)
            self._new.add(keys, rows.view(np.uint8).reshape(len(keys), self.row_bytes))

    def close(self) -> None:
        """Give what was put a name, and make room if the shelves beside this one have grown too many.

        Nothing can be taken any more: a mapped file keeps a handle open until it is let go.
        """
        self._found.clear()
        self._files.clear()
        if self._new is not None:
            self._new.finish(self.row_bytes)
            self._new = None
            tidy(self.folder.parent, spare=self.folder)


class _Writing:
    """A file of rows on its way; where the disk takes no more it is given up."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / f".{uuid.uuid4().hex}.part"
        self._entries: list[bytes] = []
        self._file: BinaryIO | None = None
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("wb", buffering=1 << 20)

    def add(self, keys: Sequence[bytes], rows: np.ndarray) -> None:
        if self._file is None:
            return
        try:
            self._file.write(rows.data)
            for key, row in zip(keys, rows, strict=True):
                self._entries.append(key + zlib.crc32(row.data).to_bytes(4, "little"))
        except OSError:
            self._give_up()

    def finish(self, row_bytes: int) -> None:
        if self._file is None:
            return
        entries = b"".join(self._entries)
        try:
            self._file.write(entries + _LAST.pack(_MARK, len(self._entries), row_bytes, zlib.crc32(entries)))
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            os.replace(self._path, self._path.with_name(self._path.name[1:].replace(".part", ".rows")))
            fsync_folder(self._path.parent)
        except OSError:
            self._give_up()

    def _give_up(self) -> None:
        if self._file is not None:
            with suppress(OSError):  # what is still to be written finds no room either
                self._file.close()
        with suppress(OSError):
            self._path.unlink(missing_ok=True)
        self._file = None


def tidy(shelves: Path, most: int = MOST, spare: Path | None = None) -> None:
    """Remove what nobody finished, and whole shelves, the longest unused first, until `most` bytes are not exceeded."""
    with suppress(OSError):
        for path in shelves.glob("*/.*.part"):
            with suppress(OSError):
                if time.time() - path.stat().st_mtime > _ABANDONED:
                    path.unlink()
        sizes = {folder: sum(size for _, size in _files(folder)) for folder in shelves.iterdir() if folder.is_dir()}
        for folder in sorted(sizes, key=lambda folder: folder.stat().st_mtime):
            if sum(sizes.values()) <= most:
                return
            if folder != spare:
                shutil.rmtree(folder, ignore_errors=True)
                del sizes[folder]


def _files(folder: Path) -> Iterator[tuple[Path, int]]:
    for path in folder.glob("*.rows"):
        with suppress(OSError):
            yield path, path.stat().st_size
