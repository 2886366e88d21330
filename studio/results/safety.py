"""The safety meter: how often a step, at this strength, pushes a picture over to another class.

A linear probe learns the classes from features of unvaried pictures. It is then asked about pictures that it tells
right, before and after one step alone. So a flip may mean that the picture means something else now, or only that the
backbone no longer knows it: either way the label may no longer be trusted, and the pictures are there to be looked at.
"""

from collections import Counter
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from studio.augment.catalogue import transform
from studio.augment.geometry import Geometry
from studio.augment.pipeline import Pipeline, build
from studio.recipe import StepChoice
from studio.results.evaluate import interval
from studio.text import percent

Severity = Literal["fine", "attention", "critical"]
_CRITICAL, _ATTENTION = 0.25, 0.1  # where the lower end of a class's interval reaches this
_EXAMPLES = 6

Embed = Callable[[np.ndarray], np.ndarray]  # squares uint8 (n, size, size, 3) to features float (n, d)
Tell = Callable[[np.ndarray], np.ndarray]  # features to probabilities of the classes, float (n, classes)


@dataclass(frozen=True)
class ClassFlips:
    """Of `pictures` of class `label`, `flipped` went over to another; `low` to `high` is their share's 95 % interval.

    `towards` is the class that most went to, `to_it` how many. `examples` are numbers of flipped pictures.
    """

    label: str
    pictures: int
    flipped: int
    low: float
    high: float
    towards: str = ""
    to_it: int = 0
    examples: tuple[int, ...] = ()

    @property
    def severity(self) -> Severity:
        """critical: surely more than a quarter flip; attention: surely more than a tenth."""
        return "critical" if self.low >= _CRITICAL else "attention" if self.low >= _ATTENTION else "fine"


@dataclass(frozen=True)
class StepSafety:
    """How one step did, by class in the order of the classes."""

    step: StepChoice
    classes: tuple[ClassFlips, ...]

    @property
    def title(self) -> str:
        return transform(self.step.transform).title

    @property
    def worst(self) -> ClassFlips | None:
        """The class that surely suffers most; None where no picture could be asked about."""
        return max(self.classes, key=lambda each: (each.low, each.flipped), default=None)

    @property
    def severity(self) -> Severity:
        return self.worst.severity if self.worst else "fine"

    @property
    def share(self) -> float:
        """The share of all pictures that flipped, 0 to 1."""
        return sum(each.flipped for each in self.classes) / max(1, sum(each.pictures for each in self.classes))

    @property
    def sentence(self) -> str:
        """What the step does to the class that suffers most."""
        worst = self.worst
        if worst is None:
            return f"Nothing can be said of “{self.title}”: the probe tells none of these pictures right."
        if not worst.flipped:
            return (
                f"“{self.title}” changed the class of none of {sum(each.pictures for each in self.classes)} pictures."
            )
        mostly = worst.to_it * 2 > worst.flipped
        many, into = (worst.to_it, f"“{worst.towards}”") if mostly else (worst.flipped, "other classes")
        low, high = interval(many, worst.pictures)
        return (
            f"“{self.title}” turns “{worst.label}” into {into} in {percent(many / worst.pictures, 0)} of cases "
            f"(95 % interval {percent(low, 0)} to {percent(high, 0)}, {worst.pictures} pictures)."
        )


def measure(
    pipeline: Pipeline,
    geometry: Geometry,
    bases: Sequence[np.ndarray],
    labels: np.ndarray,
    classes: Sequence[str],
    embed: Embed,
    tell: Tell,
    seed: int = 0,
) -> Generator[int, None, list[StepSafety]]:
    """Ask about every step of a pipeline, alone and applied for certain. Yields how many steps are done, 0 at first.

    `bases` are base pictures uint8 (b, b, 3) that whoever can `tell` did not learn from, `labels` int (n,) their
    classes. The cost is one look of the backbone at every picture a step, and one more. Only pictures that are told
    right unvaried are counted.
    """
    yield 0
    plain = tell(embed(np.stack([geometry.centre(base) for base in bases]))).argmax(axis=1)
    known = np.flatnonzero(plain == labels)
    found = []
    for done, step in enumerate(pipeline.steps, 1):
        if step.transform == "CenterCrop" or not len(known):
            found.append(StepSafety(step, ()))
            continue
        varied = np.stack([alone(step, geometry, bases[row], seed, row) for row in known.tolist()])
        said = tell(embed(varied)).argmax(axis=1)
        found.append(StepSafety(step, _by_class(known, labels[known], said, classes)))
        yield done
    return [each for each in found if each.step.transform != "CenterCrop"]


def alone(step: StepChoice, geometry: Geometry, base: np.ndarray, seed: int, row: int) -> np.ndarray:
    """What the probe was asked about: picture number `row` after this step alone, uint8 (size, size, 3)."""
    one = build(step, geometry.size, p=1.0)
    one.set_random_seed(int(np.random.SeedSequence((seed, row)).generate_state(1)[0]))
    out = one(image=base)["image"]
    return np.ascontiguousarray(out if transform(step.transform).crop else geometry.centre(out))


def _by_class(rows: np.ndarray, labels: np.ndarray, said: np.ndarray, classes: Sequence[str]) -> tuple[ClassFlips, ...]:
    found = []
    for number, label in enumerate(classes):
        own = labels == number
        total = int(own.sum())
        if not total:
            continue
        gone = own & (said != number)
        flipped = int(gone.sum())
        towards, most = Counter(said[gone].tolist()).most_common(1)[0] if flipped else (number, 0)
        examples = tuple(rows[gone][:_EXAMPLES].tolist())
        other = classes[towards] if flipped else ""
        found.append(ClassFlips(label, total, flipped, *interval(flipped, total), other, most, examples))
    return tuple(found)
