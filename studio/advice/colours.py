"""The plain baseline: what colours alone tell of the classes. A backbone that is no better has seen nothing."""

from collections.abc import Iterator

import numpy as np

from studio.augment.geometry import Geometry

BINS = 4  # a channel
SIZE = 32  # pixels of the squares that are counted
GEOMETRY = Geometry(SIZE, SIZE, "box", (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))


def histograms(squares: Iterator[np.ndarray]) -> np.ndarray:
    """Of squares uint8 (n, s, s, 3), as they come, the roots of how often each of 64 colours occurs: float32 (n, 64).

    Source: Swain and Ballard 1991, "Color Indexing"; the roots make distances those of Hellinger, in which rare colours
    count too.
    """
    found = [_counted(part) for part in squares]
    return np.concatenate(found) if found else np.zeros((0, BINS**3), np.float32)


def _counted(squares: np.ndarray) -> np.ndarray:
    levels = (squares.astype(np.int64) * BINS) // 256
    colours = (levels[..., 0] * BINS + levels[..., 1]) * BINS + levels[..., 2]
    rows = [np.bincount(picture.ravel(), minlength=BINS**3) for picture in colours]
    return np.sqrt(np.stack(rows) / colours[0].size).astype(np.float32)
