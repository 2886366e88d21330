"""What a frozen backbone makes of pictures: their features, from the shelf that a run of the head alone uses too."""

import hashlib
from collections.abc import Generator, Sequence
from pathlib import Path

import numpy as np
import torch

from studio.augment.geometry import Geometry
from studio.data.contents import DIGEST, Contents
from studio.data.dataset import Dataset, Sample
from studio.data.picture import open_image
from studio.recipe import DEFAULT_BACKBONE, Recipe
from studio.training.eye import Eye, flat
from studio.training.features import Features, shelf
from studio.training.loader import Pictures, Seen
from studio.training.shelf import Shelf
from studio.training.trim import trim

_AT_A_TIME = 4096  # rows that are turned into float32 at once


def embed(
    dataset: Dataset,
    samples: Sequence[Sample],
    cache: Path,
    backbone: str = DEFAULT_BACKBONE,
    *,
    trimmed: bool = False,
    eye: Eye | None = None,
) -> Generator[int, None, tuple[np.ndarray, np.ndarray]]:
    """Show `samples` to a backbone. Yields how many are done; returns which of them opened, and their features.

    Those are `rows`, int64 (n,) into `samples`, and a matrix, float32 (n, d): what crosses to the head, the mean over
    places where that is a map or a row of tokens. What is on the shelf in `cache` is not computed again. `trimmed`
    takes plain frames off first. An `eye` looks in the place of `backbone`. Raises BackboneError or WeightsError where
    the backbone cannot be had.
    """
    if eye is None:
        eye = Eye.of(Recipe().amended({"model.backbone": backbone}), len(dataset.classes), looks=len(samples))
    rows, features = yield from looked(eye, dataset, samples, cache, trimmed=trimmed)
    return rows, _matrix(features, len(rows))


def looked(
    eye: Eye, dataset: Dataset, samples: Sequence[Sample], cache: Path, *, trimmed: bool = False, shelved: bool = True
) -> Generator[int, None, tuple[np.ndarray, Features]]:
    """Show `samples` to an eye. Yields how many are done; returns which of them opened, and what crosses its boundary.

    Those are `rows`, int64 (n,) into `samples`, and `Features` whose first n rows belong to them. Not `shelved`, they
    are kept in memory alone.
    """
    dtype = torch.bfloat16
    known = shelf(eye.boundary, eye.front, eye.geometry, dtype, cache / "features") if shelved else _Nowhere()
    features = Features(eye.boundary, len(samples), 1, dtype, known, cache)
    kind = _Trimmed if trimmed else Pictures
    pictures = kind(dataset, samples, eye.geometry, folder=cache, contents=Contents(dataset, cache / "contents"))
    yield from _Filling(pictures, features, eye).look()
    return pictures.places, features


class _Nowhere(Shelf):
    """A shelf that keeps nothing."""

    def __init__(self) -> None:
        super().__init__(Path(), 0)

    def put(self, key: bytes, row: np.ndarray) -> None:
        pass


class _Trimmed(Pictures):
    """Pictures without their plain frames."""

    def _square(self, data: bytes) -> np.ndarray:
        return self.geometry.base(trim(open_image(data, at_least=self.geometry.base_size)))


class _Filling:
    """Fills features from the shelf, or else by showing the pictures to the eye, some at a time."""

    def __init__(self, pictures: Pictures, features: Features, eye: Eye) -> None:
        self.pictures, self.features, self.eye = pictures, features, eye
        self._squares: list[np.ndarray] = []
        self._rows: list[tuple[int, int, bytes]] = []

    def look(self) -> Generator[int, None, None]:
        """All of them. What was seen is kept on the shelf even if nobody wants to hear the rest."""
        many, on_cpu = self.eye.at_once, self.eye.world.device.type == "cpu"
        try:
            for row, seen in enumerate(self.pictures.look(self._lacks, cores_are_mine=on_cpu)):
                self._add(row, seen, self.eye.geometry)
                if len(self._squares) >= many:
                    self._show()
                if row % many == many - 1:
                    yield row + 1
            self._show()
        finally:
            self.features.close()
        yield len(self.pictures.asked)

    def _lacks(self, digest: bytes, _: int) -> bool:
        return not self.features.knows(self._key(digest))

    def _key(self, digest: bytes) -> bytes:
        if not isinstance(self.pictures, _Trimmed):
            return digest
        return hashlib.blake2b(digest + b"trimmed", digest_size=DIGEST).digest()

    def _add(self, row: int, seen: Seen, geometry: Geometry) -> None:
        key = self._key(seen.digest)
        if not self.features.take(row, 0, key):
            self._squares.append(geometry.centre(self.pictures.base(seen)))
            self._rows.append((row, 0, key))

    def _show(self) -> None:
        if self._squares:
            self.features.put(self._rows, self.eye(np.stack(self._squares)))
            self._squares, self._rows = [], []


def _matrix(features: Features, count: int) -> np.ndarray:
    """The first `count` rows as one flat vector each."""
    parts = np.array_split(np.arange(count), -(-count // _AT_A_TIME) or 1)
    return np.concatenate([flat(features.batch(rows, 0, torch.device("cpu"))).numpy() for rows in parts])
