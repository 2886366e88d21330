"""Plain frames around pictures, and whether they give the class away."""

import numpy as np

from studio.checks.evidence import Evidence

_DEEP = 4  # pixels of a tile from its edge, beyond which a frame does not reach
_SAME, _MOSTLY = 24, 0.4  # a pixel is of the border's colour; so much of the inside is
_EVEN = 14.0  # largest standard deviation within a frame, of 255: resizing and compression leave some
_SETS_APART = 0.5  # of a class's pictures more (or fewer) have such a frame than of all others
_ENOUGH = 10  # pictures of a class


def even_borders(tiles: np.ndarray) -> np.ndarray:
    """The colour of a picture's border where that is even: 1 to 27 by its red, green and blue in thirds; 0 elsewhere.

    `tiles` uint8 (n, side, side, 3); the result is int64 (n,). A picture that is plain throughout has no border.
    """
    ring = outer_ring(tiles)
    even = ring.std(axis=1).max(axis=1) <= _EVEN
    something = tiles.reshape(len(tiles), -1, 3).std(axis=1).max(axis=1) > _EVEN
    colour = (ring.mean(axis=1) // 86).astype(np.int64) @ np.array([1, 3, 9])
    return np.where(even & something, 1 + colour, 0)


def on_ground(tiles: np.ndarray) -> np.ndarray:
    """Whether the colour of the border goes on inside, as the paper of a drawing does: bool (n,)."""
    colour = outer_ring(tiles).mean(axis=1)[:, None, None]
    inside = tiles[:, _DEEP:-_DEEP, _DEEP:-_DEEP].astype(np.float32)
    return (np.abs(inside - colour).max(axis=3) <= _SAME).mean(axis=(1, 2)) > _MOSTLY


def outer_ring(tiles: np.ndarray) -> np.ndarray:
    """The outermost pixels of squares (n, side, side, 3), once around: float32 (n, 4 * side - 4, 3)."""
    edge = np.ones(tiles.shape[1:3], bool)
    edge[1:-1, 1:-1] = False
    return tiles[:, edge].astype(np.float32)


def given_away(evidence: Evidence) -> np.ndarray:
    """Pictures whose plain frame is to be taken off, as such frames set a class apart: bool (n,), often all False."""
    tiles, labels = evidence.traits["tile"], evidence.labels()
    kinds, nothing = even_borders(tiles), np.zeros(len(labels), bool)
    frames = np.where(on_ground(tiles), 0, kinds)
    for kind in np.unique(frames[frames > 0]):
        has = frames == kind
        for label in np.flatnonzero(np.bincount(labels, minlength=1) >= _ENOUGH):
            own = labels == label
            if (~own).sum() >= _ENOUGH and abs(has[own].mean() - has[~own].mean()) >= _SETS_APART:
                return kinds > 0
    return nothing
