"""Which pictures of a dataset are the same file, byte for byte."""

import hashlib
import os
from collections import defaultdict
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from studio.data.dataset import Dataset, Sample

_READERS = 4
_BATCH = 256
_FEW = 2000  # files that are looked at sooner than threads take turns
Key = TypeVar("Key")


def exact_copies(dataset: Dataset) -> tuple[tuple[Sample, ...], ...]:
    """Groups of two and more equal files, in the order of their first paths. Files that cannot be read have no copies.

    Only files of equal size are read, so that it costs little where nothing is equal.
    """
    groups: list[tuple[Sample, ...]] = []
    with ThreadPoolExecutor(_READERS) as readers:
        each = readers.map if len(dataset.samples) > _FEW else map
        same_size = _together(dataset, list(dataset.samples), _size, each)
        candidates = [sample for group in same_size for sample in group]
        groups = _together(dataset, candidates, _digest, each)
    return tuple(sorted(groups, key=lambda group: group[0].path))


def still_there(groups: Iterable[tuple[Sample, ...]], dataset: Dataset) -> tuple[tuple[Sample, ...], ...]:
    """What is left in `dataset` of groups of the same files, with the labels and splits that they have there."""
    now = {sample.path: sample for sample in dataset.samples}
    left = [tuple(now[sample.path] for sample in group if sample.path in now) for group in groups]
    return tuple(sorted((group for group in left if len(group) > 1), key=lambda group: group[0].path))


def _together(
    dataset: Dataset, samples: list[Sample], tell: Callable[[str], Key | None], each: Callable[..., Iterable]
) -> list[tuple[Sample, ...]]:
    root, batches = os.fspath(dataset.root), [samples[at : at + _BATCH] for at in range(0, len(samples), _BATCH)]
    alike: dict[Key, list[Sample]] = defaultdict(list)
    for batch, keys in zip(
        batches, each(lambda some: [tell(os.path.join(root, one.path)) for one in some], batches), strict=True
    ):
        for sample, key in zip(batch, keys, strict=True):
            if key is not None:
                alike[key].append(sample)
    return [tuple(group) for group in alike.values() if len(group) > 1]


def _size(file: str) -> int | None:
    try:
        return os.stat(file).st_size
    except OSError:
        return None


def _digest(file: str) -> bytes | None:
    try:
        with open(file, "rb", buffering=0) as handle:
            return hashlib.file_digest(handle, "sha256").digest()
    except OSError:
        return None
