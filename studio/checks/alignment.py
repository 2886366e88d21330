"""How much of one small picture is left unexplained by another, once that is shifted, stretched and brightened to fit.

After Lucas and Kanade, "An iterative image registration technique" (1981), with a stretch along either axis, and a
gain and an offset of the light, for many pairs at a time.
"""

import numpy as np

from studio.checks.traits import LUMINANCE

_COARSE, _FINE = 2, 3  # steps
_MOST = 0.15  # of half the side, by which a picture may be shifted or stretched to fit another
_BEYOND = 1.5  # what it counts for that a fit is off a crop by half the side
_OFFSET, _GAIN = 36.0, 0.6  # levels and factor (its logarithm) by which the light may have changed
_EDGE = 3  # points on each side that may be a frame, which says nothing of what is in it
_EASE = 1e-3  # keeps the equations solvable where a picture is even
_AS_IT_IS = np.array([1, 0, 1, 0], np.float32)  # stretch and shift, across and down


def unexplained(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """For each pair of tiles, uint8 (n, side, side, 3), the share of the second's contrast that is left, 0 to 1.

    0: they are the same but for a little cropping and light; 1: they have nothing to do with each other. The fit is
    found on the luminance, of pairs of pixels first, which leads further, and of single ones then, without which thin
    lines do not meet. It is judged on all pixels and colours, by a gain that they have in common.
    """
    first, second = _softened(first.astype(np.float32)), _softened(second.astype(np.float32))
    light, wanted = first @ LUMINANCE, second @ LUMINANCE
    fit = np.tile(_AS_IT_IS, (len(first), 1))
    for one, other in [(_halved(light), _halved(wanted))] * _COARSE + [(light, wanted)] * _FINE:
        fit = np.clip(fit + _step(one, other, fit), _AS_IT_IS - _MOST, _AS_IT_IS + _MOST)
    before = _left(first, np.ones(light.shape, np.float32), second)
    after = _left(*_fitted(first, fit), second) + _BEYOND * _beyond_a_crop(fit)
    return np.minimum(before, np.minimum(after, 1))  # where the search went astray, as they are


def _beyond_a_crop(fit: np.ndarray) -> np.ndarray:
    """How far a fit is from one picture lying within the other, as a share of half the side, (n,).

    Copies are cropped; what is merely alike is shifted, or broader and lower.
    """
    stretch, shift = fit[:, [0, 2]], np.abs(fit[:, [1, 3]])
    within, around = (np.maximum(shift - room, 0).max(axis=1) for room in (1 - stretch, stretch - 1))
    return np.minimum(within, around)


def _softened(pictures: np.ndarray) -> np.ndarray:
    """Blurred a little, so that what is thinner than a pixel can be shifted by a part of one."""
    count, side = pictures.shape[:2]
    down = _blurred(pictures.reshape(count, side, -1))
    return _blurred(down.reshape(count * side, side, -1)).reshape(pictures.shape)


def _blurred(lines: np.ndarray) -> np.ndarray:
    """Half of a point and a quarter of each beside it, along the second axis; the last stands for what is beyond."""
    soft = 0.5 * lines
    soft[:, 1:] += 0.25 * lines[:, :-1]
    soft[:, :-1] += 0.25 * lines[:, 1:]
    for end in (0, -1):
        soft[:, end] += 0.25 * lines[:, end]
    return soft


def _halved(pictures: np.ndarray) -> np.ndarray:
    left, right = pictures[:, :, ::2], pictures[:, :, 1::2]
    return (left[:, ::2] + right[:, ::2] + left[:, 1::2] + right[:, 1::2]) / 4


def _weights(fit: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Linear interpolation along an axis as matrices (n, side, side), and which points lie inside (n, side)."""
    points = (fit[:, :1] * _places(side) + fit[:, 1:] + 1) * ((side - 1) / 2)
    inside = (points > -0.25) & (points < side - 0.75)
    grid = np.arange(side, dtype=np.float32)
    weights = np.maximum(1 - np.abs(np.clip(points, 0, side - 1)[:, :, None] - grid), 0)
    return weights.astype(np.float32), inside.astype(np.float32)


def _places(side: int) -> np.ndarray:
    return np.linspace(-1, 1, side, dtype=np.float32)


def _step(first: np.ndarray, second: np.ndarray, fit: np.ndarray) -> np.ndarray:
    """The change of fit (n, 4) that leaves less of the second unexplained, by least squares."""
    count, side = first.shape[:2]
    across, inside_across = _weights(fit[:, :2], side)
    down, inside_down = _weights(fit[:, 2:], side)
    seen = down @ first @ across.transpose(0, 2, 1)
    weight = inside_down[:, :, None] * inside_across[:, None, :]
    weight[:, :1] = weight[:, -1:] = weight[:, :, :1] = weight[:, :, -1:] = 0
    weight = weight.reshape(count, 1, -1)
    place, slope = _places(side), (side - 1) / 2
    fall, rise = (slope * gradient for gradient in np.gradient(seen, axis=(1, 2)))
    parts = (rise * place, rise, fall * place[:, None], fall, seen, np.ones_like(seen))
    columns = np.stack([part.reshape(count, -1) for part in parts], axis=1)  # (n, 6, points)
    weighted = columns * weight
    square = weighted @ columns.transpose(0, 2, 1)
    size = np.maximum(np.einsum("nii->ni", square), 1e-6)
    square[:, range(6), range(6)] += _EASE * size
    found = np.linalg.solve(square, weighted @ second.reshape(count, -1, 1))[..., 0]
    gain = np.where(np.abs(found[:, 4]) > 0.1, found[:, 4], 1)
    return found[:, :4] / gain[:, None]


def _fitted(first: np.ndarray, fit: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pictures (n, side, side, 3) as the fit moves them, and which points then lie inside, (n, side, side)."""
    count, side = first.shape[:2]
    across, inside_across = _weights(fit[:, :2], side)
    down, inside_down = _weights(fit[:, 2:], side)
    seen = (down @ first.reshape(count, side, -1)).reshape(count, side, side, 3)
    return across[:, None] @ seen, inside_down[:, :, None] * inside_across[:, None, :]


def _left(seen: np.ndarray, inside: np.ndarray, second: np.ndarray) -> np.ndarray:
    """What a gain and an offset of what is seen of the first leave unexplained of the second, (n,)."""
    count, weight = len(seen), inside.copy()
    weight[:, :_EDGE] = weight[:, -_EDGE:] = weight[:, :, :_EDGE] = weight[:, :, -_EDGE:] = 0
    weight = np.repeat(weight.reshape(count, -1), 3, axis=1)
    weight /= np.maximum(weight.sum(axis=1, keepdims=True), 1)
    seen, second = seen.reshape(count, -1), second.reshape(count, -1)
    means = [(weight * one).sum(axis=1, keepdims=True) for one in (seen, second)]
    seen, second = seen - means[0], second - means[1]
    own, others = (weight * seen**2).sum(axis=1), (weight * second**2).sum(axis=1)
    both = np.maximum((weight * seen * second).sum(axis=1), 0)
    gain = both / np.maximum(own, 1e-6)
    lighter = means[1][:, 0] - means[0][:, 0]
    offset = np.minimum(np.abs(means[1][:, 0] - gain * means[0][:, 0]), np.abs(lighter))
    left = np.sqrt(np.clip(1 - both * gain / np.maximum(others, 1e-6), 0, 1))
    return np.where((offset > _OFFSET) | (np.abs(np.log(np.maximum(gain, 1e-3))) > _GAIN), 1, left)
