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
from studio.errors import BackboneError
from studio.model.boundary import cut
from studio.model.frozen import Frozen
from studio.model.graph import Boundary
from studio.recipe import ALL_FROZEN, DEFAULT_BACKBONE, Recipe
from studio.training.features import Features, shelf
from studio.training.loader import Pictures, Seen, to_input
from studio.training.look import at_once
from studio.training.prepare import network
from studio.training.trim import trim
from studio.training.world import World

_AT_A_TIME = 4096  # rows that are turned into float32 at once


def embed(
    dataset: Dataset, samples: Sequence[Sample], cache: Path, backbone: str = DEFAULT_BACKBONE, *, trimmed: bool = False
) -> Generator[int, None, tuple[np.ndarray, np.ndarray]]:
    """Show `samples` to a backbone. Yields how many are done; returns which of them opened, and their features.

    Those are `rows`, int64 (n,) into `samples`, and a matrix, float32 (n, d): what crosses to the head, the mean over
    places where that is a map or a row of tokens. What is on the shelf in `cache` is not computed again. `trimmed`
    takes plain frames off first. Raises BackboneError or WeightsError where the backbone cannot be had.
    """
    world = World.join()
    recipe = Recipe().amended({"model.backbone": backbone})
    model, geometry = network(recipe, len(dataset.classes), world)
    noise = torch.rand(3, 3, geometry.size, geometry.size, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        halves = cut(model, [ALL_FROZEN], noise.to(world.device, memory_format=torch.channels_last))
    if halves is None:
        raise BackboneError(f"{backbone} cannot be cut at its head.", "Choose another backbone.")
    boundary, front = halves.boundaries[ALL_FROZEN], halves.front([ALL_FROZEN])
    known = shelf(boundary, front, geometry, torch.bfloat16, cache / "features")
    features = Features(boundary, len(samples), 1, torch.bfloat16, known, cache)
    frozen = Frozen(front, world.device, looks=len(samples))
    kind = _Trimmed if trimmed else Pictures
    pictures = kind(dataset, samples, geometry, folder=cache, contents=Contents(dataset, cache / "contents"))
    yield from _Filling(pictures, features, frozen, world).look()
    return pictures.places, _matrix(features, boundary, len(pictures))


class _Trimmed(Pictures):
    """Pictures without their plain frames."""

    def _square(self, data: bytes) -> np.ndarray:
        return self.geometry.base(trim(open_image(data, at_least=self.geometry.base_size)))


class _Filling:
    """Fills features from the shelf, or else by showing the pictures to the frozen part, some at a time."""

    def __init__(self, pictures: Pictures, features: Features, frozen: Frozen, world: World) -> None:
        self.pictures, self.features, self.frozen, self.world = pictures, features, frozen, world
        self._squares: list[np.ndarray] = []
        self._rows: list[tuple[int, int, bytes]] = []

    def look(self) -> Generator[int, None, None]:
        """All of them. What was seen is kept on the shelf even if nobody wants to hear the rest."""
        geometry, on_cpu = self.pictures.geometry, self.world.device.type == "cpu"
        many = at_once(geometry.size) if on_cpu else 64
        try:
            for row, seen in enumerate(self.pictures.look(self._lacks, cores_are_mine=on_cpu)):
                self._add(row, seen, geometry)
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
            squares = torch.from_numpy(np.stack(self._squares))
            (kept,) = self.frozen(to_input(squares, self.pictures.geometry, self.world.device))
            self.features.put(self._rows, kept)
            self._squares, self._rows = [], []


def _matrix(features: Features, boundary: Boundary, count: int) -> np.ndarray:
    """The first `count` rows as one flat vector each: the mean over the places of a map, over the tokens of a row."""
    width = sum(shape[0] if len(shape) == 3 else shape[-1] for shape in boundary.shapes)
    matrix = np.empty((count, width), np.float32)
    for first in range(0, count, _AT_A_TIME):
        rows = np.arange(first, min(first + _AT_A_TIME, count))
        parts = features.batch(rows, 0, torch.device("cpu"))
        matrix[rows] = torch.cat([_flat(part) for part in parts], dim=1).numpy()
    return matrix


def _flat(part: torch.Tensor) -> torch.Tensor:
    """(n, channels, height, width) or (n, tokens, channels) as (n, channels)."""
    return part.mean(dim=(2, 3)) if part.ndim == 4 else part.mean(dim=1) if part.ndim == 3 else part
