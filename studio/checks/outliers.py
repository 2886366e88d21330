"""Pictures that look like nothing else here."""

from collections.abc import Iterable

import numpy as np

from studio.checks.evidence import Evidence
from studio.checks.recognising import seen
from studio.checks.report import Finding, counted

_NEIGHBOURS = 8
_AMONG = 4000  # pictures among which neighbours are looked for
_CHUNK = 2048
_FAR = 5.0  # robust standard deviations beyond the median
_MOST = 0.005  # share of the pictures that may be named; more are a kind of their own
_WITHIN = 64  # dimensions


def outliers(evidence: Evidence) -> Iterable[Finding]:
    """Pictures that are much farther from their nearest than is usual here. `value` is how many."""
    probe = evidence.probe
    if probe is None or evidence.features is None:
        return
    asked = evidence.asked("outlier")[evidence.features.rows]
    far = _far(probe.coordinates[:, :_WITHIN])
    most = max(3, round(_MOST * len(far)))
    odd = [row for row in np.argsort(-far, kind="stable").tolist() if far[row] > _FAR and asked[row]][:most]
    if not odd:
        return
    samples = seen(evidence)
    yield Finding(
        "outlier",
        "note",
        f"{counted(len(odd), 'picture looks', 'pictures look')} like nothing else here.",
        why="Such a picture often came in by mistake; a rare but right one is worth keeping.",
        remedy="Look whether it belongs here, and set it aside if not.",
        images=tuple(samples[row].path for row in odd),
        value=len(odd),
        reasons={samples[row].path: "No other picture here comes near it." for row in odd},
    )


def _far(rows: np.ndarray) -> np.ndarray:
    """How unusually far each row (n, d) is from its nearest ones, in robust standard deviations, float64 (n,)."""
    distance = np.log(np.maximum(_distances(rows), 1e-6))
    middle = np.median(distance)
    above = distance[distance > middle] - middle  # near copies pull the lower side down, so only the upper one counts
    spread = 1.4826 * np.median(above) if len(above) else 0.0
    return (distance - middle) / max(float(spread), 0.02)


def _distances(rows: np.ndarray) -> np.ndarray:
    """Of each row the distance to its eighth nearest among some thousand, float32 (n,)."""
    among = rows[np.random.default_rng(0).permutation(len(rows))[:_AMONG]]
    squares = (among**2).sum(axis=1)
    nth = min(_NEIGHBOURS, len(among) - 1)  # the nearest is often the picture itself
    found = np.empty(len(rows), np.float32)
    for first in range(0, len(rows), _CHUNK):
        part = rows[first : first + _CHUNK]
        squared = squares - 2 * part @ among.T + (part**2).sum(axis=1)[:, None]
        found[first : first + _CHUNK] = np.sqrt(np.maximum(np.partition(squared, nth, axis=1)[:, nth], 0))
    return found
