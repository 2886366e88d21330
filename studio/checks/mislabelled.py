"""Pictures that look as if they lay in the wrong class.

Confident learning (Northcutt, Jiang, Chuang 2021, "Confident Learning: Estimating Uncertainty in Dataset Labels"): what
a classifier that never saw a picture says of it is held against its label, given how often labels are wrong here. That
rate is estimated together with the classifier's sharpness, by what makes the labels most likely. So a classifier that
is merely weak explains its errors by itself and nobody is accused, while errors of one that is otherwise sure are put
down to the labels. What is suspect is then left out, and the classifier learns again without it.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from studio.checks.evidence import Evidence
from studio.checks.looks import unclear
from studio.checks.recognising import seen
from studio.checks.report import Finding, Suggestion, counted

if TYPE_CHECKING:
    from studio.training.probe import Probe

_ROUNDS = 3
_FITTED = 10_000  # pictures on which rate and sharpness are estimated
_SURE = 0.6  # probability that a label is wrong, from which on a picture is named
_CLEAR = 0.5  # least probability of the class that it looks like
_EVIDENCE = 1.9  # least gain in log likelihood by wrong labels at all: 95 % of clean datasets gain less
_SEVERAL, _ALL_BUT_WITHOUT_ERROR = 4, 0.97  # pictures confidently of another class; accuracy on all others
_LENIENT = 3.5  # a wrong label costs more than a second look at a right one
_WEAK = 0.3  # skill of the probe below which it cannot judge labels
_FEW = 5  # pictures of a class below which its own are not doubted
_MUCH = 0.005  # share of the pictures from which on it asks for attention


@dataclass(frozen=True)
class Doubts:
    """`wrong` float64 (n,): the probability that each label is wrong; `probabilities` (n, k) those of the classes.

    `share` of the labels are wrong, by estimate; `gain` is by how much that explains them better than none being so.
    """

    wrong: np.ndarray
    probabilities: np.ndarray
    share: float
    gain: float


def mislabelled(evidence: Evidence) -> Iterable[Finding]:
    """Pictures whose label is probably wrong, with the class that each looks like. `value` is how many."""
    probe = evidence.probe
    if probe is None or probe.skill < _WEAK:
        return
    assert evidence.features is not None
    clear = np.flatnonzero(~unclear(evidence)[evidence.features.rows])  # of the others no label can be told
    if not len(clear):
        return
    asked = evidence.asked("mislabelled")[evidence.features.rows][clear]
    probe = _of(probe, clear)
    doubts = doubted(probe)
    suspects = np.array([row for row in _suspects(probe, doubts).tolist() if asked[row]], np.int64)
    if not len(suspects):
        return
    everyone = seen(evidence)
    classes, samples = evidence.dataset.classes, [everyone[row] for row in clear.tolist()]
    suggestions, reasons = {}, {}
    for row in suspects.tolist():
        likely = int(doubts.probabilities[row].argmax())
        sample, sure = samples[row], float(doubts.probabilities[row, likely])
        suggestions[sample.path] = Suggestion(classes[likely], round(min(sure, 0.999), 3))
        reasons[sample.path] = f"It lies in {sample.label!r} and looks like {classes[likely]!r}."
    yield Finding(
        "mislabelled",
        "attention" if len(suspects) >= _MUCH * len(samples) else "note",
        f"{counted(len(suspects), 'picture looks', 'pictures look')} like another class than the one that "
        f"{'it lies' if len(suspects) == 1 else 'they lie'} in.",
        why="A model learns wrong labels as readily as right ones, and is counted wrong where it sees through them.",
        remedy="Look at each, and move those that are wrong to the class that they look like.",
        images=tuple(suggestions),
        value=len(suspects),
        reasons=reasons,
        suggestions=suggestions,
    )


def unsaid(evidence: Evidence) -> str:
    """Why wrong labels were not looked for, in a sentence; empty where they were."""
    probe = evidence.probe
    if probe is None or probe.skill >= _WEAK:
        return ""
    return (
        f"Wrong labels were not looked for: the backbone as it is tells these classes apart {probe.accuracy:.0%} of "
        f"the time (always saying the largest: {probe.common:.0%}), too seldom to doubt a label."
    )


def _of(probe: "Probe", rows: np.ndarray) -> "Probe":
    """What the probe says of these rows alone."""
    return replace(
        probe,
        probabilities=probe.probabilities[rows],
        labels=probe.labels[rows],
        coordinates=probe.coordinates[rows],
        folds=probe.folds[rows],
    )


def doubted(probe: "Probe") -> Doubts:
    """How probable it is of each label that it is wrong."""
    from studio.training.probe import judged

    learn, doubts, plainly = ~_confidently_other(probe.probabilities, probe.labels), None, None
    for _ in range(_ROUNDS):
        scores = judged(probe.coordinates, probe.labels, probe.classes, probe.folds, probe.penalty, learn)
        plainly = _plainly(scores, probe.labels, learn) if plainly is None else plainly
        doubts = _explained(scores, probe.labels)
        if (learn == (doubts.wrong < 0.5)).all():
            break
        learn = doubts.wrong < 0.5
    assert doubts is not None and plainly is not None
    wrong = doubts.wrong if doubts.gain >= _EVIDENCE else np.zeros(len(learn))
    return replace(doubts, wrong=np.maximum(wrong, plainly))


def _confidently_other(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Pictures off the diagonal of the confident joint, bool (n,).

    A picture counts to the likeliest class of which it is at least as sure as that class's own pictures are on average.
    """
    rows, classes = np.arange(len(labels)), np.arange(probabilities.shape[1])
    own = probabilities[rows, labels]
    sums, counts = np.bincount(labels, own, len(classes)), np.bincount(labels, minlength=len(classes))
    least = np.where(counts, sums / np.maximum(counts, 1), 2.0)
    sure = np.where(probabilities >= least, probabilities, -1)
    return (sure.max(axis=1) >= 0) & (sure.argmax(axis=1) != labels)


