"""What is known of a dataset's pictures at some moment of a check: the ground that every family of checks stands on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from studio.data.dataset import Dataset, Sample

if TYPE_CHECKING:
    from studio.checks.looks import Seen
    from studio.training.probe import Probe


@dataclass(frozen=True)
class Embedded:
    """Features by the embedded backbone: `matrix` float32 (n, d), of the pictures at `rows` of `Evidence.samples`.

    `trimmed` bool (n,) are those whose plain frame was taken off before, because it gave their class away.
    """

    rows: np.ndarray
    matrix: np.ndarray
    trimmed: np.ndarray


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

    def kept(self, check: str) -> frozenset[str]:
        """Paths of the pictures that somebody decided to keep out of what this check finds."""
        return frozenset(one.path for one in self.dataset.decided if one.action == "keep" and one.check == check)

    def asked(self, check: str) -> np.ndarray:
        """Which of `samples` this check may name, bool (n,)."""
        kept = self.kept(check)
        return np.fromiter((sample.path not in kept for sample in self.samples), bool, len(self.samples))

    def labels(self) -> np.ndarray:
        """Class indices of `samples`, int64 (n,)."""
        index = {name: number for number, name in enumerate(self.dataset.classes)}
        return np.fromiter((index[sample.label] for sample in self.samples), np.int64, len(self.samples))

    @cached_property
    def seen(self) -> "Seen":
        """What is to be seen in the pictures that were opened."""
        from studio.checks.looks import Seen

        return Seen.of(self.traits)

    @cached_property
    def probe(self) -> "Probe | None":
        """What a linear probe says of the pictures that have features; None where there are too few of them."""
        from studio.checks.recognising import probed

        return probed(self)
