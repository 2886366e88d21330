"""What is known of a dataset's pictures at some moment of a check: the ground that every family of checks stands on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from studio.data.dataset import Dataset, Sample


@dataclass(frozen=True)
class Embedded:
    """Features by the embedded backbone: `matrix` float32 (n, d), of the pictures at `rows` of `Evidence.samples`."""

    rows: np.ndarray
    matrix: np.ndarray


@dataclass(frozen=True)
class Evidence:
    """Pictures that were opened so far: `samples`, with their `traits` (TRAIT, as many); others are in `faults`.

    `features` are there once the embedded backbone has seen (some of) the pictures. `whole`: no picture is left to be
    looked at. `left_out` says in sentences what cannot be looked for in these pictures, and why.
    """

    dataset: Dataset
    samples: Sequence[Sample]
    traits: np.ndarray
    faults: Mapping[str, str] = field(default_factory=dict)
    features: Embedded | None = None
    whole: bool = True
    left_out: Sequence[str] = ()

    def labels(self) -> np.ndarray:
        """Class indices of `samples`, int64 (n,)."""
        index = {name: number for number, name in enumerate(self.dataset.classes)}
        return np.fromiter((index[sample.label] for sample in self.samples), np.int64, len(self.samples))
