"""Many files in one request body, written to disk as they come: nothing is ever kept in memory."""

import json
from pathlib import Path
from typing import BinaryIO

from studio.ui.uploads import Announced, Upload, UploadError

_HEAD_LIMIT = 16 * 1024  # bytes of one file's announcement


class Receiver:
    """Reads one body: for each file a length, its announcement in JSON, then its bytes.

    The length is 4 bytes, big-endian; the announcement is `{"n": 3, "path": "cat/1.jpg", "size": 20480}`, with
    `"from": 8192` where only the bytes after those follow, because those are here.
    """

    def __init__(self, upload: Upload) -> None:
        self._upload = upload
        self._waiting = bytearray()  # of an announcement that is not whole yet
        self._current: Announced | None = None
        self._left = 0
        self._file: BinaryIO | None = None

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes. Raises UploadError for a body that is not framed as it should be."""
        view = memoryview(chunk)
        while len(view) or (self._current and self._left == 0):
            view = self._body(view) if self._current else self._head(view)

    def finish(self) -> None:
        """The body has ended. Raises UploadError if that was in the middle of a file."""
        if self._current or self._waiting:
            raise UploadError("A file arrived only in part.", "Try again.", self._current and self._current.path)

    def close(self) -> None:
        """Close the file at hand; what arrived of one that is not whole is left to the upload."""
        if self._file and self._current:
            self._file.close()
            self._upload.broke_off(self._current, Path(self._file.name))
            self._file = None

    def _head(self, view: memoryview) -> memoryview:
        wanted = 4 if len(self._waiting) < 4 else 4 + int.from_bytes(self._waiting[:4], "big")
        if wanted > _HEAD_LIMIT:
            raise _unframed()
        taken = view[: wanted - len(self._waiting)]
        self._waiting += taken
        if len(self._waiting) == wanted > 4:
            announced = _announced(bytes(self._waiting[4:]))
            self._waiting.clear()
            self._file = self._upload.expect(announced).open("ab")
            self._current, self._left = announced, announced.size - announced.start
        elif self._waiting == bytes(4):
            raise _unframed()
        return view[len(taken) :]

    def _body(self, view: memoryview) -> memoryview:
        assert self._file and self._current
        taken = view[: self._left]
        self._file.write(taken)
        self._left -= len(taken)
        if self._left == 0:
            self._file.close()
            self._upload.complete(self._current, Path(self._file.name))
            self._file = self._current = None
        return view[len(taken) :]


def _announced(text: bytes) -> Announced:
    try:
        said = json.loads(text)
        announced = Announced(int(said["n"]), str(said["path"]), int(said["size"]), int(said.get("from", 0)))
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise _unframed() from error
    if not 0 <= announced.start <= announced.size or announced.number < 0:
        raise _unframed()
    return announced


def _unframed() -> UploadError:
    return UploadError("The upload is not framed as the studio's picker does it.", "Reload the page.")
