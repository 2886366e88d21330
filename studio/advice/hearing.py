"""How an audition goes: all look at the same few pictures, then those that are not surely behind at ever more.

A race as of Maron and Moore 1994, "Hoeffding Races", with intervals of paired differences in the place of theirs.
"""

import math
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from studio.advice.audition import Audition, Heard, called
from studio.advice.contenders import CHUNK, Backbone, Colours, Contender
from studio.advice.doing import Clock, Doing
from studio.advice.logme import logme
from studio.advice.paired import paired
from studio.advice.sample import copies, in_order, labels_of
from studio.data.dataset import Dataset, Sample
from studio.errors import BackboneError, DataError, StudioError, WeightsError
from studio.model.weights import fetch
from studio.recipe import ModelChoice, Recipe
from studio.training.eye import Eye
from studio.training.loader import Pictures
from studio.training.prepare import load_data
from studio.training.probe import Probe, probe
from studio.workspace import Workspace

LEAST, OF_EACH = 20, 4  # pictures to learn from in all, and in each of at least two classes
_FIRST, _FIRST_OF_EACH = 200, 10  # pictures in the first round: at least, and of a usual class
_MORE = 4  # times as many in the next round
_EVIDENCE = 8000  # pictures that LogME is asked about: more take much memory and change nothing
_OUT = 2.58  # standard errors behind the best at which one leaves the race: surely, 99 times of 100
_SURE = 1.96
_JUDGING = 2.0  # seconds that telling a backbone's pictures apart takes, before anybody knows


@dataclass(frozen=True)
class _Judged:
    """What a probe told of a contender's pictures."""

    found: Probe
    evidence: float

    @property
    def right(self) -> np.ndarray:
        return self.found.probabilities.argmax(axis=1) == self.found.labels


def race(
    recipe: Recipe, workspace: Workspace, clock: Clock, models: Sequence[ModelChoice]
) -> Generator[Doing, None, Audition]:
    """Hear these backbones on the pictures to learn from. See `studio.advice.audition.audition`."""
    yield clock.doing("Reading the folder of pictures")
    dataset = load_data(recipe, workspace)
    order = in_order(dataset.split("train"), recipe.seed)
    _enough(dataset, order)
    left_out: list[tuple[str, str]] = []
    baseline = Colours("colours", dataset=dataset, cache=workspace.cache)
    racing: list[Backbone] = []
    first = min(len(order), max(_FIRST, _FIRST_OF_EACH * len(dataset.classes)))
    least = min(first, max(CHUNK, 2 * OF_EACH * len(dataset.classes)))
    failures: list[StudioError] = []
    for number, model in enumerate(models):
        name = called(model)
        share = max(clock.left - _JUDGING * (number + 1), 0.0) / (len(models) - number + 1)
        if number and share < 1:
            left_out.append((name, "There was no time left to hear it."))
            continue
        until = time.monotonic() + share
        yield clock.doing(f"Loading {name}")
        try:
            for _ in fetch(model.backbone) if model.start == "published" else ():
                yield clock.doing(f"Downloading the weights of {name}")
            eye = Eye.of(Recipe(model=model, seed=recipe.seed), len(dataset.classes), looks=len(order))
        except (BackboneError, WeightsError) as error:
            failures.append(error)
            left_out.append((name, error.what))
            continue
        pace = eye.pace(_first_squares(dataset, order, eye))
        heard = Backbone(name, least=least, model=model, eye=eye, pace=pace, dataset=dataset, cache=workspace.cache)
        yield from _told(heard, order, first if not racing else racing[0].seen, until, clock)
        if racing and heard.seen < racing[0].seen:
            left_out.append((name, f"It is too slow for this budget: it looks at {heard.pace:.0f} pictures a second."))
            continue
        racing.append(heard)
    if not racing:
        raise failures[0] if failures else BackboneError("There is no backbone to hear.", "Name one.")
    yield from _told(baseline, order, racing[0].seen, math.inf, clock)
    found = yield from _rounds(racing, baseline, order, dataset, recipe.seed, clock)
    heard, colours, common, pictures = found
    return Audition(
        heard, colours, pictures, len(order), len(dataset.classes), common, clock.budget, clock.spent, tuple(left_out)
    )


def _first_squares(dataset: Dataset, order: Sequence[Sample], eye: Eye) -> np.ndarray:
    """The first pictures of the order as the eye sees them, uint8 (n, size, size, 3); black if none opens."""
    shown = Pictures(dataset, order[: eye.at_once], eye.geometry).walk(eye.at_once)
    size = eye.geometry.size
    return next((squares.numpy() for squares in shown), np.zeros((1, size, size, 3), np.uint8))


