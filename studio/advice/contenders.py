"""Who takes part in an audition: backbones, and the colours that they are held against."""

import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from studio.advice.colours import GEOMETRY, histograms
from studio.data.contents import Contents
from studio.data.dataset import Dataset, Sample
from studio.recipe import ModelChoice
from studio.training.embed import embed
from studio.training.eye import Eye
from studio.training.loader import Pictures

CHUNK = 32  # pictures that are shown before anybody knows how long they take


@dataclass
class Contender:
    """One that is heard: it makes features of pictures. `rows` are those that opened, as places in the order."""

    name: str
    rows: list[np.ndarray] = field(default_factory=list)
    parts: list[np.ndarray] = field(default_factory=list)
    seen: int = 0
    cost: float = 0.0  # seconds a picture, once it is known
    least: int = CHUNK  # pictures that are looked at however long that takes

    def look(self, order: Sequence[Sample], target: int, until: float) -> Generator[int, None, None]:
        """Look at the pictures of the order up to number `target`, or until that moment; yields how many are seen."""
        while self.seen < target:
            left = until - time.monotonic()
            if self.seen >= self.least and left <= 0:
                return
            fits = int(min(left, 1e6) / self.cost) if self.cost else 0
            rest = target - self.seen
            chunk = rest if fits >= rest else min(rest, max(CHUNK, fits // 2))
            began, first = time.monotonic(), self.seen
            for done in self._shown(order[first : first + chunk]):
                yield first + done
            took = (time.monotonic() - began) / chunk
            self.cost = took if first else 0.0  # the first look is slower: it settles how to compute
            self.seen += chunk

    def _shown(self, samples: Sequence[Sample]) -> Iterator[int]:
        raise NotImplementedError

    def _add(self, places: np.ndarray, part: np.ndarray) -> None:
        self.rows.append(self.seen + places)
        self.parts.append(part)

    def matrix(self, places: np.ndarray) -> np.ndarray:
        """Features of these places, all of which opened: float32 (n, d)."""
        rows = np.concatenate(self.rows)
        return np.concatenate(self.parts)[np.searchsorted(rows, places)]


@dataclass
class Colours(Contender):
    """The baseline, which sees colours alone."""

    dataset: Dataset | None = None
    cache: Path = Path()

    def _shown(self, samples: Sequence[Sample]) -> Iterator[int]:
        assert self.dataset is not None
        contents = Contents(self.dataset, self.cache / "contents")
        pictures = Pictures(self.dataset, samples, GEOMETRY, contents=contents)
        part = histograms(squares.numpy() for squares in pictures.walk())
        self._add(pictures.places, part)
        yield len(samples)


@dataclass
class Backbone(Contender):
    """A backbone with its weights, frozen."""

    model: ModelChoice = field(default_factory=ModelChoice)
    eye: Eye | None = None
    pace: float = 0.0
    dataset: Dataset | None = None
    cache: Path = Path()

    def _shown(self, samples: Sequence[Sample]) -> Iterator[int]:
        assert self.dataset is not None and self.eye is not None
        places, part = yield from embed(self.dataset, samples, self.cache, eye=self.eye)
        self._add(places, part)
