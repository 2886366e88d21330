"""What pictures show, as the embedded backbone sees it: the ground for all that needs more than pixels."""

from collections.abc import Generator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from studio.checks.evidence import Embedded, Evidence
from studio.checks.frames import given_away
from studio.data.dataset import Sample
from studio.errors import BackboneError, WeightsError
from studio.model.waking import wake

if TYPE_CHECKING:
    from studio.training.probe import Probe

LEAST, OF_EACH = 40, 10  # pictures in all, and in each of at least two classes


def can_recognise(evidence: Evidence) -> bool:
    """Whether there are enough pictures in enough classes for what rests on features to mean anything."""
    return not why_not(evidence)


def why_not(evidence: Evidence) -> str:
    """Why nothing that rests on features can be told, in a sentence; empty where it can."""
    counts = np.bincount(evidence.labels(), minlength=1)
    if len(evidence.samples) >= LEAST and (counts >= OF_EACH).sum() >= 2:
        return ""
    return (
        "Wrong labels, odd ones out, classes that look alike and whether more pictures would help were not looked for: "
        f"that takes {LEAST} pictures, and two classes with {OF_EACH} or more."
    )


def recognised(evidence: Evidence, cache: Path) -> Generator[int, None, Evidence]:
    """Show the pictures that have no features yet to the backbone. Yields how many are done; returns the evidence.

    Where plain frames give the class away, they are taken off first: the model must not be asked what the frame says.
    """
    off = given_away(evidence)
    known = _still_good(evidence.features, off)
    missing = np.setdiff1d(np.arange(len(evidence.samples)), known.rows if known else [])
    parts, done = [known] if known else [], 0
    try:
        for trimmed in (False, True):
            rows = missing[off[missing] == trimmed]
            if len(rows):
                found = yield from _seen(evidence, rows, trimmed, cache, done)
                parts.append(found)
                done += len(rows)
    except (BackboneError, WeightsError) as error:
        told = f"What the pictures show was not looked at: {error.what}"
        return replace(evidence, left_out=(*evidence.left_out, told))
    return replace(evidence, features=_together(parts)) if parts else evidence


def probed(evidence: Evidence) -> "Probe | None":
    """A linear probe on the features; copies stay in one fold. None where there are too few pictures."""
    from studio.training.probe import probe

    features = evidence.features
    if features is None:
        return None
    labels = evidence.labels()[features.rows]
    if len(labels) < LEAST or (np.bincount(labels) >= OF_EACH).sum() < 2:
        return None
    return probe(features.matrix, labels, len(evidence.dataset.classes), _copies(evidence, features.rows))


def seen(evidence: Evidence) -> list[Sample]:
    """The samples that have features, in the order of its rows."""
    return [evidence.samples[row] for row in evidence.features.rows.tolist()] if evidence.features else []


def _copies(evidence: Evidence, rows: np.ndarray) -> Sequence[np.ndarray]:
    """Groups of rows of the features that show the same picture."""
    place = {evidence.samples[row].path: number for number, row in enumerate(rows.tolist())}
    exact = [[sample.path for sample in group] for group in evidence.dataset.copies]
    groups = [[place[path] for path in group if path in place] for group in (*exact, *evidence.dataset.alike)]
    return [np.array(group) for group in groups if len(group) > 1]


def _still_good(features: Embedded | None, off: np.ndarray) -> Embedded | None:
    """The features that were made from the picture as it is to be looked at now."""
    if features is None:
        return None
    good = features.trimmed == off[features.rows]
    return Embedded(features.rows[good], features.matrix[good], features.trimmed[good]) if not good.all() else features


def _seen(
    evidence: Evidence, rows: np.ndarray, trimmed: bool, cache: Path, done: int
) -> Generator[int, None, Embedded]:
    wake()
    from studio.training.embed import embed

    looking = embed(evidence.dataset, [evidence.samples[row] for row in rows.tolist()], cache, trimmed=trimmed)
    while True:
        try:
            yield done + next(looking)
        except StopIteration as end:
            places, matrix = end.value
            return Embedded(rows[places], matrix, np.full(len(places), trimmed))


def _together(parts: Sequence[Embedded]) -> Embedded:
    """All of them, in the order of the samples."""
    if len(parts) == 1:
        return parts[0]
    rows = np.concatenate([part.rows for part in parts])
    matrix = np.empty((len(rows), parts[0].matrix.shape[1]), np.float32)
    trimmed = np.empty(len(rows), bool)
    places = np.argsort(np.argsort(rows))
    first = 0
    for part in parts:
        here = places[first : first + len(part.rows)]
        matrix[here], trimmed[here] = part.matrix, part.trimmed
        first += len(part.rows)
    return Embedded(np.sort(rows), matrix, trimmed)
