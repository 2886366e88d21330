"""Opening every picture once: its traits, or the reason why it does not open.

What was seen of a file is kept by its content, so that the next check opens only what is new.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from studio.checks.evidence import Evidence
from studio.checks.traits import SIDE, TRAIT, VERSION, measured
from studio.data.ahead import ahead
from studio.data.contents import Contents
from studio.data.dataset import Sample
from studio.data.picture import survey
from studio.errors import PictureError
from studio.training.shelf import Shelf

_AT_ONCE = 16  # pictures that a thread is given, as handing over costs, too


@dataclass(frozen=True)
class _Looked:
    """A picture's traits, TRAIT (1,), and the digest of its file; `new`: they were on no shelf."""

    digest: bytes
    row: np.ndarray
    new: bool


def opened(evidence: Evidence, samples: Sequence[Sample], cache: Path) -> Generator[int, None, Evidence]:
    """Open these pictures too. Yields now and then how many are done; returns the fuller evidence."""
    contents = Contents(evidence.dataset, cache / "contents")
    shelf = Shelf(cache / "traits" / VERSION, TRAIT.itemsize)
    faults, good, rows = dict(evidence.faults), list(evidence.samples), np.zeros(len(samples), TRAIT)
    known = len(good)
    batches = [samples[at : at + _AT_ONCE] for at in range(0, len(samples), _AT_ONCE)]
    done = 0
    try:
        for batch, looked in ahead(lambda some: [_look(one, contents, shelf) for one in some], batches, most=4):
            for sample, found in zip(batch, looked, strict=True):
                if isinstance(found, str):
                    faults[sample.path] = found
                    continue
                rows[len(good) - known] = found.row[0]
                good.append(sample)
                if found.new:
                    shelf.put(found.digest, found.row.view(np.uint8))
            done += len(batch)
            yield done
    finally:  # who stops a check finds next time what was looked at so far
        shelf.close()
        contents.save()
    traits = np.concatenate([evidence.traits, rows[: len(good) - known]])
    return replace(evidence, samples=good, traits=traits, faults=faults)


def _look(sample: Sample, contents: Contents, shelf: Shelf) -> _Looked | str:
    """What is known of a picture, by one look at it if need be, or why it does not open."""
    row = np.zeros(1, TRAIT)
    digest = contents.known(sample)
    if digest and shelf.take(digest, row.view(np.uint8)):
        return _Looked(digest, row, new=False)
    try:
        digest, data = contents.read(sample)
        if shelf.take(digest, row.view(np.uint8)):
            return _Looked(digest, row, new=False)
        return _Looked(digest, measured(*survey(data, SIDE), len(data)), new=True)
    except PictureError as error:
        return error.what
