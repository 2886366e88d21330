"""glibc's heap: kept between the steps of training, given back between its phases. Elsewhere nothing happens."""

import ctypes
import gc
import platform
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import cache

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # M_... of malloc.h
_ALL, _LARGE = 1 << 30, 1 << 20  # bytes from which on a piece lies beside the heap: of a step; of what is done but once
_kept = False
_beside = _ALL


def keep_heap() -> None:
    """Keep freed memory instead of handing it back at each step (a CPU step measured 1.7 times as fast)."""
    global _kept
    _set(_MMAP_THRESHOLD, _ALL)
    _set(_TRIM_THRESHOLD, (1 << 31) - 1)
    _kept = True


@contextmanager
def whole_pieces() -> Iterator[None]:
    """In here large tensors lie beside the heap, and are gone once freed: for work that is done but once.

    Else the heap grows around what one network leaves and the next asks for, and around what stays: of four same runs
    of an EfficientNet-Lite0 the first look took 303 to 399 MB, and so takes 283 to 285. Such a pass takes up to 1.6
    times as long.
    """
    with _pieces_beside(_LARGE):
        yield
    if _kept:
        give_back()


def from_the_heap() -> AbstractContextManager:
    """In here they come from the heap all the same: for what is timed in whole pieces."""
    return _pieces_beside(_ALL)


@contextmanager
def _pieces_beside(size: int) -> Iterator[None]:
    global _beside
    before, _beside = _beside, size
    if _kept:
        _set(_MMAP_THRESHOLD, size)
    try:
        yield
    finally:
        _beside = before
        if _kept:
            _set(_MMAP_THRESHOLD, before)


def give_back() -> None:
    """Return freed memory to the system."""
    libc = _libc()
    if libc is not None:
        with suppress(AttributeError):
            libc.malloc_trim(0)


def let_go() -> None:
    """Free what only circles of references still hold, such as networks that were cut, and give memory back."""
    gc.collect()
    give_back()


def _set(what: int, value: int) -> None:
    libc = _libc()
    if libc is not None:
        libc.mallopt(what, value)


@cache
def _libc() -> ctypes.CDLL | None:
    if platform.libc_ver()[0] != "glibc":
        return None
    with suppress(OSError):
        return ctypes.CDLL("libc.so.6")
    return None
