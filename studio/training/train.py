"""Training is an iterator of events: `for event in train(recipe): ...` is the whole engine.

No callbacks, no hooks, no queue. The background thread, the command line, the tests and every torchrun rank run this.
"""

import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from studio.errors import RunError
from studio.model.heap import keep_heap, let_go
from studio.model.stages import frozen_state
from studio.recipe import Recipe
from studio.training import cost, state
from studio.training.checkpoint import Card
from studio.training.events import Event, Predicted, Prepared, Spent, Started, Steered, Stepped
from studio.training.fetching import fetched
from studio.training.keeper import Keeper
from studio.training.look import first_look
from studio.training.loop import Loop
from studio.training.measure import finished
from studio.training.memory import Watermark
from studio.training.prepare import Job, make_ready
from studio.training.schedule import Schedule
from studio.training.vitals import Vitals
from studio.training.wishes import Asked, Wishes
from studio.training.world import World
from studio.workspace import Workspace


def train(
    recipe: Recipe,
    folder: Path | None = None,
    workspace: Workspace | None = None,
    asked: Asked = Wishes,
    *,
    again: bool = False,
) -> Iterator[Event]:
    """Train as the recipe says; yields what happens as it happens.

    Checkpoints and predictions go to `folder` (nowhere, if None). `asked` says what a person wishes: it is asked after
    every step, and while the pictures are looked at for the first time; at a stop the run ends kindly, with its best
    weights if there are any yet. `again` goes on from the checkpoint in `folder`, if there is one: on a CPU with the
    very numbers that it would have had without the interruption. Raises StudioError for whatever a person can mend.
    """
    recipe.checked()
    keep_heap()
    with tempfile.TemporaryDirectory() as scratch:
        world = World.join()
        where = state.read(folder) if again and folder else None
        told = list(where.history) if where else []
        for event in _train(recipe, folder, workspace or Workspace(Path(scratch)), world, asked, where, told):
            if not isinstance(event, Stepped | Prepared):
                told.append(event)
            yield event
        world.leave()


def _train(
    recipe: Recipe,
    folder: Path | None,
    workspace: Workspace,
    world: World,
    asked: Asked,
    where: state.State | None,
    told: list[Event],
) -> Iterator[Event]:
    began, mark = time.monotonic(), Watermark.begin(world.device)
    if not (yield from fetched(recipe, world, lambda: asked().stop)):
        best = state.best(where, folder) if where is not None and folder is not None else None
        yield finished(True, where.epoch if where else 0, best, None, time.monotonic() - began)
        return
    job = yield from make_ready(recipe, workspace, world, folder)
    if where is not None and folder is not None:
        state.restore_weights(folder, job.model)
    schedule = Schedule(recipe, len(job.stages), job.split.steps)
    for change in where.applied if where else ():
        schedule.steer(change)
    yield _started(job, schedule)
    yield from _predicted(job, schedule, workspace)
    step = where.step if where else 0
    job.split.vitals = Vitals(job.model, lambda: frozen_state(job.model, loop.depth or 0), job.geometry)
    sources = yield from first_look(job, schedule.planned(schedule.epoch(step)), lambda: asked().stop)
    if sources is None:
        best = state.best(where, folder) if where is not None and folder is not None else None
        yield finished(True, where.epoch if where else 0, best, None, time.monotonic() - began)
        return
    let_go()  # of what looking took, which learning would not find whole
    schedule.steps_per_epoch = job.split.steps
    keeper = Keeper(
        job.model,
        Card(recipe.model.backbone, job.dataset.classes, job.geometry, 0, 0.0, recipe.head),
        folder if world.is_main else None,
    )
    loop = Loop(job, schedule, sources, keeper, asked, told)
    if where is not None and folder is not None:
        _go_on(loop, where, folder)
        for change in where.applied:
            if change.step == where.step:  # made, but no update came after it: it is told again, as what came later is
                yield Steered(where.epoch, change.step, change.depth, change.lr, change.epochs)
    with ExitStack() as going_down:
        going_down.callback(keeper.rescue)
        yield from loop.run()
        going_down.pop_all()
    yield from loop.save(now=True)
    yield Spent(mark.added())
    yield from loop.proven()
    yield loop.finished(time.monotonic() - began)


def _go_on(loop: Loop, where: state.State, folder: Path) -> None:
    if where.steps_per_epoch != loop.schedule.steps_per_epoch:
        raise RunError(
            "The pictures are not those that this run began with, so it cannot go on.",
            "Put them back, or start a new run with the same recipe.",
            loop.job.dataset.root,
        )
    loop.go_on(where, folder)


def _predicted(job: Job, schedule: Schedule, workspace: Workspace) -> Iterator[Predicted]:
    """What the run will cost, where its backbone was timed here before, by one process."""
    costs = cost.kept(job.recipe, job.dataset, workspace)
    if costs is None or job.world.size > 1 or len(costs.by_depth) != len(job.stages) + 1:
        return
    freeze, epochs = job.recipe.freeze, schedule.epochs
    planned = {one.depth: one.seconds_per_epoch for one in costs.planned(freeze, epochs)}
    yield Predicted(list(planned), list(planned.values()), costs.seconds(freeze, epochs), costs.peak(freeze, epochs))


def _started(job: Job, schedule: Schedule) -> Started:
    depth = min(schedule.planned(1))
    numbers = sum(tensor.numel() for tensor in job.model.parameters())
    frozen = sum(stage.numbers for stage in job.stages[:depth])
    return Started(
        job.recipe.model.backbone,
        job.world.device_name,
        list(job.dataset.classes),
        [stage.name for stage in job.stages],
        depth,
        numbers,
        numbers - frozen,
        job.train_images,
        job.val_images,
        job.geometry.size,
        schedule.epochs,
        job.split.steps,
    )
