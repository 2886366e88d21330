"""Progress: the events of a run, folded. Every view of a run is made from this."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

import pandas as pd

from studio.recipe import FreezePlan, Recipe
from studio.runs import pace, shown
from studio.runs.curve import Curve
from studio.runs.sentence import sentence
from studio.training.events import (
    Event,
    Failed,
    Finished,
    Hindered,
    Looked,
    Noted,
    Paused,
    Predicted,
    Prepared,
    Proven,
    Resumed,
    Saved,
    Spent,
    Started,
    Steered,
    Stepped,
    Thawed,
    Tried,
    Validated,
    Warned,
)

Status = Literal[
    "created", "preparing", "training", "paused", "stopping", "finished", "stopped", "failed", "interrupted"
]

_LIVE = ("preparing", "training", "paused", "stopping")


@dataclass
class Progress:
    """How far a run is. Accuracies are fractions from 0 to 1, durations are seconds.

    `planned_lr` is the recipe's highest learning rate; `stepped` is thinned. `idle` are the times when nobody trained
    (paused, interrupted, ended and taken up again), each by its end and its seconds; `began` and `latest` are the
    times of its first and last event, `plan` what was planned to thaw, and when.
    """

    status: Status = "created"
    sentence: str = "Not started yet."
    epochs: int = 0
    epoch: int = 0
    step: int = 0
    steps: int = 0
    planned_lr: float = 0.0
    share_done: float = 0.0
    seconds: float = 0.0
    seconds_left: float | None = None
    images_per_second: float | None = None
    best_epoch: int | None = None
    val_accuracy: float | None = None
    checkpoint: str | None = None
    started: Started | None = None
    looked: Looked | None = None
    predicted: Predicted | None = None
    spent: Spent | None = None
    proven: Proven | None = None
    finished: Finished | None = None
    failure: Failed | None = None
    thaws: list[Thawed] = field(default_factory=list)
    steered: list[Steered] = field(default_factory=list)
    pauses: list[Paused | Resumed] = field(default_factory=list)
    hindered: Hindered | None = None
    tried: list[Tried] = field(default_factory=list)
    idle: list[tuple[float, float]] = field(default_factory=list)
    warnings: list[Warned] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    validated: list[Validated] = field(default_factory=list)
    best: Validated | None = None
    stepped: Curve = field(default_factory=Curve)
    preparing: Prepared | None = None
    began: float | None = None
    latest: float = 0.0
    plan: FreezePlan = field(default_factory=FreezePlan)

    @property
    def is_live(self) -> bool:
        """Whether somebody is working on the run now."""
        return self.status in _LIVE

    @property
    def steps_per_epoch(self) -> int:
        """Steps that an epoch has; 1 while that is not known."""
        told = self.looked or self.started
        return told.steps_per_epoch if told else 1

    @property
    def lr(self) -> float:
        """The highest learning rate as it holds now."""
        return next((change.lr for change in reversed(self.steered) if change.lr), self.planned_lr)

    @property
    def history(self) -> pd.DataFrame:
        """A row an epoch: epoch, step, {train,val}_{loss,accuracy}, lr, images_per_second, seconds."""
        return shown.frame(self.validated, Validated)

    @classmethod
    def of(
        cls, events: Sequence[Event], recipe: Recipe, *, held: bool, stop_requested: bool = False, damaged: int = 0
    ) -> "Progress":
        """Fold `events`. `held` says whether a process is training the run at this moment."""
        progress = cls.begun(recipe)
        for event in events:
            progress.add(event)
        return progress.seen(held=held, stop_requested=stop_requested, damaged=damaged)

    @classmethod
    def begun(cls, recipe: Recipe) -> "Progress":
        """Nothing has happened yet."""
        return cls(epochs=recipe.schedule.epochs, planned_lr=recipe.optimizer.lr, plan=recipe.freeze)

    def copy(self) -> "Progress":
        """As it is now, whatever is added later."""
        lists = {part.name: list(value) for part in fields(self) if isinstance(value := getattr(self, part.name), list)}
        return replace(self, stepped=self.stepped.copy(), **lists)

    def seen(self, *, held: bool, stop_requested: bool = False, damaged: int = 0) -> "Progress":
        """This, with what follows from it and from whether somebody trains the run."""
        if damaged:
            self.warnings.append(Warned(f"{damaged} lines of this run's history could not be read."))
        self.status = self._status(held, stop_requested)
        self.sentence = sentence(self)
        self.seconds = pace.seconds(self, self.latest)
        self.share_done = pace.share_done(self)
        self.seconds_left = pace.seconds_left(self)
        return self

    @property
    def has_ended(self) -> bool:
        """Whether the last life of the run came to an end, good or bad."""
        return self.finished is not None or self.failure is not None

    def add(self, event: Event) -> None:
        """Take in what happened next."""
        self.began = event.at if self.began is None else self.began
        if isinstance(event, Resumed):
            paused = self.pauses[-1] if self.pauses else None
            since = paused.at if isinstance(paused, Paused) else self.latest if event.again else event.at
            self.idle.append((event.at, max(event.at - since, 0.0)))
        self._add(event)
        self.latest = event.at

    def _undo(self, step: int) -> None:
        """Go back to where the run stood after `step` updates: what came later happens again."""
        self.finished = self.failure = self.preparing = self.hindered = self.proven = self.spent = None
        self.stepped.undo(step)
        self.validated = [event for event in self.validated if event.step <= step]
        self.thaws = [event for event in self.thaws if event.step < step]
        self.steered = [event for event in self.steered if event.step < step]
        epochs = {event.epoch for event in self.validated}
        self.tried = [event for event in self.tried if event.epoch in epochs]
        self.pauses = [event for event in self.pauses if event.step <= step]
        best = self.best = max(self.validated, key=_merit, default=None)
        self.val_accuracy, self.best_epoch = (best.val_accuracy, best.epoch) if best else (None, None)
        self.step = step

    def _add(self, event: Event) -> None:
        match event:
            case Started():
                self.started, self.epochs = event, event.epochs
                self.steps = self.epochs * self.steps_per_epoch
            case Looked():
                self.looked = event
                self.steps = self.epochs * self.steps_per_epoch
            case Prepared():
                self.preparing = event
            case Thawed():
                self.thaws.append(event)
                self.preparing = None
            case Stepped():
                self.stepped.add(event)
                self.epoch, self.step, self.preparing = event.epoch, event.step, None
                self.images_per_second = event.images_per_second or self.images_per_second
            case Steered():
                self.steered.append(event)
                self.epochs = event.epochs or self.epochs
                self.steps = self.epochs * self.steps_per_epoch
            case Paused():
                self.pauses.append(event)
                self.epoch, self.step = event.epoch, event.step
            case Resumed():
                self.pauses.append(event)
                if event.again:
                    self.epoch = event.epoch
                    self._undo(event.step)
            case Hindered():
                self.hindered = event
            case Tried():
                self.tried.append(event)
            case Validated():
                if self.validated and self.validated[-1].epoch == event.epoch:
                    self.validated.pop()  # an epoch that was stopped half-way, and then went on
                self.validated.append(event)
                self.epoch, self.step, self.preparing = event.epoch, event.step, None
                self.images_per_second = event.images_per_second
                if self.best is None or _merit(event) > _merit(self.best):
                    self.best, self.val_accuracy, self.best_epoch = event, event.val_accuracy, event.epoch
            case Saved():
                self.hindered = None
                self.checkpoint = event.path if event.which == "best" or self.checkpoint is None else self.checkpoint
            case Warned():
                self.warnings.append(event)
            case Noted() if event.sentence not in self.notes:
                self.notes.append(event.sentence)
            case Predicted():
                self.predicted = event
            case Spent():
                self.spent = event
            case Proven():
                self.proven = event
            case Finished():
                self.finished, self.val_accuracy, self.best_epoch = event, event.val_accuracy, event.best_epoch
                self.images_per_second = event.images_per_second
            case Failed():
                self.failure = self.failure or event  # under torchrun the others fail because the first did

    def _status(self, held: bool, stop_requested: bool) -> Status:
        if self.failure:
            return "failed"
        if self.finished:
            return "stopped" if self.finished.stopped else "finished"
        if not held:
            return "created" if self.began is None else "interrupted"
        if stop_requested:
            return "stopping"
        if self.pauses and isinstance(self.pauses[-1], Paused):
            return "paused"
        return "training" if self.thaws and self.preparing is None else "preparing"

    def as_dict(self) -> dict[str, Any]:
        """What a watching page needs, safe for JSON and under 50 kB however long the run is."""
        return shown.as_dict(self)


def _merit(epoch: Validated) -> tuple[float, float]:
    """What makes an epoch's weights the ones to keep: accuracy, and where two are equal the lower loss."""
    return epoch.val_accuracy, -(epoch.val_loss or 0.0)
