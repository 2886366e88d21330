"""How many entries a zip lists, counted without loading them, whatever it says of their number."""

import struct
from pathlib import Path
from typing import BinaryIO

_RECORD, _END, _LOCATOR_64 = b"PK\x01\x02", b"PK\x05\x06", b"PK\x06\x07"
_END_BYTES, _LARGE_BYTES = 22, 56 + 20  # the end record, and before it that of large zips with its locator
_TAIL = _LARGE_BYTES + _END_BYTES + (1 << 16)  # a comment may follow
_BLOCK = 1 << 20


def entries_listed(archive: Path) -> int:
    """The records in the zip's directory, which lies at its end; 0 where there is none. Raises OSError."""
    with archive.open("rb") as handle:
        length = handle.seek(0, 2)
        handle.seek(max(0, length - _TAIL))
        tail = handle.read(_TAIL)
        end = len(tail) - _END_BYTES
        if tail[-_END_BYTES:][:4] != _END or tail[-2:] != b"\0\0":
            end = tail.rfind(_END)
        if not 0 <= end <= len(tail) - _END_BYTES:
            return 0
        stop = length - len(tail) + end
        return _counted(handle, max(0, stop - _size(tail, end)), stop)


def _size(tail: bytes, end: int) -> int:
    """How many bytes before the end record may be directory: the larger, where two records say so."""
    (size,) = struct.unpack_from("<I", tail, end + 12)
    large = tail[max(0, end - _LARGE_BYTES) : end]
    if len(large) == _LARGE_BYTES and large[56:60] == _LOCATOR_64:
        size = max(size, struct.unpack_from("<Q", large, 40)[0] + _LARGE_BYTES)
    return size


def _counted(handle: BinaryIO, start: int, stop: int) -> int:
    handle.seek(start)
    count, rest, left = 0, b"", stop - start
    while left > 0 and (block := handle.read(min(_BLOCK, left))):
        count += (rest + block).count(_RECORD)
        rest, left = block[-len(_RECORD) + 1 :], left - len(block)
    return count
