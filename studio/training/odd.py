"""The odd pictures of a dataset: the smallest, the longest, and one of each kind that is not plain colour."""

from collections.abc import Iterator, Sequence

import numpy as np

from studio.augment.geometry import Geometry
from studio.data.dataset import Dataset, Sample
from studio.data.picture import PictureHeader, header, open_image
from studio.errors import PictureError

_LOOKED_AT = 300
_MOST = 8


def odd_pictures(dataset: Dataset, samples: Sequence[Sample], geometry: Geometry) -> dict[str, np.ndarray]:
    """At most 8 odd ones of these samples by path, as base squares; of many, 300 headers from all over are read."""
    spread = np.unique(np.linspace(0, len(samples) - 1, min(_LOOKED_AT, len(samples))).astype(int)) if samples else []
    headers = dict(_headers(dataset, [samples[place] for place in spread]))
    found = {}
    for path in _odd(headers)[:_MOST]:
        try:
            found[path] = geometry.base(open_image(dataset.root / path, at_least=geometry.base_size))
        except PictureError:
            continue  # it is left out of training too, which says so
    return found


def _headers(dataset: Dataset, samples: Sequence[Sample]) -> Iterator[tuple[str, PictureHeader]]:
    for sample in samples:
        try:
            yield sample.path, header(dataset.root / sample.path)
        except PictureError:
            continue


def _odd(headers: dict[str, PictureHeader]) -> list[str]:
    """Their paths: the smallest, the largest and the longest, then the first of each mode."""
    if not headers:
        return []
    short = {path: min(known.width, known.height) for path, known in headers.items()}
    long = {path: max(known.width, known.height) / short[path] for path, known in headers.items()}
    extremes = [min(short, key=short.__getitem__), max(long, key=long.__getitem__), max(short, key=short.__getitem__)]
    modes = {known.mode: path for path, known in reversed(list(headers.items()))}
    return list(dict.fromkeys([*extremes, *(modes[mode] for mode in sorted(modes))]))