def _rounds(
    racing: list[Backbone], baseline: Colours, order: Sequence[Sample], dataset: Dataset, seed: int, clock: Clock
) -> Generator[Doing, None, tuple[tuple[Heard, ...], Heard, float, int]]:
    """Judge, send off who is surely behind, look at more pictures, and again, while there is time and there are any."""
    gone: list[Heard] = []
    while True:
        yield clock.doing("Telling the classes apart")
        began = time.monotonic()
        places = _common([*racing, baseline])
        labels, groups = _answers(dataset, order, places)
        judged = [_judged(each.matrix(places), labels, len(dataset.classes), groups, seed) for each in racing]
        colours = _judged(baseline.matrix(places), labels, len(dataset.classes), groups, seed)
        judging = time.monotonic() - began
        best = max(judged, key=lambda each: (each.found.accuracy, each.evidence))
        heard = [_heard(contender, result, best, _SURE) for contender, result in zip(racing, judged, strict=True)]
        surely = [_heard(contender, result, best, _OUT) for contender, result in zip(racing, judged, strict=True)]
        plain = _against(_row("", colours), colours, best, _SURE)
        stays = [each.tied for each in surely]
        target = _next(racing, baseline, stays, len(order), judging, clock)
        if target is None:
            everyone = sorted([*heard, *gone], key=lambda each: (-each.pictures, -each.accuracy, -each.logme))
            return tuple(everyone), plain, best.found.common, len(places)
        gone += [row for row, stay in zip(heard, stays, strict=True) if not stay]
        racing = [each for each, stay in zip(racing, stays, strict=True) if stay]
        until = time.monotonic() + max(clock.left - judging, 0.0)
        for number, each in enumerate([*racing, baseline]):
            share = (until - time.monotonic()) / (len(racing) + 1 - number)
            yield from _told(each, order, target, time.monotonic() + 1.5 * share, clock)


def _next(
    racing: Sequence[Backbone], baseline: Colours, stays: Sequence[bool], most: int, judging: float, clock: Clock
) -> int | None:
    """Up to which picture the next round goes; None where there are no more, or no time for many more."""
    seen = min(each.seen for each in racing)
    left = clock.left - judging * _MORE**0.5
    cost = sum(each.cost or 1 / each.pace for each, stay in zip(racing, stays, strict=True) if stay) + baseline.cost
    target = min(most, seen * _MORE, seen + int(left / max(cost, 1e-6)))
    return target if seen < most and (target >= 1.3 * seen or target == most) and left > 0 else None


def _told(
    contender: Contender, order: Sequence[Sample], target: int, until: float, clock: Clock
) -> Generator[Doing, None, None]:
    for seen in contender.look(order, target, until):
        yield clock.doing(f"Showing {seen:,} of {target:,} pictures to {contender.name}")


def _common(contenders: Sequence[Contender]) -> np.ndarray:
    """Places of the order that every contender has seen, and that opened."""
    places = np.concatenate(contenders[0].rows)
    for each in contenders[1:]:
        places = np.intersect1d(places, np.concatenate(each.rows))
    return places


def _answers(dataset: Dataset, order: Sequence[Sample], places: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    samples = [order[place] for place in places.tolist()]
    _enough(dataset, samples)
    return labels_of(dataset, samples), copies(dataset, samples)


def _enough(dataset: Dataset, samples: Sequence[Sample]) -> None:
    counts = np.bincount(labels_of(dataset, samples), minlength=1)
    if len(samples) < LEAST or (counts >= OF_EACH).sum() < 2:
        raise DataError(
            f"There are too few pictures to compare backbones on: it takes {LEAST} to learn from that open, and "
            f"{OF_EACH} in each of two classes.",
            "Add pictures.",
            dataset.root,
        )


def _judged(matrix: np.ndarray, labels: np.ndarray, classes: int, groups: Sequence[np.ndarray], seed: int) -> _Judged:
    some = slice(None, _EVIDENCE)  # every first part has all classes in it
    return _Judged(probe(matrix, labels, classes, groups, seed), logme(matrix[some], labels[some], classes))


def _heard(contender: Backbone, result: _Judged, best: _Judged, z: float) -> Heard:
    model = contender.model
    row = _row(model.backbone, result, pace=contender.pace)
    return _against(replace(row, weights=model.weights, pretrained=model.pretrained), result, best, z)


def _row(backbone: str, result: _Judged, pace: float | None = None) -> Heard:
    found = result.found
    return Heard(backbone, len(found.labels), found.accuracy, found.low, found.high, result.evidence, pace)


def _against(row: Heard, result: _Judged, best: _Judged, z: float) -> Heard:
    """The same, with how far it is behind the best on the very same pictures."""
    if result is best:
        return row
    behind, low, high = paired(best.right, result.right, z)
    return replace(row, behind=behind, behind_low=low, behind_high=high)
