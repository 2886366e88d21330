"""Opening every picture once: its traits, or the reason why it does not open."""

from collections.abc import Generator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from studio.checks.evidence import Evidence
from studio.checks.traits import TRAIT
from studio.data.ahead import ahead
from studio.data.dataset import Sample
from studio.data.picture import PictureHeader, examine
from studio.errors import PictureError

_READERS = 2


def opened(evidence: Evidence, samples: Sequence[Sample], cache: Path) -> Generator[int, None, Evidence]:
    """Open these pictures too. Yields now and then how many are done; returns the fuller evidence."""
    dataset = evidence.dataset
    faults, good, rows = dict(evidence.faults), list(evidence.samples), [evidence.traits]

    def look(sample: Sample) -> PictureHeader | str:
        try:
            return examine(dataset.file(sample))
        except PictureError as error:
            return error.what

    for done, (sample, found) in enumerate(ahead(look, samples, _READERS), 1):
        if isinstance(found, str):
            faults[sample.path] = found
        else:
            row = np.zeros(1, TRAIT)
            row["width"], row["height"] = found.width, found.height
            rows.append(row)
            good.append(sample)
        if done % 25 == 0 or done == len(samples):
            yield done
    return replace(evidence, samples=good, traits=np.concatenate(rows), faults=faults)
