"""How the learning rate moves over a run. No torch is needed to draw it."""

import math
from collections.abc import Iterable

from studio.recipe import Recipe

_FIRST, _LAST = 1 / 25, 1e-5  # a one-cycle begins and ends at these shares of its highest rate, as fastai has them
_MOMENTUM = (0.95, 0.85)  # of a one-cycle while the rate is low, and while it is high


def climb(recipe: Recipe, steps: int) -> int:
    """Updates that a warm-up takes."""
    return max(1, round(recipe.schedule.warmup * steps))


def rate(recipe: Recipe, step: int, steps: int, drops: int = 0) -> float:
    """The learning rate for update `step` (counted from 0) of `steps`: first a climb, then what the curve says.

    `drops` is how often it went down because nothing got better (plateau only). A one-cycle is that of Smith 2018, "A
    disciplined approach to neural network hyper-parameters", with the cosines that fastai made of its lines.
    """
    schedule, top, highest = recipe.schedule, climb(recipe, steps), recipe.optimizer.lr
    if schedule.curve == "one-cycle":
        return highest * _one_cycle(step, top, steps)
    if step < top:
        return highest * (step + 1) / top
    if schedule.curve == "cosine":
        return highest * _fall(step, top, steps)
    if schedule.curve == "step":
        passed = step * schedule.epochs // max(1, steps)  # epochs
        return highest * schedule.step_factor ** (passed // schedule.step_every)
    return highest * schedule.step_factor**drops if schedule.curve == "plateau" else highest


def warmed(recipe: Recipe, step: int, steps: int, since: int) -> float:
    """The share of its rate that what thawed at update `since` has at update `step`: it has a warm-up of its own."""
    return min(1.0, (step - since + 1) / climb(recipe, steps)) if since else 1.0


def momentum(recipe: Recipe, step: int, steps: int) -> float | None:
    """What of the last change carries on at update `step` of `steps`, where the curve moves that too."""
    if recipe.schedule.curve != "one-cycle":
        return None
    low, high = _MOMENTUM
    top = climb(recipe, steps)
    height = 1 - _fall(step + 1, 0, top) if step < top else _fall(step, top, steps)
    return low + (high - low) * height


def drops(recipe: Recipe, measured: Iterable[tuple[int, float, float]], since: int) -> int:
    """How often the rate went down so far because nothing got better (plateau only).

    `measured` are whole epochs in order, each with its accuracy and its loss on the held-back pictures; those before
    the epoch `since`, in which other stages began to learn or another rate was asked for, do not count.
    """
    if recipe.schedule.curve != "plateau":
        return 0
    best, waited, found = (-math.inf, -math.inf), 0, 0
    for epoch, accuracy, loss in measured:
        if epoch < since:
            continue
        better = (accuracy, -loss) > best
        best, waited = max(best, (accuracy, -loss)), 0 if better else waited + 1
        if waited >= recipe.schedule.step_every:
            found, waited = found + 1, 0
    return found


def _fall(step: int, start: int, end: int) -> float:
    """From 1 at `start` to 0 at `end`, as half a cosine."""
    return 0.5 * (1 + math.cos(math.pi * (step - start) / max(1, end - start)))


def _one_cycle(step: int, top: int, steps: int) -> float:
    """The share of the highest rate: half a cosine up until update `top`, and another one down."""
    if step < top:
        return _FIRST + (1 - _FIRST) * (1 - _fall(step + 1, 0, top))
    return _LAST + (1 - _LAST) * _fall(step, top, steps)
