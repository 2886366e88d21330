"""Room for what a run keeps of its pictures: memory while it fits, a memory-mapped file beyond."""

import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike

IN_MEMORY = 2 << 30  # bytes; more go to a memory-mapped file
MOST = 8 << 30  # bytes that are kept at all, of what can be computed again
_JUDGED_LEAST, _JUDGED_MOST = 16, 64  # pictures


def room(shape: tuple[int, ...], dtype: DTypeLike, folder: Path | None) -> np.ndarray:
    """An array that is not filled yet. Raises OSError where it neither fits into memory nor on the disk of `folder`."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    if size <= IN_MEMORY:
        return np.empty(shape, dtype)
    with tempfile.TemporaryFile(dir=folder) as file:  # the mapping keeps the bytes; the name is gone at once
        if hasattr(os, "posix_fallocate"):  # a full disk is an error here; in the mapping it would kill the process
            os.posix_fallocate(file.fileno(), 0, size)
        return np.memmap(file, dtype, "w+", shape=shape)


def fits(size: int, folder: Path | None) -> bool:
    """Whether to keep `size` bytes that could be computed again: never more than half of what a disk has left."""
    if size <= IN_MEMORY:
        return True
    return size <= min(MOST, shutil.disk_usage(folder or tempfile.gettempdir()).free // 2)


def judged_at_once(batch_size: int) -> int:
    """How many pictures are measured on at a time: as many as a batch has, so that no more memory is needed."""
    return max(_JUDGED_LEAST, min(batch_size, _JUDGED_MOST))
