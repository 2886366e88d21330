"""Which pictures are asked about, and in which order: any first part of it has every class in it by its share."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from studio.data.dataset import Dataset, Sample


def in_order(samples: Sequence[Sample], seed: int = 0) -> list[Sample]:
    """All of them, each class spread evenly over the order and at random within itself; the same for the same seed."""
    classes: dict[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        classes[sample.label].append(sample)
    chance, placed = np.random.default_rng(seed), []
    for label in sorted(classes):
        own = classes[label]
        for rank, number in enumerate(chance.permutation(len(own)).tolist()):
            placed.append(((rank + 0.5) / len(own), own[number]))
    return [sample for _, sample in sorted(placed, key=lambda pair: (pair[0], pair[1].path))]


def labels_of(dataset: Dataset, samples: Sequence[Sample]) -> np.ndarray:
    """Class indices of samples, int64 (n,)."""
    index = {name: number for number, name in enumerate(dataset.classes)}
    return np.fromiter((index[sample.label] for sample in samples), np.int64, len(samples))


def copies(dataset: Dataset, samples: Sequence[Sample]) -> list[np.ndarray]:
    """Groups of rows of `samples` that show the same picture, as far as is known: none may vouch for another."""
    place = {sample.path: row for row, sample in enumerate(samples)}
    exact = [[sample.path for sample in group] for group in dataset.copies]
    groups = [[place[path] for path in group if path in place] for group in (*exact, *dataset.alike)]
    return [np.array(group) for group in groups if len(group) > 1]
