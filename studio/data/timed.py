"""A picture's bytes, given out only for so long: decoding ends when the decoder asks for more after its time is over.

It is the time that this thread computed, not the time of day, so a busy machine refuses no picture that an idle one
opens. Decoders that ask for everything at once are bound by the size of the picture alone.
"""

import io
import time
from pathlib import Path

SECONDS = 10.0
SMALL = 1024  # bytes; so few of a JPEG in many passes can take a second
_A_GLANCE = 256  # bytes; headers are read in pieces of a few, and looking at the clock costs more than those


class TooSlow(Exception):
    """The decoder has had its time."""


def reader(source: Path | bytes) -> "Bytes | File":
    """`source`, opened to be read for `SECONDS` of this thread's time from now."""
    opened = Bytes(source) if isinstance(source, bytes) else File(io.FileIO(source), 1 << 16)
    opened.end = time.thread_time() + SECONDS
    return opened


class Bytes(io.BytesIO):
    end = 0.0

    def read(self, size: int | None = -1, /) -> bytes:
        if (size is None or not 0 <= size <= _A_GLANCE) and time.thread_time() > self.end:
            raise TooSlow
        return io.BytesIO.read(self, size)


class File(io.BufferedReader):
    end = 0.0

    def read(self, size: int | None = -1, /) -> bytes:
        if (size is None or not 0 <= size <= _A_GLANCE) and time.thread_time() > self.end:
            raise TooSlow
        return io.BufferedReader.read(self, size)
