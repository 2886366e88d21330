"""The epochs of a run: update by update, steered between any two, and going on from where a run was interrupted."""

import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path

from studio.errors import RunError
from studio.model.heap import let_go
from studio.model.stages import freeze, frozen_state, trainable
from studio.training import notes, optimize, rates, state
from studio.training.events import (
    Event,
    Finished,
    Hindered,
    Noted,
    Paused,
    Proven,
    Resumed,
    Steered,
    Stepped,
    Thawed,
    Validated,
    Warned,
)
from studio.training.keeper import Keeper
from studio.training.look import Sources, look_again
from studio.training.measure import finished, validated
from studio.training.prepare import Job
from studio.training.proof import Seals
from studio.training.schedule import Schedule
from studio.training.sources import Batch, Source
from studio.training.sums import Sums, a_number
from studio.training.threads import for_update
from studio.training.trial import tried
from studio.training.update import Update
from studio.training.wishes import Asked, Wishes

_TELL_EVERY = 0.25  # seconds between two Stepped events at the least
_LOOK_EVERY = 0.1  # seconds between two looks at whether a pause is over
_TRY_AGAIN = 1.0  # seconds after which a disk that took nothing is tried again


@dataclass
class Loop:
    """The epochs of a run. `step` counts updates over all of it, `epoch` is the one at work, from 1.

    `thaws` are the depths so far, each with the update from which it held, `told` what happened so far but moments
    within epochs, and `best` the epoch whose weights are kept as the best. `seconds` are those that the epoch's updates
    took so far, `seconds_training` those of all.
    """

    job: Job
    schedule: Schedule
    sources: Sources
    keeper: Keeper
    asked: Asked
    told: list[Event]
    step: int = 0
    epoch: int = 0
    thaws: list[tuple[int, int]] = field(default_factory=list)
    stopped: bool = False
    early: bool = False
    seconds_training: float = 0.0
    images: int = 0
    last: dict[int, Validated] = field(default_factory=dict)
    best: Validated | None = None
    seconds: float = 0.0
    _update: Update | None = None
    _sums: Sums = field(default_factory=Sums)
    _wishes: Wishes = field(default_factory=Wishes)
    _save_is_due: bool = False
    _thawed_in: int = 0
    _drops: int = 0

    def __post_init__(self) -> None:
        self.seals = Seals(self.job.model)

    def go_on(self, where: state.State, folder: Path) -> None:
        """Stand where the run stood when this was kept; the model has its weights already."""
        for depth, step in where.thaws:
            self._let_learn(depth, step)
        self.seals.go_on(where.seals, [depth for depth, _ in where.thaws], where.changed)
        self.step, self.epoch = where.step, where.epoch
        self.seconds_training, self.images = where.seconds_training, where.images
        self._sums = Sums(*where.sums)
        self._thawed_in = self.schedule.epoch(where.thaws[-1][1]) if where.thaws else 0
        self.last = {event.epoch: event for event in where.history if isinstance(event, Validated)}
        self.seconds = where.seconds
        if self.last:
            newest = self.last[max(self.last)]
            self.keeper.card = replace(self.keeper.card, epoch=newest.epoch, val_accuracy=newest.val_accuracy)
        self.best = state.best(where, folder)
        if self.best is not None:
            self.keeper.go_on(where.best)
        if self._update is not None:
            self._update.pieces = where.pieces
            state.restore_optimizer(folder, self._update.rule, where.memory)
            state.restore_average(folder, self._update.average)

    def run(self) -> Iterator[Event]:
        self._listen()
        while not self.stopped and not self.early:
            given = [change.epochs or 0 for change in self.schedule.due(self.step)]
            epochs = max(self.schedule.epochs, self._wishes.epochs or 0, *given)
            if self.step >= epochs * self.schedule.steps_per_epoch:
                return
            yield from self._epoch()
            yield from self._end_of_epoch()
            if self._wishes.pause and not (self.stopped or self.early) and self.step < self.schedule.steps:
                yield from self._pause()
            self.stopped = self.step < self.schedule.steps and (self.stopped or self._wishes.stop)

    def _epoch(self) -> Iterator[Event]:
        """The rest of the epoch that update `step` belongs to, and its validation."""
        self.epoch = self.schedule.epoch(self.step)
        first = self.step
        while True:
            yield from self._steer()
            if self.stopped or self.step >= self.schedule.steps:
                break
            began = time.monotonic()
            with self._threads():
                yield from self._updates()
            took = time.monotonic() - began
            self.seconds, self.seconds_training = self.seconds + took, self.seconds_training + took
            if self._wishes.stop:
                self.stopped = True
                break
            if self._over:
                break
            if self._wishes.pause:
                yield from self._pause()
            elif self._save_is_due:
                yield from self.save()
        if self.step > first or (self._sums.count and self.epoch not in self.last):
            yield from self._validate(self.seconds)

    @property
    def _over(self) -> bool:
        """Whether the epoch at work has no further update."""
        return self.step >= self.epoch * self.schedule.steps_per_epoch

    def _updates(self) -> Iterator[Event]:
        """Updates until the epoch is over or something is to be done between two of them."""
        assert self._update is not None
        place = self.step - (self.epoch - 1) * self.schedule.steps_per_epoch
        recent, told = Sums(), time.monotonic()
        for batch in self.source.batches(self.epoch, place):
            sums = self._learn(batch)
            self._sums.add(sums)
            recent.add(sums)
            self._listen()
            if (now := time.monotonic()) - told >= _TELL_EVERY:
                loss, accuracy = recent.means(self.epoch)
                pace = recent.count * self.job.world.size / (now - told)
                yield Stepped(self.epoch, self.step, loss, accuracy, self._lr, pace)
                told, recent = now, Sums()
            if self._something_is_due():
                break
        for sentence in self._update.told():
            yield Warned(sentence)

    def _threads(self) -> AbstractContextManager:
        """As many of the processor's cores as an update at this depth is worth."""
        job = self.job
        return for_update(job.world.device, job.recipe.schedule.batch_size, self.source.numbers, trainable(job.model))

    def _something_is_due(self) -> bool:
        wishes = self._wishes
        wanted = wishes.stop or wishes.pause or self.schedule.wanted(wishes, self.step, self.epoch)
        return bool(wanted or self._save_is_due or self.schedule.due(self.step))

    def _learn(self, batch: Batch) -> Sums:
        assert self._update is not None
        if self.job.split.vitals is not None:
            self.job.split.vitals.step(self._lr)
        plan = self.schedule
        optimize.set_rate(self._update.rule, plan.recipe, self.step, plan.steps, self._drops)
        sums = self._update(self.source.module, batch, self.step, self.depth or 0)
        self.step += 1
        return sums

    def _listen(self) -> None:
        """Hear what is asked now, in any process."""
        self._wishes, self._save_is_due = self.asked(), self.keeper.is_due
        if self.job.world.size > 1:
            *numbers, due = self.job.world.highest([*self._wishes.as_numbers(), self._save_is_due])
            self._wishes, self._save_is_due = Wishes.of_numbers(numbers), bool(due)

    def _steer(self) -> Iterator[Event]:
        """Make the changes that are due before the next update: the recipe's own, a person's, and planned thaws."""
        wanted = self.schedule.wanted(self._wishes, self.step, self.epoch)
        for change in (*self.schedule.due(self.step), *([wanted] if wanted else [])):
            self.schedule.steer(change)
            yield Steered(self.epoch, self.step, change.depth, change.lr, change.epochs)
        depth = self.schedule.depth(self.epoch)
        if depth != self.depth and self.step < self.schedule.steps:
            yield from self._thaw(depth)
        self._drops = self._drops_so_far()

    @property
    def depth(self) -> int | None:
        """Frozen stages at present; None before the first update."""
        return self.thaws[-1][0] if self.thaws else None

    def _thaw(self, depth: int) -> Generator[Event, None, None]:
        if depth not in self.sources:
            found = yield from look_again(self.job, depth, lambda: self.asked().stop)
            if found is None:
                self.stopped = True
                return
            self.sources |= found
        self.sources = {known: source for known, source in self.sources.items() if known <= depth}  # deeper: outdated
        if self.thaws:
            let_go()  # of what learning at the depth before took, which this one would not find whole
        self._let_learn(depth, self.step)
        self.seals.freeze(depth)
        self._thawed_in = self.epoch
        names = [stage.name for stage in self.job.stages]
        yield Thawed(self.epoch, depth, names[:depth], names[depth:], trainable(self.job.model), self.step)

    def _let_learn(self, depth: int, step: int) -> None:
        recipe = self.job.recipe
        a_lone_picture = self.job.split.smallest < 2  # has no statistics to learn from
        head_first = recipe.freeze.head_first(len(self.job.stages))
        keep_statistics = a_lone_picture or (recipe.model.pretrained and head_first)
        freeze(self.job.model, depth, keep_statistics=keep_statistics)
        self.keeper.freeze(frozen_state(self.job.model, depth).keys())
        if self._update is None:
            self._update = Update(self.job, optimize.optimizer(self.job.model, recipe))
        else:
            optimize.thaw(self._update.rule, self.job.model, recipe, step)
        self._update.follow()
        self.thaws.append((depth, step))

    def _pause(self) -> Iterator[Event]:
        yield Paused(self.epoch, self.step)
        yield from self.save()
        while self._wishes.pause and not self._wishes.stop:
            time.sleep(_LOOK_EVERY)
            self._listen()
        yield Resumed(self.epoch, self.step)

    def _end_of_epoch(self) -> Iterator[Event]:
        alone = self._over and (self.step >= self.schedule.steps or self.schedule.depth(self.epoch + 1) != self.depth)
        if self.epoch == self._thawed_in + (not alone):  # the second one, if there is one: the first also times layers
            yield from self._notes()
        self.early = self._nothing_better()
        self._listen()
        if self._save_is_due:
            yield from self.save()

    def _drops_so_far(self) -> int:
        """How often the rate went down because nothing got better, since it was asked for and the last thaw."""
        asked = [self.schedule.epoch(change.step) for change in self.schedule.applied if change.lr]
        over = [self.last[epoch] for epoch in sorted(self.last) if epoch < self.epoch]
        measured = [(event.epoch, event.val_accuracy, event.val_loss or 0.0) for event in over]
        return rates.drops(self.job.recipe, measured, max(self._thawed_in, *asked, 0))

    def _nothing_better(self) -> bool:
        patience = self.job.recipe.schedule.patience
        given = [self.schedule.epoch(change.step) - 1 for change in self.schedule.applied if change.epochs]
        since = max(self.keeper.best_epoch, self._thawed_in - 1, *given)
        waits = any(depth != self.depth for depth in self.schedule.planned(self.epoch + 1))
        at_an_end = self._over and self.step < self.schedule.steps  # of an epoch that is not the last one
        return bool(patience) and at_an_end and not waits and self.epoch - since >= patience

    def _notes(self) -> Iterator[Noted]:
        """How an epoch at this depth saved time, in words."""
        if self.source.kept and self.epoch in self.last and not self.stopped:
            learning = len(self.job.stages) - (self.depth or 0) if len(self.thaws) > 1 else None
            yield Noted(notes.reusing(self.source.kept, self.last[self.epoch].seconds, learning))
        if words := self.job.precision.words:
            yield Noted(words)

    def save(self, *, now: bool = False) -> Iterator[Event]:
        """Put best and last on disk. A disk that takes nothing is told of, and with `now` tried until it does."""
        told = False
        while True:
            try:
                yield from self._write()
                return
            except RunError as error:
                if not told:
                    yield Hindered(error.what, error.remedy)
                told = True
                if not now:
                    return
                if self.keeper.folder is None or not self.keeper.folder.is_dir():
                    raise
            time.sleep(_TRY_AGAIN)

    def _write(self) -> Sequence[Event]:
        if self.keeper.folder is None or self._update is None:
            return []
        sums, best = self._sums, self.keeper.best
        where = state.State(
            self.epoch,
            self.step,
            self.schedule.steps_per_epoch,
            self.thaws,
            self.schedule.applied,
            (sums.count, a_number(float(sums.loss), self.epoch), float(sums.right)),
            best and (best[0], -best[1], self.keeper.best_epoch),
            self.seconds_training,
            self.images,
            self._update.pieces,
            self.told,
            self.seconds,
            state.optimizer_numbers(self._update.rule),
            self.seals.held,
            self.seals.changed,
        )
        tensors = state.optimizer_tensors(self._update.rule) | state.average_tensors(self._update.average)
        return self.keeper.write(tensors, where.metadata())

    @property
    def source(self) -> Source:
        """Where the batches come from at present."""
        return self.sources[self.depth or 0]

    @property
    def _lr(self) -> float:
        return rates.rate(self.schedule.recipe, self.step, self.schedule.steps, self._drops)

    def _validate(self, seconds: float) -> Iterator[Event]:
        """Measure the model on the held-back pictures, after so many seconds of updates."""
        sums = self._sums.over(self.job.world)
        assert self._update is not None
        with self._update.measuring(), self._threads():
            event, frame = validated(self.job, self.source, sums, self.epoch, self.step, self._lr, seconds)
            if self.keeper.consider(self.epoch, event.val_accuracy, event.val_loss or 0.0, frame):
                self.best = event
        self.last[self.epoch] = event
        if self._over:
            self.images += sums.count
            self._sums, self.seconds = Sums(), 0.0
        yield event
        if self.job.split.vitals is not None:
            yield self.job.split.vitals.measured(self.epoch, self.step, frame, seconds)
        with self._update.measuring():
            pinned = list(tried(self.job, self.keeper.folder, self.epoch))
        yield from pinned

    def proven(self) -> Iterator[Proven]:
        """The freeze proof, if anything ever learnt."""
        if self.thaws:
            yield self.seals.proven(self.keeper.kept)

    def finished(self, seconds: float) -> Finished:
        """How it ended."""
        pace = (self.images + self._sums.count) / max(self.seconds_training, 1e-9) if self.best else None
        return finished(self.stopped, self.epoch if self.last else 0, self.best, pace, seconds, self.early)
