"""Opening every picture once: its traits, or the reason why it does not open.

What was seen of a file is kept by its content, so that the next check opens only what is new.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from studio.checks.evidence import Evidence
from studio.checks.traits import SIDE, TRAIT, VERSION, measured
from studio.data.ahead import THREADS, ahead
from studio.data.contents import Contents
from studio.data.dataset import Sample
from studio.data.facts import Facts
from studio.data.picture import survey
from studio.errors import PictureError
from studio.training.shelf import Shelf

_AT_ONCE = 64  # pictures that a thread is given at the most, as handing over costs, too
_LARGE = 500_000  # pixels of a look; a long strip's is measured at once, so that few of those are in memory


@dataclass(frozen=True)
class _Looked:
    """A picture's traits, TRAIT (), and the digest of its file; `new`: they were on no shelf."""

    digest: bytes
    row: np.ndarray
    new: bool


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
            for sample, found in zip(batch, looked, strict=True):
                if isinstance(found, str):
                    faults[sample.path] = found
                    continue
                rows[len(good) - known] = found.row
                good.append(sample)
                if found.new:
                    shelf.put(found.digest, found.row[None].view(np.uint8))
            done += len(batch)
            yield done
    finally:  # who stops a check finds next time what was looked at so far
        shelf.close()
        contents.save()
    traits = np.concatenate([evidence.traits, rows[: len(good) - known]])
    return replace(evidence, samples=good, traits=traits, faults=faults)


def _look(samples: Sequence[Sample], contents: Contents, shelf: Shelf) -> list[_Looked | str]:
    """What is known of each picture, by one look at it if need be, or why it does not open."""
    found: list[_Looked | str] = []
    looks: list[tuple[Facts, Image.Image, int]] = []
    fresh: list[tuple[int, bytes]] = []  # the place in `found`, and the digest
    for sample in samples:
        row = np.zeros(1, TRAIT)
        digest = contents.known(sample)
        try:
            if not (digest and shelf.take(digest, row.view(np.uint8))):
                digest, data = contents.read(sample)
                if not shelf.take(digest, row.view(np.uint8)):
                    facts, image = survey(data, SIDE)
                    if image.width * image.height > _LARGE:
                        found.append(_Looked(digest, measured([(facts, image, len(data))])[0], new=True))
                        continue
                    looks.append((facts, image, len(data)))
                    fresh.append((len(found), digest))
            found.append(_Looked(digest, row[0], new=False))
        except PictureError as error:
            found.append(error.what)
    for (place, digest), row in zip(fresh, measured(looks), strict=True):
        found[place] = _Looked(digest, row, new=True)
    return found
