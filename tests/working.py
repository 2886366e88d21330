"""Work that is a generator: it tells on its way, and returns what it found."""

from collections.abc import Generator
from typing import TypeVar

Told = TypeVar("Told")
Found = TypeVar("Found")


def done(work: Generator[Told, None, Found]) -> tuple[list[Told], Found]:
    """What it told on its way, and what it found."""
    told: list[Told] = []
    while True:
        try:
            told.append(next(work))
        except StopIteration as end:
            return told, end.value
