"""A grid of pictures: each original beside its variants."""

from collections.abc import Sequence

import numpy as np

from studio.augment.geometry import Geometry
from studio.augment.pipeline import Pipeline

_GAP, _PAPER = 4, 255


def variants(
    pipeline: Pipeline, base: np.ndarray, seed: int, index: int, count: int, first: int = 1
) -> list[np.ndarray]:
    """A base picture in the epochs `first` and after, as training would show picture `index`: uint8 (size, size, 3)."""
    return [pipeline.apply(base, seed, epoch, index) for epoch in range(first, first + count)]


def grid(
    pipeline: Pipeline, geometry: Geometry, bases: Sequence[np.ndarray], indices: Sequence[int], seed: int, count: int
) -> np.ndarray:
    """A row a base picture: as it is, a wider gap, then `count` variants. uint8 (height, width, 3)."""
    rows = []
    for base, index in zip(bases, indices, strict=True):
        wide = np.full((geometry.size, _GAP * 3, 3), _PAPER, np.uint8)
        parts = [geometry.centre(base), wide, *_between(variants(pipeline, base, seed, index, count))]
        rows.append(np.concatenate(parts, axis=1))
    stripe = np.full((_GAP, rows[0].shape[1], 3), _PAPER, np.uint8)
    return np.concatenate([part for row in rows for part in (row, stripe)][:-1], axis=0)


def _between(pictures: Sequence[np.ndarray]) -> list[np.ndarray]:
    gap = np.full((pictures[0].shape[0], _GAP, 3), _PAPER, np.uint8)
    return [part for picture in pictures for part in (picture, gap)][:-1]
