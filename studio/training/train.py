"""Training is an iterator of events: `for event in train(recipe): ...` is the whole engine.

No callbacks, no hooks, no queue. The background thread, the command line, the tests and every torchrun rank run this.
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from studio.model.stages import freeze, trainable
from studio.recipe import Recipe
from studio.training import notes, optimize
from studio.training.checkpoint import Card
from studio.training.events import Event, Finished, Noted, Started, Stepped, Thawed, Validated
from studio.training.keeper import Keeper
from studio.training.look import first_look
from studio.training.prepare import Job, make_ready
from studio.training.scoring import predictions
from studio.training.sources import Batch, Source
from studio.training.sums import Sums, a_number
from studio.training.world import World, keep_heap
from studio.workspace import Workspace

_TELL_EVERY = 0.25  # seconds between two Stepped events at the least


def train(
    recipe: Recipe,
    folder: Path | None = None,
    workspace: Workspace | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[Event]:
    """Train as the recipe says; yields what happens as it happens.

    Checkpoints and predictions go to `folder` (nowhere, if None). `stop` is asked after every step, and while the
    pictures are looked at for the first time; when it says so the run ends kindly, with its best weights if there are
    any yet. Raises StudioError for whatever a person can mend.
    """
    recipe.checked()
    keep_heap()
    with tempfile.TemporaryDirectory() as scratch:
        world = World.join()
        yield from _train(recipe, folder, workspace or Workspace(Path(scratch)), world, stop)
        world.leave()


def _train(
    recipe: Recipe, folder: Path | None, workspace: Workspace, world: World, stop: Callable[[], bool]
) -> Iterator[Event]:
    began = time.monotonic()
    job = yield from make_ready(recipe, workspace, world)
    yield _started(job)
    sources = yield from first_look(job, stop)
    if sources is None:
        yield Finished(True, 0, None, None, None, None, None, time.monotonic() - began, None)
        return
    card = Card(recipe.model.backbone, job.dataset.classes, job.geometry, 0, 0.0)
    keeper = Keeper(job.model, card, folder if world.is_main else None)
    loop = Loop(job, sources, keeper, stop)
    with ExitStack() as going_down:
        going_down.callback(keeper.rescue)
        yield from loop.run()
        going_down.pop_all()
    yield from keeper.write(now=True)
    yield loop.finished(time.monotonic() - began)


def _started(job: Job) -> Started:
    depth = job.recipe.freeze.depth_at(job.recipe.schedule.epochs, len(job.stages))
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
        job.recipe.schedule.epochs,
        job.split.steps,
    )


@dataclass
class Loop:
    """The epochs of a run. `step` counts updates over all of it, from 1."""

    job: Job
    sources: dict[int, Source]
    keeper: Keeper
    stop: Callable[[], bool]
    step: int = 0
    epoch: int = 0
    depth: int | None = None
    stopped: bool = False
    seconds_training: float = 0.0
    images: int = 0
    last: dict[int, Validated] = field(default_factory=dict)

    def run(self) -> Iterator[Event]:
        recipe = self.job.recipe
        rule: torch.optim.Optimizer | None = None
        thawed_at = 0
        for self.epoch in range(1, recipe.schedule.epochs + 1):
            depth = recipe.freeze.depth_at(self.epoch, len(self.job.stages))
            if depth != self.depth:
                yield self._thaw(depth)
                if rule is None:
                    rule = optimize.optimizer(self.job.model, recipe)
                else:
                    optimize.thaw(rule, self.job.model, recipe, self.step)
                thawed_at = self.epoch
            assert rule is not None
            yield from self._epoch(rule)
            last = self.epoch == recipe.schedule.epochs
            alone = last or recipe.freeze.depth_at(self.epoch + 1, len(self.job.stages)) != depth
            if self.epoch == thawed_at + (not alone):  # the second one, if there is one: the first also times layers
                yield from self._notes()
            yield from self.keeper.write()
            self.stopped = self.step < self._steps and (self.stopped or self._asked_to_stop())
            if self.stopped:
                return

    def _notes(self) -> Iterator[Noted]:
        """How an epoch at this depth saved time, in words."""
        if self.source.kept and not self.stopped:
            learning = len(self.job.stages) - (self.depth or 0) if len(self.sources) > 1 else None
            yield Noted(notes.reusing(self.source.kept, self.last[self.epoch].seconds, learning))
        if words := self.job.precision.words:
            yield Noted(words)

    def _asked_to_stop(self) -> bool:
        return self.job.world.any(self.stop())

    def _thaw(self, depth: int) -> Thawed:
        self.depth = depth
        recipe = self.job.recipe
        a_lone_picture = self.job.split.smallest < 2  # has no statistics to learn from
        keep_statistics = a_lone_picture or (recipe.model.pretrained and recipe.freeze.strategy == "two-phase")
        freeze(self.job.model, depth, keep_statistics=keep_statistics)
        names = [stage.name for stage in self.job.stages]
        return Thawed(self.epoch, depth, names[:depth], names[depth:], trainable(self.job.model))

    def _epoch(self, rule: torch.optim.Optimizer) -> Iterator[Event]:
        began = told = time.monotonic()
        epoch_sums, recent = Sums(), Sums()
        for batch in self.source.batches(self.epoch):
            sums = self._update(rule, batch)
            epoch_sums.add(sums)
            recent.add(sums)
            if self._asked_to_stop():
                self.stopped = True
                break
            if (now := time.monotonic()) - told >= _TELL_EVERY:
                loss, accuracy = recent.means(self.epoch)
                pace = recent.count * self.job.world.size / (now - told)
                yield Stepped(self.epoch, self.step, loss, accuracy, self._lr, pace)
                told, recent = now, Sums()
        seconds = time.monotonic() - began
        everywhere = epoch_sums.over(self.job.world)
        self.seconds_training += seconds
        self.images += everywhere.count
        yield self._validate(everywhere, seconds)

    def _update(self, rule: torch.optim.Optimizer, batch: Batch) -> Sums:
        inputs, labels = batch
        recipe = self.job.recipe
        optimize.set_rate(rule, recipe, self.step, self._steps)
        with self.job.precision.learning() if self._layers_learn else nullcontext():
            outputs = self.source.module(*inputs).float()
        loss = F.cross_entropy(outputs, labels, label_smoothing=recipe.schedule.label_smoothing)
        rule.zero_grad(set_to_none=True)
        loss.backward()
        self.job.world.mean_gradients(self.job.model.parameters())
        rule.step()
        self.step += 1
        right = (outputs.detach().argmax(dim=1) == labels).sum()
        return Sums(len(labels), loss.detach() * len(labels), right)

    @property
    def _layers_learn(self) -> bool:
        """Whether more than the head learns; a head alone gains nothing by a lower precision."""
        return (self.depth or 0) < len(self.job.stages)

    @property
    def source(self) -> Source:
        """Where the batches come from at present."""
        return self.sources[self.depth or 0]

    @property
    def _lr(self) -> float:
        return optimize.rate(self.job.recipe, self.step, self._steps)

    @property
    def _steps(self) -> int:
        return self.job.recipe.schedule.epochs * self.job.split.steps

    def _validate(self, sums: Sums, seconds: float) -> Validated:
        began = time.monotonic()
        train_loss, train_accuracy = sums.means(self.epoch)
        world = self.job.world
        world.align(self.job.model.buffers())  # each process has seen other pictures; one model is measured and kept
        frame = predictions(self.job.split.val.samples, self.job.dataset.classes, self.source.logits())
        if world.size > 1:
            import pandas as pd

            frame = pd.concat(world.gather(frame), ignore_index=True)
        accuracy = float(np.mean(frame["label"].to_numpy() == frame["predicted"].to_numpy()))
        loss = a_number(float(np.mean(frame["loss"].to_numpy())), self.epoch)
        self.keeper.consider(self.epoch, accuracy, loss, frame)
        self.last[self.epoch] = event = Validated(
            self.epoch,
            self.step,
            train_loss,
            train_accuracy,
            loss,
            accuracy,
            self._lr,
            sums.count / max(seconds, 1e-9),
            seconds + time.monotonic() - began,
        )
        return event

    def finished(self, seconds: float) -> Finished:
        best = self.last[self.keeper.best_epoch]
        return Finished(
            self.stopped,
            self.epoch,
            self.keeper.best_epoch,
            best.train_loss,
            best.val_loss,
            best.val_accuracy,
            self.images / max(self.seconds_training, 1e-9),
            seconds,
            "best.safetensors",
        )
