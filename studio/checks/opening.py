"""Opening every picture once: its traits, or the reason why it does not open.

What was seen of a file is kept by its content, so that the next check opens only what is new.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from studio.checks.evidence import Evidence
from studio.checks.traits import SIDE, TRAIT, VERSION, Looks, measured
from studio.data.ahead import THREADS, ahead
from studio.data.contents import Contents
from studio.data.dataset import Sample
from studio.data.picture import survey
from studio.errors import PictureError
from studio.training.shelf import Shelf

_AT_ONCE = 64  # pictures that a thread is given at the most, as handing over costs, too
_LARGE = 500_000  # pixels of a look; a long strip's is measured at once, so that few of those are in memory


@dataclass(frozen=True)
class _Looked:
    """What came of some samples: those that open, with their traits, TRAIT (n,), and why others do not, by path.

    The traits at `new` were on no shelf; `digests` are those of their files.
    """

    samples: list[Sample]
    rows: np.ndarray
    new: list[int]
    digests: list[bytes]
    faults: dict[str, str]


def opened(evidence: Evidence, samples: Sequence[Sample], cache: Path) -> Generator[int, None, Evidence]:
    """Open these pictures too. Yields now and then how many are done; returns the fuller evidence."""
    contents = Contents(evidence.dataset, cache / "contents")
    shelf = Shelf(cache / "traits" / VERSION, TRAIT.itemsize)
    faults, good, rows = dict(evidence.faults), list(evidence.samples), np.zeros(len(samples), TRAIT)
    known = len(good)
    each = min(_AT_ONCE, len(samples) // (2 * THREADS) + 1)
    batches = [samples[at : at + each] for at in range(0, len(samples), each)]
    done = 0
    try:
        for batch, looked in ahead(lambda some: _look(some, contents, shelf), batches, most=4):
            rows[len(good) - known :][: len(looked.rows)] = looked.rows
            good += looked.samples
            faults |= looked.faults
            shelf.put_all(looked.digests, looked.rows[looked.new])
            done += len(batch)
            yield done
    finally:  # who stops a check finds next time what was looked at so far
        shelf.close()
        contents.save()
    rows = rows[: len(good) - known]
    traits = np.concatenate([evidence.traits, rows]) if known else rows
    return replace(evidence, samples=good, traits=traits, faults=faults)


def _look(samples: Sequence[Sample], contents: Contents, shelf: Shelf) -> _Looked:
    """What is known of each picture, by one look at it if need be, or why it does not open."""
    good: list[Sample] = []
    faults: dict[str, str] = {}
    rows = np.zeros(len(samples), TRAIT)
    looks = Looks(len(samples))
    new, digests, together = list[int](), list[bytes](), list[int]()
    for sample in samples:
        place = len(good)
        row = rows[place : place + 1]
        digest = contents.known(sample)
        try:
            if not (digest and shelf.take(digest, row.view(np.uint8))):
                digest, data = contents.read(sample)
                if not shelf.take(digest, row.view(np.uint8)):
                    facts, image = survey(data, SIDE)
                    new.append(place)
                    digests.append(digest)
                    if image.width * image.height > _LARGE:
                        row[:] = measured([(facts, image, len(data))])
                    else:
                        looks.add(facts, image, len(data))
                        together.append(place)
            good.append(sample)
        except PictureError as error:
            faults[sample.path] = error.what
    rows[together] = looks.measured()
    return _Looked(good, rows[: len(good)], new, digests, faults)
