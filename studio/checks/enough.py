"""Would more pictures help? Accuracy at growing shares of those that there are, carried on by a power law.

Source: Hestness et al. 2017, "Deep Learning Scaling is Predictable, Empirically": error falls as a power of the number
of pictures, until it reaches what cannot be told.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np

from studio.checks.evidence import Evidence
from studio.checks.report import Finding

if TYPE_CHECKING:
    from studio.training.probe import Probe

_SHARES = (1 / 8, 1 / 4, 1 / 2, 1.0)
_OF_EACH = 8  # pictures of a usual class that the smallest share must leave
_MANY = 20_000  # pictures from which on those of one fold measure well enough
_ERRORS = 12  # fewer at the full size tell nothing of a curve
_WIDE = 0.08  # a band wider than this says nothing
_DRAWS = 300


@dataclass(frozen=True)
class Curve:
    """`learnt` pictures (s,), whether each of m pictures was then told rightly (s, m): the probe at growing shares."""

    learnt: np.ndarray
    right: np.ndarray

    @property
    def errors(self) -> np.ndarray:
        return 1 - self.right.mean(axis=1)

    def gains(self, draws: int = _DRAWS) -> np.ndarray:
        """What twice the pictures should add in accuracy, by as many bootstrap samples of the pictures, sorted."""
        chance, count = np.random.default_rng(0), self.right.shape[1]
        picks = chance.multinomial(count, np.full(count, 1 / count), draws) / count
        errors = np.maximum(1 - self.right @ picks.T, 0.5 / count)  # (s, draws)
        slopes = np.polyfit(np.log(self.learnt), np.log(errors), 1)[0]
        last = errors[-1]
        return np.sort(last - last * 2.0 ** np.clip(slopes, -1.5, 1.0))


_known: WeakKeyDictionary["Probe", Curve | None] = WeakKeyDictionary()  # one report asks twice


def more_images(evidence: Evidence) -> Iterable[Finding]:
    """What doubling the pictures should add, where the curve can tell. `value` is the middle of the band."""
    probe = evidence.probe
    curve = _curve(probe) if probe is not None and evidence.whole else None
    if probe is None or curve is None:
        return
    low, middle, high = np.percentile(curve.gains(), (5, 50, 95))
    if not _tells(curve, low, high):
        return
    now = 1 - curve.errors[-1]
    low, high = max(0.0, low), max(0.0, high)
    least, most = round(100 * low), round(100 * high)
    if high < 0.01:
        gain = "add less than one point of accuracy"
    elif least == most:
        gain = f"add about {most} {'point' if most == 1 else 'points'} of accuracy"
    else:
        gain = f"add {least} to {most} points of accuracy"
    yield Finding(
        "more-images",
        "note",
        f"Doubling the pictures should {gain}, to the {now:.0%} that the backbone as it is reaches now.",
        why="How accuracy grew from an eighth of the pictures to all shows what more of the same kind would do.",
        remedy="Nothing needs to be done."
        if high < 0.01
        else "Add pictures if that is worth the work, above all of classes that are taken for one another.",
        value=round(max(0.0, float(middle)), 4),
    )


def unsaid(evidence: Evidence) -> str:
    """Why nothing was said of more pictures, in a sentence; empty where something was, or nothing could be yet."""
    probe = evidence.probe
    if probe is None or not evidence.whole:
        return ""
    curve = _curve(probe)
    if curve is None:
        return (
            "Whether more pictures would help cannot be told: there are too few of a class to learn from fewer still."
        )
    if not _tells(curve, *np.percentile(curve.gains(), (5, 95))):
        return "Whether more pictures would help cannot be told: accuracy does not grow evenly with their number here."
    return ""


def _tells(curve: Curve, low: float, high: float) -> bool:
    """Whether the band is narrow enough, and not about a curve that falls."""
    if 1 - curve.errors[-1] > 0.97 and high < 0.02:
        return True
    return curve.errors[-1] * curve.right.shape[1] >= _ERRORS and high - low <= _WIDE and low > -0.01


def _curve(probe: "Probe") -> Curve | None:
    """The probe's accuracy when it learns from ever more of the other folds; None where there are too few pictures."""
    if probe not in _known:
        _known[probe] = _measured(probe)
    return _known[probe]


def _measured(probe: "Probe") -> Curve | None:
    from studio.training.probe import FOLDS, judged

    counts = np.bincount(probe.labels, minlength=probe.classes)
    usual = float(np.median(counts[counts > 0]))
    if usual * _SHARES[0] * (FOLDS - 1) / FOLDS < _OF_EACH:
        return None
    place = np.random.default_rng(0).permutation(len(probe.labels))
    rank = np.empty(len(place))  # of each picture within its class, as a share: a prefix has every class in it
    for label in np.flatnonzero(counts):
        own = place[probe.labels[place] == label]
        rank[own] = np.arange(len(own)) / len(own)
    asked = probe.folds == 0 if len(place) > _MANY else np.ones(len(place), bool)
    right, learnt = [], []
    for share in _SHARES:
        learn = rank < share
        scores = judged(probe.coordinates, probe.labels, probe.classes, probe.folds, probe.penalty, learn, asked)
        right.append((scores.argmax(axis=1) == probe.labels)[asked])
        learnt.append(learn.sum())
    return Curve(np.array(learnt, float), np.array(right, float))
