"""Which pictures show the same, though their files differ: saved again, made smaller, cropped a little, brightened.

Pictures that may be alike are found by what they show at a coarse scale: where they are few, each is held against each.
Where they are many, that is hashed: the signs of random projections in several tables (Charikar 2002), each looked up a
second time with its least certain sign turned (multi-probe: Lv and others 2007). In a table a picture is only held
against a few that follow it, so that the work grows with the number of pictures and not with its square. Whether two
are alike is decided by fitting one to the other.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import cache

import numpy as np

from studio.checks.alignment import unexplained
from studio.checks.traits import LUMINANCE, TILE

_FEW, _ROWS = 2048, 256  # pictures that are held each against each; so many of them at a time
_TABLES, _WINDOW = 12, 4
_DIMENSIONS = 24  # of what is hashed
_EVEN = 4.0  # deviation of luminance below which a picture shows nothing by which it could be recognised
_EDGE = 3  # points of a tile on each side that may be a frame
_GRID, _COARSE = 6, 3  # of the light and of the colours in a description
_COLOUR = 0.7  # what colour counts for beside light
_FAINT = 6.0  # contrast below which a description is not stretched further
_SAMPLE, _NEIGHBOUR = 256, 6
_CLOSE = 0.62  # of the distance to the sixth neighbour, below which two pictures are held against each other
_CLOSE_DRAWN = 0.9  # the same where both are drawn: a crop moves thin lines among even areas from cell to cell
_LEVEL, _DRAWN = 3, 0.15  # levels between points that are even; the share of even points from which a picture is drawn
_FITS = 20_000  # pairs that are held against each other, or else as many as there are pictures
_LEFT, _MOST_LEFT = 0.36, 0.27  # of that distance's square, and at the most: what may be unexplained of a copy
_FITTED = 0.55  # of what is usually unexplained of that neighbour: patterns fit each other however different they are
_FITTED_OF = 64  # of those neighbours, that are fitted to know it
_PART = 2048  # tiles or pairs at a time


def near_pairs(traits: np.ndarray) -> np.ndarray:
    """Pairs of rows of `traits` that show the same picture, int64 (pairs, 2), the smaller first; in order."""
    rows = np.flatnonzero(traits["deviation"] > _EVEN)
    if len(rows) < 2:
        return np.zeros((0, 2), np.int64)
    tiles = traits["tile"][rows]
    described = _described(tiles)
    usual, neighbours = _usual_distance(described)
    pairs = _candidates(described, usual * np.where(_drawn(tiles), _CLOSE_DRAWN, _CLOSE).astype(np.float32))
    some = np.concatenate([neighbours[:_FITTED_OF], pairs])
    left = _joined(lambda part: unexplained(tiles[part[:, 0]], tiles[part[:, 1]]), some)
    fitted = float(np.median(left[: len(some) - len(pairs)]))
    most = min(_LEFT * usual**2, _MOST_LEFT, _FITTED * fitted)
    return rows[pairs[left[len(some) - len(pairs) :] < most]]


def groups(count: int, pairs: Sequence[tuple[int, int]] | np.ndarray) -> list[list[int]]:
    """Numbers below `count` that pairs join, directly or through others: sorted lists of two and more."""
    parents = list(range(count))

    def root(one: int) -> int:
        while parents[one] != one:
            parents[one] = one = parents[parents[one]]
        return one

    for first, second in np.asarray(pairs, np.int64).reshape(-1, 2).tolist():
        first, second = sorted((root(first), root(second)))
        parents[second] = first
    members: dict[int, list[int]] = defaultdict(list)
    for one in sorted({number for pair in np.asarray(pairs, np.int64).reshape(-1, 2).tolist() for number in pair}):
        members[root(one)].append(one)
    return sorted(members.values())


def _described(tiles: np.ndarray) -> np.ndarray:
    """What tiles show at a coarse scale, float32 (n, 54), whatever their light and their contrast."""
    return _joined(_describe, tiles)


def _describe(tiles: np.ndarray) -> np.ndarray:
    inside = slice(_EDGE, TILE - _EDGE)
    count, pixels = len(tiles), tiles[:, inside, inside].astype(np.float32)
    means = pixels.reshape(count, -1) @ _cells(pixels.shape[1])
    shape, tint = means[:, : _GRID**2], means[:, _GRID**2 :]
    shape = shape - shape.mean(axis=1, keepdims=True)
    contrast = np.maximum(shape.std(axis=1, keepdims=True), _FAINT)
    return np.concatenate([shape / (contrast * _GRID), tint * (_COLOUR / _COARSE) / contrast], axis=1)


@cache
def _cells(side: int) -> np.ndarray:
    """A picture's light by cells, and then how red and how blue coarser ones are, as a matrix (side ** 2 * 3, 54)."""
    fine, coarse = (np.repeat(np.eye(cells, dtype=np.float32), side // cells, axis=0) for cells in (_GRID, _COARSE))
    tints = np.eye(3, dtype=np.float32)[:, [0, 2]] - LUMINANCE[:, None]
    light = np.einsum("yi,xj,c->yxcij", fine, fine, LUMINANCE).reshape(-1, _GRID**2) / (side // _GRID) ** 2
    tint = np.einsum("yi,xj,ct->yxcijt", coarse, coarse, tints).reshape(-1, 2 * _COARSE**2) / (side // _COARSE) ** 2
    return np.concatenate([light, tint], axis=1)


def _usual_distance(described: np.ndarray) -> tuple[float, np.ndarray]:
    """How far a picture's sixth neighbour usually is: where even those are near, less is needed to be no copy.

    And the pictures that were asked with their sixth neighbours, int64 (some, 2).
    """
    chosen = np.random.default_rng(0).permutation(len(described))[:_SAMPLE]
    squares = (described**2).sum(axis=1)
    found, neighbours = [], []
    for part in np.array_split(chosen, max(1, len(chosen) // 32)):
        distances = squares[part][:, None] + squares - 2 * described[part] @ described.T
        place = min(_NEIGHBOUR, len(described) - 1)
        sixth = np.argpartition(distances, place, axis=1)[:, place]
        found.append(distances[np.arange(len(part)), sixth])
        neighbours.append(np.stack([part, sixth], axis=1))
    return float(np.sqrt(max(np.median(np.concatenate(found)), 0))), np.concatenate(neighbours)


def _drawn(tiles: np.ndarray) -> np.ndarray:
    """Which tiles are even in many places, as drawings and signs are and photographs are not, bool (n,)."""
    return _joined(lambda part: _even(part) > _DRAWN, tiles)


def _even(tiles: np.ndarray) -> np.ndarray:
    light = tiles @ LUMINANCE
    across, down = (np.abs(np.diff(light, axis=axis)) < _LEVEL for axis in (2, 1))
    return (across[:, :-1] & down[:, :, :-1]).mean(axis=(1, 2))


def _candidates(described: np.ndarray, most: np.ndarray) -> np.ndarray:
    """Pairs no further from each other than the `most` of either, int64 (pairs, 2).

    `most` is float32 (n,), as long as `described`. Of many pictures it is nearly all of them.
    """
    pairs = _each_with_each(described, most) if len(described) <= _FEW else _by_tables(described, most)
    apart = _joined(lambda part: _apart(described, most, *part.T), pairs)
    kept = np.flatnonzero(apart < 0)
    enough = max(_FITS, len(described))
    if len(kept) > enough:  # of many thousand drawings hardly any is unlike all others
        kept = np.sort(kept[np.argpartition(apart[kept], enough)[:enough]])
    return pairs[kept]


def _each_with_each(described: np.ndarray, most: np.ndarray) -> np.ndarray:
    """All pairs no further apart than that, of pictures so few that tables would take longer."""
    squares, found = (described**2).sum(axis=1), []
    for at in range(0, len(described), _ROWS):
        rows = slice(at, at + _ROWS)
        apart = squares[rows, None] + squares[at:] - 2 * described[rows] @ described[at:].T
        near = apart < np.minimum(most[rows, None], most[at:]) ** 2
        found.append(np.stack(np.nonzero(np.triu(near, 1)), axis=1) + at)
    return np.concatenate(found)


def _by_tables(described: np.ndarray, most: np.ndarray) -> np.ndarray:
    """Most of these pairs, of those that a table brought together."""
    chance = np.random.default_rng(1)
    centred = described - described.mean(axis=0)
    _, axes = np.linalg.eigh(centred.T @ centred)
    main = np.ascontiguousarray(centred @ axes[:, -_DIMENSIONS:])
    bits = int(np.clip(np.ceil(np.log2(len(main))), 4, 24))
    found = np.zeros(0, np.int64)
    for _ in range(_TABLES):
        pairs = _together(main @ chance.standard_normal((main.shape[1], bits + 1)).astype(np.float32))
        keys = pairs[:, 0] * len(main) + pairs[:, 1]
        near = [part[_apart(main, most, part // len(main), part % len(main)) < 0] for part in _parts(keys)]
        found = np.union1d(found, np.concatenate(near))
    return np.stack([found // len(main), found % len(main)], axis=1)


def _together(projected: np.ndarray) -> np.ndarray:
    """Pairs that a table brings together: the same signs, and next to one another by the last projection."""
    count, bits = len(projected), projected.shape[1] - 1
    signed, along = projected[:, :bits], projected[:, bits]
    order = (signed > 0) @ (1 << np.arange(bits, dtype=np.int64))
    turned = order ^ (np.int64(1) << np.abs(signed).argmin(axis=1))
    places = np.argsort(np.argsort(along, kind="stable"), kind="stable")
    own, keys = np.tile(np.arange(count), 2), np.concatenate([order, turned])
    sequence = np.argsort(keys * count + np.tile(places, 2), kind="stable")
    own, keys = own[sequence], keys[sequence]
    pairs = []
    for step in range(1, _WINDOW + 1):
        same = keys[:-step] == keys[step:]
        pairs.append(np.stack([own[:-step][same], own[step:][same]], axis=1))
    found = np.sort(np.concatenate(pairs), axis=1)
    return found[found[:, 0] != found[:, 1]]


def _apart(described: np.ndarray, most: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """How much further from each other than allowed."""
    return np.linalg.norm(described[first] - described[second], axis=1) - np.minimum(most[first], most[second])


def _joined(work: Callable[[np.ndarray], np.ndarray], rows: np.ndarray) -> np.ndarray:
    """What `work` makes of the rows, part by part: so much fits into a processor's cache."""
    return np.concatenate([work(part) for part in _parts(rows)])


def _parts(rows: np.ndarray) -> list[np.ndarray]:
    """One at least."""
    return [rows[at : at + _PART] for at in range(0, max(1, len(rows)), _PART)]