def _plainly(scores: np.ndarray, labels: np.ndarray, learn: np.ndarray) -> np.ndarray:
    """How probable it is that each label is wrong where the rest is all but without error, (n,); else zeros.

    There no doubt is left of how sharp the scores are: it is read off those that are confidently their own, and the
    share of wrong labels from how many are not.
    """
    from studio.training.probe import softmax, temperature

    others = int((~learn).sum())
    if others < _SEVERAL or (scores[learn].argmax(axis=1) == labels[learn]).mean() < _ALL_BUT_WITHOUT_ERROR:
        return np.zeros(len(labels))
    probabilities = softmax(scores * np.float32(temperature(scores[learn], labels[learn])))
    own = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    doubt = _LENIENT * others / len(labels) * (1 - own)
    return doubt / (own + doubt)


def _explained(scores: np.ndarray, labels: np.ndarray) -> Doubts:
    """The sharpness of the scores and the share of wrong labels that make the labels most likely, by both at once.

    A wrong label is taken to be any other class than the true one, each as likely.
    """
    from scipy.optimize import minimize

    from studio.training.probe import loss, softmax, temperature

    some = np.random.default_rng(0).permutation(len(labels))[:_FITTED]
    fewer, theirs, others = scores[some], labels[some], max(1, scores.shape[1] - 1)

    def parts(probabilities: np.ndarray, labels: np.ndarray, share: float) -> tuple[np.ndarray, np.ndarray]:
        own = probabilities[np.arange(len(labels)), labels].astype(np.float64)
        return (1 - share) * own, share * (1 - own) / others

    def unlikely(point: np.ndarray) -> float:
        right, wrong = parts(softmax(fewer * np.float32(math.exp(point[0]))), theirs, _share(point[1]))
        return float(-np.log(np.maximum(right + wrong, 1e-13)).mean())

    plain = temperature(fewer, theirs)
    tries = [
        minimize(unlikely, (math.log(plain), start), method="Nelder-Mead", options={"xatol": 0.02, "fatol": 1e-6})
        for start in (-6.0, -3.0)
    ]
    best = min(tries, key=lambda found: found.fun)
    probabilities, share = softmax(scores * np.float32(math.exp(best.x[0]))), _share(best.x[1])
    right, wrong = parts(probabilities, labels, share)
    gain = len(theirs) * (loss(fewer, theirs, plain) - float(best.fun))
    return Doubts(wrong / np.maximum(right + wrong, 1e-13), probabilities, share, gain)


def _share(number: float) -> float:
    """Any number as a share below one half."""
    return 0.5 / (1 + math.exp(-min(max(number, -30.0), 30.0)))


def _suspects(probe: "Probe", doubts: Doubts) -> np.ndarray:
    """Rows whose labels are probably wrong, the clearest first."""
    many = np.bincount(probe.labels, minlength=probe.classes)[probe.labels] >= _FEW
    other = doubts.probabilities.argmax(axis=1) != probe.labels
    clear = doubts.probabilities.max(axis=1) >= _CLEAR
    named = np.flatnonzero(many & other & clear & (doubts.wrong >= _SURE))
    return named[np.argsort(-doubts.wrong[named], kind="stable")]
