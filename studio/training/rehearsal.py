"""Whole epochs on kept features, rehearsed: an update takes longer in an epoch than in a row of its own.

Where the rest of the network is a head, an epoch is a few milliseconds, and much of them goes to what lies between its
updates: the next batch, listening, the losses, the predictions. So the real loop runs, on features made up for it.
"""

import os
import statistics
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import cycle, islice
from tempfile import TemporaryFile

import numpy as np
import torch

from studio.data.dataset import Sample
from studio.errors import StudioError
from studio.model.graph import Boundary, Kept
from studio.model.heap import give_back
from studio.model.stages import freeze, frozen_state
from studio.recipe import FreezePlan
from studio.training.checkpoint import Card
from studio.training.cost import DepthPace
from studio.training.events import Validated, to_json
from studio.training.features import dtype_of, taken
from studio.training.keeper import Keeper
from studio.training.loader import Pictures
from studio.training.loop import Loop
from studio.training.prepare import Job
from studio.training.schedule import Schedule
from studio.training.sources import OnFeatures
from studio.training.vitals import Vitals
from studio.training.wishes import Wishes

_SHORT = 0.005  # seconds of an update; of longer ones, what lies between them is next to nothing
_ROOM = 128 << 20  # bytes that made-up features may take
_STEPS, _JUDGED = (4, 16), (64, 512)  # an epoch's updates, and the pictures it is measured on: a few, and many
_LEAST = 0.6  # of what was found of an update, and of measuring, in a row: a slow moment may hide all of it
_EPOCHS = 8  # in a row; the first one is left out, as of a run
_RATE = 1e-6  # of learning: how long an update takes does not depend on it, and the loss stays a number
Moment = list[list[float]]  # seconds of epochs: of short ones, of such with more updates, of such that measure more


def moment(job: Job, boundary: Boundary, pace: DepthPace) -> Moment:
    """Seconds of whole epochs of the job's network as it learns at `pace`'s depth, now; none where an update is long
    enough by itself.

    What learns starts from zeros: the timing before left a network of random weights with whatever came out of it,
    and weights that are no longer numbers would end the first epoch.
    """
    batch = job.batch
    if pace.step + batch * pace.picture > _SHORT or (_STEPS[1] * batch + _JUDGED[1]) * pace.crossing > _ROOM:
        return [[], [], []]
    sizes = [(_STEPS[0], _JUDGED[0]), (_STEPS[1], _JUDGED[0]), (_STEPS[0], _JUDGED[1])]
    freeze(job.model, pace.depth)
    with torch.no_grad():
        for tensor in job.model.parameters():
            if tensor.requires_grad:
                tensor.zero_()
    return [_epochs(job, boundary, pace.depth, n, n * batch, judged) for n, judged in sizes]


def rehearsed(job: Job, pace: DepthPace, moments: Sequence[Moment]) -> DepthPace:
    """`pace` as it is in whole epochs, by what was found at several moments; as it was where nothing was.

    What is told apart belongs to one moment, as between two of them the computer may become half as fast.
    """
    apart = [_apart(*(statistics.median(found) for found in took)) for took in moments if took and all(took)]
    if not apart:
        return pace
    update = pace.step + job.batch * pace.picture
    few, step, judge = (statistics.median(found) for found in zip(*apart, strict=True))
    step, judge = max(step, _LEAST * update), max(judge, _LEAST * pace.judge)
    besides = max(0.0, few - _STEPS[0] * step - _JUDGED[0] * judge)
    longer = step / update
    return replace(pace, step=pace.step * longer, picture=pace.picture * longer, judge=judge, epoch=besides)


def _apart(few: float, more_steps: float, more_judged: float) -> tuple[float, float, float]:
    """Seconds of a short epoch, of one more update, and of measuring one more picture."""
    step = (more_steps - few) / (_STEPS[1] - _STEPS[0])
    return few, step, (more_judged - few) / (_JUDGED[1] - _JUDGED[0])


def _epochs(job: Job, boundary: Boundary, depth: int, steps: int, learnt: int, judged: int) -> list[float]:
    """Seconds of each epoch of so many steps and pictures, measured on so many; none where the recipe cannot learn."""
    changes = {"schedule.epochs": _EPOCHS, "schedule.patience": 0, "steering": (), "freeze": _at(depth)}
    changes |= {"optimizer.lr": _RATE}
    recipe, dtype = job.recipe.amended(changes), dtype_of(job.precision.exactly)
    split = replace(
        job.split,
        train=_so_many(job.split.train, learnt),
        val=_so_many(job.split.val, judged),
        steps=steps,
        smallest=learnt // steps,
    )
    made_up = replace(job, recipe=recipe, split=split)
    source = OnFeatures(boundary, split, _MadeUp(boundary, learnt, dtype), _MadeUp(boundary, judged, dtype))
    card = Card(recipe.model.backbone, job.dataset.classes, job.geometry, 0, 0.0, recipe.head)
    schedule, keeper = Schedule(recipe, len(job.stages), steps), Keeper(job.model, card, None)
    loop = Loop(made_up, schedule, {depth: source}, keeper, Wishes, [])
    split.vitals = Vitals(job.model, lambda: frozen_state(job.model, depth), job.geometry)
    if job.world.device.type == "cpu":
        give_back()  # as before a run's first epoch
    found: list[float] = []
    with suppress(StudioError), TemporaryFile(dir=job.cache) as journal:
        for event in loop.run():
            journal.write(to_json(event).encode())
            journal.flush()
            os.fsync(journal.fileno())  # as a run does: a processor that waited is slower for a while
            if isinstance(event, Validated):
                found.append(event.seconds)
    return found[1:]


def _at(depth: int) -> FreezePlan:
    return FreezePlan(strategy="full", depth=depth)


def _so_many(pictures: Pictures, count: int) -> Pictures:
    return Pictures(pictures.dataset, repeated(pictures.samples, count), pictures.geometry)


def repeated(samples: Sequence[Sample], count: int) -> list[Sample]:
    """So many samples, these again and again."""
    return list(islice(cycle(samples), count))


class _MadeUp:
    """Features of pictures that nobody looked at: how long a network takes does not depend on them."""

    def __init__(self, boundary: Boundary, count: int, dtype: torch.dtype) -> None:
        self._boundary = boundary
        chance = torch.Generator().manual_seed(0)
        self._rows = torch.rand(count, boundary.numbers, generator=chance).to(dtype)

    def batch(self, rows: np.ndarray, view: int, device: torch.device) -> Kept:
        return taken(self._rows, torch.from_numpy(rows), self._boundary, device)
