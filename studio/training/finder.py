"""The learning-rate finder: some updates at ever higher rates tell where learning begins and where it breaks down."""

import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from itertools import count

from studio.model.heap import keep_heap
from studio.model.stages import freeze
from studio.recipe import Recipe
from studio.training import optimize
from studio.training.events import Event
from studio.training.fetching import fetched
from studio.training.look import first_look
from studio.training.prepare import Job, make_ready
from studio.training.schedule import Schedule
from studio.training.sources import Batch, Source
from studio.training.update import Update
from studio.training.wishes import Asked, Wishes
from studio.training.world import World
from studio.workspace import Workspace

LOWEST, HIGHEST, STEPS = 1e-6, 1.0, 100
_SMOOTH = 0.9  # of the running mean of the loss stays at each update
_BROKEN = 3.0  # times the lowest loss, and above the one that it began with: from there on nothing is learnt
_FEWEST = 10  # points that a suggestion needs
_SETTLES, _SPAN = 10, 20  # parts of the curve: the first, in which the mean is of few updates; over one, it is steep
_SHARE = 0.1  # of the rate at which the loss was lowest: the last safe decade before it


@dataclass(frozen=True)
class Point:
    """One update of the finder, number `step` of `steps`: its rate and the smoothed training loss after it."""

    step: int
    steps: int
    lr: float
    loss: float


@dataclass(frozen=True)
class Found:
    """The curve, and the rate that it suggests; None where it says nothing. `words` give the reason in a sentence."""

    points: tuple[Point, ...]
    suggested: float | None
    words: str


def find_rate(
    recipe: Recipe, workspace: Workspace, asked: Asked = Wishes, steps: int = STEPS
) -> Generator[Event | Point, None, Found]:
    """Try rates from LOWEST to HIGHEST on what learns first under this recipe; yields events, then points.

    The range test of Smith 2017, "Cyclical Learning Rates for Training Neural Networks", with the rate growing by the
    same factor at each update. It trains a network of its own, which nobody keeps: no run's weights are touched. At a
    stop it ends with the points so far. Raises StudioError for whatever a person can mend.
    """
    recipe.checked()
    keep_heap()
    world = World.join()
    if not (yield from fetched(recipe, world, lambda: asked().stop)):
        return judged([])
    job = yield from make_ready(recipe, workspace, world)
    depth = Schedule(recipe, len(job.stages), job.split.steps).depth(1)
    sources = yield from first_look(job, (depth,), lambda: asked().stop)
    points: list[Point] = []
    if sources is not None:
        for point in _points(job, depth, sources[depth], steps):
            points.append(point)
            yield point
            if asked().stop:
                break
    return judged(points)


def judged(points: Sequence[Point]) -> Found:
    """What a curve says: a tenth of the rate at which the smoothed loss was lowest, or where it fell fastest if lower.

    The latter matters where pictures are so easy that no rate breaks anything (measured on cats and dogs: the lowest
    loss at 0.5; a head that learns at a tenth of it is right as often, but its held-back loss is twice as high).
    """
    if len(points) < _FEWEST:
        return Found(tuple(points), None, "It was stopped before it could say anything.")
    lowest = min(points, key=lambda point: point.loss)
    settled = points[len(points) // _SETTLES :]
    if lowest.loss > 0.95 * settled[0].loss:
        return Found(tuple(points), None, "The loss hardly fell at any of these rates, so none can be suggested.")
    fastest = _fastest([point for point in settled if point.lr <= lowest.lr], max(1, len(points) // _SPAN))
    if fastest.lr < lowest.lr * _SHARE:
        suggested = float(f"{fastest.lr:.1e}")
        words = f"The loss fell fastest at a rate of {suggested:.2g}, well below where learning breaks down."
    else:
        suggested = float(f"{lowest.lr * _SHARE:.1e}")
        words = (
            f"The loss was lowest at a rate of {lowest.lr:.2g}. A tenth of it, {suggested:.2g}, learns fast and keeps "
            "clear of where learning breaks down."
        )
    return Found(tuple(points), suggested, words)


def _fastest(points: Sequence[Point], span: int) -> Point:
    """The middle of the `span` updates over which the loss fell most: over a single one, chance decides."""
    if len(points) <= span:
        return points[-1]
    end = min(range(span, len(points)), key=lambda end: points[end].loss - points[end - span].loss)
    return points[end - span // 2]


def _points(job: Job, depth: int, source: Source, steps: int) -> Generator[Point, None, None]:
    """Updates until the loss breaks down or the highest rate is reached."""
    freeze(job.model, depth, keep_statistics=job.recipe.model.pretrained and job.recipe.freeze.strategy != "full")
    update = Update(job, optimize.optimizer(job.model, job.recipe))
    mean, first, lowest = 0.0, math.nan, math.inf
    for step, batch in zip(range(steps), _endless(source), strict=False):
        lr = LOWEST * (HIGHEST / LOWEST) ** (step / max(1, steps - 1))
        for group in update.rule.param_groups:
            group["lr"] = lr * group["scale"]
        sums = update(source.module, batch, step, depth)
        loss = float(sums.loss) / max(1, sums.count)
        mean = _SMOOTH * mean + (1 - _SMOOTH) * loss
        smooth = mean / (1 - _SMOOTH ** (step + 1))
        if not math.isfinite(smooth):
            return
        first, lowest = (smooth if step == 0 else first), min(lowest, smooth)
        yield Point(step + 1, steps, lr, smooth)
        if step >= _FEWEST and smooth > max(_BROKEN * lowest, first):
            return


def _endless(source: Source) -> Generator[Batch, None, None]:
    """Epoch after epoch."""
    for epoch in count(1):
        yield from source.batches(epoch)
