"""Two classes that the features cannot tell apart."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from studio.checks.evidence import Evidence
from studio.checks.recognising import seen
from studio.checks.report import Finding, Suggestion

if TYPE_CHECKING:
    from studio.training.probe import Probe

_ENOUGH = 15  # pictures of each of the two
_HARD, _VERY_HARD = 0.15, 0.35  # least share that is taken for the other class; 0.5 is a coin
_SHOWN = 12  # pictures of each of the two


def hard_pairs(evidence: Evidence) -> Iterable[Finding]:
    """The two classes that are taken for one another most, with their most confusable pictures. `value` is how often.

    Only two are named, however many there are: mending the worst changes the others.
    """
    probe = evidence.probe
    if probe is None:
        return
    found = _worst(probe)
    if found is None:
        return
    one, other, mixed, least, others = found
    classes, samples = evidence.dataset.classes, seen(evidence)
    names = f"{classes[one]!r} and {classes[other]!r}"
    rows = _confusable(probe, one, other)
    suggestions = {samples[row].path: _instead(evidence, probe, row, one, other) for row in rows}
    more = (
        "" if not others else f" {others:,} other pairs are hard as well." if others > 1 else " So is one other pair."
    )
    yield Finding(
        "hard-pair",
        "attention" if least >= _VERY_HARD else "note",
        f"The backbone as it is takes {names} for one another {mixed:.0%} of the time (a coin: 50%).{more}",
        why="Either their pictures do not show the difference, or their labels do not follow it, or it is a fine one "
        "that the backbone was never asked to see.",
        remedy="Look whether you can tell these pictures apart yourself. If so, let more of the backbone learn; if "
        "not, make one class of the two.",
        images=tuple(suggestions),
        value=round(mixed, 4),
        reasons={
            path: f"Lies in one of the two and looks {told.confidence:.0%} like {told.label!r}."
            for path, told in suggestions.items()
        },
    )


def _worst(probe: "Probe") -> tuple[int, int, float, float, int] | None:
    """The hardest pair, how often it is mixed up, the least that this may be by chance, and how many pairs are hard."""
    from studio.training.probe import wilson

    counts = np.bincount(probe.labels, minlength=probe.classes)
    taken = np.zeros((probe.classes, probe.classes))
    for label in np.flatnonzero(counts >= _ENOUGH):
        theirs = probe.probabilities[probe.labels == label]
        taken[label] = (theirs > theirs[:, [label]]).mean(axis=0)
    enough = counts >= _ENOUGH
    mixed = np.triu(np.minimum((taken + taken.T) / 2, 0.5), 1) * enough * enough[:, None]
    pairs = np.argwhere(mixed >= _HARD)
    z = 1.96 + 0.5 * np.log10(max(1, int(enough.sum()) * (int(enough.sum()) - 1) // 2))  # of many pairs one is unlucky
    hard = []
    for one, other in pairs.tolist():
        many = int(counts[one] + counts[other])
        least, _ = wilson(round(mixed[one, other] * many), many, z)
        if least >= _HARD:
            hard.append((float(mixed[one, other]), one, other, least))
    if not hard:
        return None
    share, one, other, least = max(hard)
    return one, other, share, least, len(hard) - 1


def _confusable(probe: "Probe", one: int, other: int) -> list[int]:
    """Rows of both classes that look most like the other, those of either in turn."""
    found = []
    for own, wrong in ((one, other), (other, one)):
        rows = np.flatnonzero(probe.labels == own)
        margin = probe.probabilities[rows, wrong] - probe.probabilities[rows, own]
        found.append(rows[np.argsort(-margin, kind="stable")][:_SHOWN].tolist())
    return [row for two in zip(*found, strict=False) for row in two]


def _instead(evidence: Evidence, probe: "Probe", row: int, one: int, other: int) -> Suggestion:
    wrong = other if probe.labels[row] == one else one
    both = probe.probabilities[row, one] + probe.probabilities[row, other]
    return Suggestion(
        evidence.dataset.classes[wrong], round(float(probe.probabilities[row, wrong] / max(both, 1e-9)), 3)
    )
