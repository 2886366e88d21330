"""Progress: the events of a run, folded. Every view of a run is made from this."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

import pandas as pd

from studio.recipe import Recipe
from studio.training.events import (
    Event,
    Failed,
    Finished,
    Looked,
    Noted,
    Prepared,
    Saved,
    Started,
    Stepped,
    Thawed,
    Validated,
    Warned,
)

Status = Literal["created", "preparing", "training", "stopping", "finished", "stopped", "failed", "interrupted"]

_LIVE = ("preparing", "training", "stopping")
_DRAWN = 400  # points a curve is thinned to before it is sent to a browser


@dataclass
class Progress:
    """How far a run is. Accuracies are fractions from 0 to 1, durations are seconds."""

    status: Status = "created"
    sentence: str = "Not started yet."
    epochs: int = 0
    epoch: int = 0
    step: int = 0
    steps: int = 0
    share_done: float = 0.0
    seconds: float = 0.0
    seconds_left: float | None = None
    images_per_second: float | None = None
    best_epoch: int | None = None
    val_accuracy: float | None = None
    checkpoint: str | None = None
    started: Started | None = None
    looked: Looked | None = None
    finished: Finished | None = None
    failure: Failed | None = None
    thaws: list[Thawed] = field(default_factory=list)
    warnings: list[Warned] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    validated: list[Validated] = field(default_factory=list)
    best: Validated | None = None
    stepped: list[Stepped] = field(default_factory=list)
    preparing: Prepared | None = None

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
    def history(self) -> pd.DataFrame:
        """A row an epoch: epoch, step, {train,val}_{loss,accuracy}, lr, images_per_second, seconds."""
        return _frame(self.validated, Validated)

    @property
    def steps_frame(self) -> pd.DataFrame:
        """A row a moment within epochs; `epoch` is a fraction: 1.5 is half-way through the second."""
        frame = _frame(self.stepped, Stepped)
        if len(frame):
            frame["epoch"] = frame["step"] / self.steps_per_epoch
        return frame

    @classmethod
    def of(
        cls, events: Sequence[Event], recipe: Recipe, *, held: bool, stop_requested: bool = False, damaged: int = 0
    ) -> "Progress":
        """Fold `events`. `held` says whether a process is training the run at this moment."""
        progress = cls(epochs=recipe.schedule.epochs)
        for event in events:
            progress._add(event)
        if damaged:
            progress.warnings.append(Warned(f"{damaged} lines of this run's history could not be read."))
        progress.status = progress._status(bool(events), held, stop_requested)
        progress.sentence = progress._sentence()
        progress._estimate(events, recipe)
        return progress

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
                self.stepped.append(event)
                self.epoch, self.step, self.preparing = event.epoch, event.step, None
                self.images_per_second = event.images_per_second or self.images_per_second
            case Validated():
                self.validated.append(event)
                self.epoch, self.step = event.epoch, event.step
                self.images_per_second = event.images_per_second
                if self.best is None or _merit(event) > _merit(self.best):
                    self.best, self.val_accuracy, self.best_epoch = event, event.val_accuracy, event.epoch
            case Saved():
                self.checkpoint = event.path if event.which == "best" or self.checkpoint is None else self.checkpoint
            case Warned():
                self.warnings.append(event)
            case Noted() if event.sentence not in self.notes:
                self.notes.append(event.sentence)
            case Finished():
                self.finished, self.val_accuracy, self.best_epoch = event, event.val_accuracy, event.best_epoch
                self.images_per_second = event.images_per_second
            case Failed():
                self.failure = self.failure or event  # under torchrun the others fail because the first did

    def _status(self, any_events: bool, held: bool, stop_requested: bool) -> Status:
        if self.failure:
            return "failed"
        if self.finished:
            return "stopped" if self.finished.stopped else "finished"
        if not held:
            return "interrupted" if any_events else "created"
        if stop_requested:
            return "stopping"
        return "training" if self.thaws and self.preparing is None else "preparing"

    def _sentence(self) -> str:
        best = "" if self.val_accuracy is None else f"{100 * self.val_accuracy:.1f} % of the held-back pictures right"
        match self.status:
            case "created":
                return "Not started yet."
            case "preparing":
                if self.preparing is None:
                    return "Getting ready."
                of = f": {self.preparing.done:,} of {self.preparing.total:,}" if self.preparing.total else ""
                return f"{self.preparing.doing}{of}."
            case "training":
                return f"Epoch {min(self.epoch or 1, self.epochs)} of {self.epochs}: {self._learning()}."
            case "stopping":
                if not self.thaws:
                    return "Stopping. Nothing was learnt yet, so there will be no weights to keep."
                return "Stopping after this step; the best weights are kept."
            case "finished":
                return f"Finished: {best}, best in epoch {self.best_epoch}."
            case "stopped":
                if not best:
                    return "Stopped when asked, before anything was learnt: there are no weights to keep."
                return f"Stopped when asked: {best}, best in epoch {self.best_epoch}."
            case "failed":
                return f"Failed: {self.failure.sentence if self.failure else ''}"
            case "interrupted":
                kept = f" The best weights so far are kept: {best}." if self.checkpoint and best else ""
                return f"Interrupted: the program that trained this run ended before it was done.{kept}"

    def _learning(self) -> str:
        thaw = self.thaws[-1]
        total = len(thaw.frozen) + len(thaw.learning)
        if not thaw.learning:
            return f"only the head is learning, all {total} stages stay frozen"
        if not thaw.frozen:
            return f"the head and all {total} stages are learning"
        return f"the head and {len(thaw.learning)} of {total} stages are learning"

    def _estimate(self, events: Sequence[Event], recipe: Recipe) -> None:
        """Share done and time left, from the pace of epochs at the present depth; none before that pace is known."""
        if events:
            self.seconds = self.finished.seconds if self.finished else events[-1].at - events[0].at
        if self.status in ("finished", "stopped"):
            self.share_done = 1.0 if self.status == "finished" else self.step / max(self.steps, 1)
            return
        self.share_done = self.step / self.steps if self.steps else 0.0
        if not self.is_live or not self.thaws or self.status == "stopping":
            return
        since = self.thaws[-1]
        first_step = (since.epoch - 1) * self.steps_per_epoch
        done, spent = self.step - first_step, events[-1].at - since.at
        more_to_thaw = recipe.freeze.strategy == "two-phase" and self.epoch <= recipe.freeze.head_epochs
        if done > 0 and not more_to_thaw:
            self.seconds_left = spent / done * max(self.steps - self.step, 0)

    def as_dict(self) -> dict[str, Any]:
        """What a watching page needs, safe for JSON and under 50 kB however long the run is."""
        history, steps = _columns(thinned(self.history)), _columns(thinned(self.steps_frame))
        return {
            "status": self.status,
            "sentence": self.sentence,
            "is_live": self.is_live,
            "device": self.started.device if self.started else None,
            "epoch": self.epoch,
            "epochs": self.epochs,
            "step": self.step,
            "steps": self.steps,
            "share_done": self.share_done,
            "seconds": self.seconds,
            "seconds_left": self.seconds_left,
            "images_per_second": self.images_per_second,
            "best_epoch": self.best_epoch,
            "val_accuracy": self.val_accuracy,
            "history": {
                name: history.get(name, [])
                for name in ("epoch", "train_loss", "val_loss", "train_accuracy", "val_accuracy", "lr")
            },
            "curve": {name: steps.get(name, []) for name in ("epoch", "train_loss", "train_accuracy")},
            "thaws": [{"epoch": thaw.epoch, "depth": thaw.depth, "learning": thaw.learning} for thaw in self.thaws],
            "warnings": [warning.sentence for warning in self.warnings[:20]],
            "notes": [note[:300] for note in self.notes[:20]],
            "failure": asdict(self.failure) if self.failure else None,
        }


def thinned(frame: pd.DataFrame, points: int = _DRAWN) -> pd.DataFrame:
    """About `points` rows at most; each stretch keeps its lowest and highest train_loss, so peaks stay."""
    if len(frame) <= points:
        return frame
    stretch = pd.Series(range(len(frame)), index=frame.index) * (points // 2) // len(frame)
    losses = frame["train_loss"].astype(float).fillna(0.0).groupby(stretch)
    return frame.loc[sorted({0, len(frame) - 1, *losses.idxmin(), *losses.idxmax()})]


def _merit(epoch: Validated) -> tuple[float, float]:
    """What makes an epoch's weights the ones to keep: accuracy, and where two are equal the lower loss."""
    return epoch.val_accuracy, -(epoch.val_loss or 0.0)


def _frame(events: Sequence[Event], kind: type[Event]) -> pd.DataFrame:
    names = [part.name for part in fields(kind)]
    return pd.DataFrame([[getattr(event, name) for name in names] for event in events], columns=names)


def _columns(frame: pd.DataFrame) -> dict[str, list[Any]]:
    rounded = frame.astype(float).round(5)
    return {str(name): [None if value != value else value for value in rounded[name]] for name in rounded}
