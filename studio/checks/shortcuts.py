"""Can the class be told from something that is not the subject? Then a model learns that, and fails elsewhere.

A small classifier is given nothing but one suspect thing at a time, and asked about pictures that it never saw. See
Geirhos et al. 2020, "Shortcut Learning in Deep Neural Networks".
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from studio.checks.culprits import Culprit, Numbers, culprits, middle
from studio.checks.evidence import Evidence
from studio.checks.frames import given_away
from studio.checks.report import SEVERITIES, Finding
from studio.text import percent

_LEAST, _OF_EACH = 40, 10  # pictures in all, and of a class
_CLASSES, _ASKED = 40, 2400  # the largest classes, and pictures of them, that are asked about
_TREES = 24
_HOPELESS = 0.15  # so far below what is asked for after the first fold, nobody looks further
_BEYOND = 0.1  # the border tells this much more than the middle does
_ADDS = 0.03  # accuracy that a second culprit adds beside the first, to count as one of its own
_SHOWN = 24


@dataclass(frozen=True)
class Asked:
    """The pictures that a classifier is asked about: their traits, labels 0 to k - 1 and folds, each (n,)."""

    traits: np.ndarray
    labels: np.ndarray
    folds: np.ndarray
    names: tuple[str, ...]

    @cached_property
    def chance(self) -> float:
        """How often always saying the largest class is right."""
        return float(np.bincount(self.labels).max() / len(self.labels))


@dataclass(frozen=True)
class Told:
    """What a culprit says of each picture, (n,), and how good that is: accuracy with its 95 % interval, skill.

    `label` is the one class that it gives away, where it tells no more; -1 where it tells all apart.
    """

    culprit: Culprit
    said: np.ndarray
    accuracy: float
    low: float
    high: float
    chance: float
    skill: float
    label: int


def shortcuts(evidence: Evidence) -> Iterable[Finding]:
    """Things beside the subject that tell the classes apart; one finding for all of a severity. `value` is accuracy."""
    asked = _asked(evidence)
    if asked is None:
        return
    framed = given_away(evidence)
    told = [found for culprit in culprits(bool(framed.any())) if (found := _told(asked, culprit)) is not None]
    while told:
        first = min(told, key=lambda one: (SEVERITIES.index(one.culprit.severity), -one.skill))
        rest = [one for one in told if one is not first]
        same = [one for one in rest if not _adds(asked, first, one)]
        others = [one for one in rest if one not in same and one.culprit.severity == first.culprit.severity]
        yield _finding(evidence, asked, first, same, others, framed)
        told = [one for one in rest if one not in same and one not in others]


def _asked(evidence: Evidence) -> Asked | None:
    from studio.training.probe import in_folds

    labels = evidence.labels()
    counts = np.bincount(labels, minlength=len(evidence.dataset.classes))
    largest = np.argsort(-counts, kind="stable")[:_CLASSES]
    classes = np.sort(largest[counts[largest] >= _OF_EACH])
    rows = np.flatnonzero(np.isin(labels, classes))
    if len(classes) < 2 or len(rows) < _LEAST:
        return None
    rows = np.sort(np.random.default_rng(0).permutation(rows)[:_ASKED])
    place = {evidence.samples[row].path: number for number, row in enumerate(rows.tolist())}
    alike = (*([one.path for one in group] for group in evidence.dataset.copies), *evidence.dataset.alike)
    groups = [np.array(own) for group in alike if len(own := [place[path] for path in group if path in place]) > 1]
    own = np.searchsorted(classes, labels[rows])
    names = tuple(evidence.dataset.classes[number] for number in classes)
    return Asked(evidence.traits[rows], own, in_folds(own, groups), names)


def _told(asked: Asked, culprit: Culprit) -> Told | None:
    """What a culprit tells, if that is enough to name it."""
    found = _measured(asked, culprit, culprit.numbers, culprit.least)
    if found is None or not culprit.words.endswith("border") or not culprit.innocent:
        return found
    inside = _measured(asked, culprit, middle, 0.0)
    return found if inside is None or found.accuracy > inside.accuracy + _BEYOND else None


def _measured(asked: Asked, culprit: Culprit, numbers: Numbers, least: float) -> Told | None:
    from studio.training.probe import wilson

    said = _said(asked, numbers(asked.traits), least, one_is_enough=not culprit.innocent)
    if said is None:
        return None
    right = said == asked.labels
    low, high = wilson(int(right.sum()), len(right))
    skill = (low - asked.chance) / max(1 - asked.chance, 1e-9)
    label = -1
    if skill < least:
        if culprit.innocent or len(asked.names) == 2:
            return None
        label, skill = _given_away(said, asked.labels)
        if skill < least:
            return None
    return Told(culprit, said, float(right.mean()), low, high, asked.chance, skill, label)


def _said(asked: Asked, numbers: np.ndarray, least: float, one_is_enough: bool) -> np.ndarray | None:
    """The class that a forest names for each picture, from the other folds; None where the first fold shows no hope."""
    from sklearn.ensemble import RandomForestClassifier

    if not np.ptp(numbers, axis=0).any():
        return None
    said = np.full(len(asked.labels), -1)
    for fold in np.unique(asked.folds):
        here = asked.folds == fold
        forest = RandomForestClassifier(_TREES, max_depth=10, min_samples_leaf=2, random_state=0, n_jobs=1)
        said[here] = forest.fit(numbers[~here], asked.labels[~here]).predict(numbers[here])
        if fold == 0:
            skill = ((said[here] == asked.labels[here]).mean() - asked.chance) / max(1 - asked.chance, 1e-9)
            if one_is_enough and len(asked.names) > 2:
                skill = max(skill, _given_away(said[here], asked.labels[here], certain=False)[1])
            if skill < least - _HOPELESS:
                return None
    return said


def _given_away(said: np.ndarray, labels: np.ndarray, certain: bool = True) -> tuple[int, float]:
    """The class that is told best from all others, and how well: the lower of precision and recall.

    Of each the lower end of its interval, where it is to be `certain`.
    """
    from studio.training.probe import wilson

    best, skill = -1, 0.0
    for label in np.unique(labels).tolist():
        hit = int(((said == label) & (labels == label)).sum())
        shares = [(hit, int((said == label).sum())), (hit, int((labels == label).sum()))]
        worst = min(wilson(part, whole)[0] if certain else part / max(1, whole) for part, whole in shares)
        if worst > skill:
            best, skill = label, worst
    return best, skill


def _adds(asked: Asked, first: Told, second: Told) -> bool:
    """Whether what the second says of a picture helps where what the first says is known.

    Both together say what most pictures are of which they say the same; the first fold judges what the others teach.
    """
    if len(asked.names) > 10:
        return False
    both = first.said * len(asked.names) + second.said
    right = 0
    for fold in np.unique(asked.folds):
        here = asked.folds == fold
        table = np.zeros((len(asked.names) ** 2, len(asked.names)))
        np.add.at(table, (both[~here], asked.labels[~here]), 1)
        right += int((table[both[here]].argmax(axis=1) == asked.labels[here]).sum())
    return right / len(asked.labels) > first.accuracy + _ADDS


def _finding(
    evidence: Evidence, asked: Asked, first: Told, same: Sequence[Told], others: Sequence[Told], framed: np.ndarray
) -> Finding:
    plain = first.culprit.words == "the border" and framed.any()
    images = [evidence.samples[row].path for row in np.flatnonzero(framed)[:_SHOWN].tolist()] if plain else []
    also = f" {_capital(_joined([_short(one) for one in others]))} tell{'s' if len(others) == 1 else ''} them, too."
    why = "A model learns whatever tells the classes apart most easily, and will fail where that is missing."
    if same:
        why += f" It goes along with {_joined([_short(one) for one in same])}."
    if first.culprit.innocent:
        why += f" {_capital(first.culprit.innocent)}."
    return Finding(
        "shortcut",
        first.culprit.severity,
        _sentence(asked, first) + (also if others else "") + _beyond(evidence, bool(plain)),
        why=why,
        remedy="Crop the border away, or give all classes the same."
        if plain
        else "Make the classes alike in this, or see to it that pictures to come will differ in the same way.",
        images=tuple(images),
        value=round(first.accuracy, 4),
        reasons=dict.fromkeys(images, "It has a plain frame."),
    )


def _sentence(asked: Asked, told: Told) -> str:
    words = told.culprit.words
    if told.label >= 0:
        own = asked.labels == told.label
        share = (told.said[own] == told.label).mean()
        return f"{percent(share, 0)} of the pictures of {asked.names[told.label]!r} are told by {words} alone."
    two = len(asked.names) == 2
    which = f"{asked.names[0]!r} from {asked.names[1]!r}" if two else f"the {len(asked.names)} classes apart"
    return (
        f"{percent(told.accuracy, 0)} of the time {words} alone tells {which} ({percent(told.low, 0)} to "
        f"{percent(told.high, 0)}); chance would be {percent(told.chance, 0)}."
    )


def _beyond(evidence: Evidence, plain: bool) -> str:
    """What the subject adds over it."""
    if evidence.probe is None:
        return ""
    share = percent(evidence.probe.accuracy, 0)
    if plain:
        return f" By what is inside the frames, the backbone tells them {share} of the time."
    return f" By the whole picture, the backbone tells them {share} of the time."


def _short(told: Told) -> str:
    return f"{told.culprit.words} ({percent(told.accuracy, 0)})"


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def _joined(words: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
