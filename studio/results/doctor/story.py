"""A run's story as the doctor reads it: a row an epoch, without what a resumed run has undone."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from operator import attrgetter

import numpy as np

from studio.recipe import Recipe
from studio.training.events import Event, Failed, Looked, Measured, Resumed, Started, Steered, Stepped, Validated

_UNMEASURED = Measured(0, 0, float("nan"), float("nan"))


@dataclass
class Story:
    """The events of a run, folded. Of an epoch that was done twice the last time counts."""

    recipe: Recipe
    started: Started | None = None
    looked: Looked | None = None
    failed: Failed | None = None
    validated: list[Validated] = field(default_factory=list)
    measured: list[Measured] = field(default_factory=list)
    steered: list[Steered] = field(default_factory=list)
    _columns: dict[str, np.ndarray] = field(default_factory=dict)

    @classmethod
    def of(cls, events: Sequence[Event], recipe: Recipe) -> "Story":
        story = cls(recipe)
        for event in events:
            kind = type(event)
            if kind is Validated:
                story.validated.append(event)  # type: ignore[arg-type]
            elif kind is Measured:
                story.measured.append(event)  # type: ignore[arg-type]
            elif kind is not Stepped:  # there are many of those three
                story._add(event)
        return story

    def _add(self, event: Event) -> None:
        match event:
            case Started():
                self.started = event
            case Looked():
                self.looked = event
            case Steered():
                self.steered.append(event)
            case Failed():
                self.failed = self.failed or event
            case Resumed(again=True):
                self._undo(event.step)

    def _undo(self, step: int) -> None:
        self.failed = None
        self.steered = [change for change in self.steered if change.step <= step]
        self.validated = [event for event in self.validated if event.step <= step]
        self.measured = [event for event in self.measured if event.step <= step]

    @cached_property
    def rows(self) -> list[Validated]:
        """The epochs so far, in order."""
        return list({event.epoch: event for event in self.validated}.values())

    @cached_property
    def signs(self) -> list[Measured]:
        """What was measured in each of `rows`."""
        found = {event.epoch: event for event in self.measured}
        return [found.get(row.epoch, _UNMEASURED) for row in self.rows]

    @property
    def planned(self) -> np.ndarray:
        """How many epochs the run was to have, as each of `rows` ended."""
        first = self.started.epochs if self.started else self.recipe.schedule.epochs
        planned, steps = np.full(len(self.rows), first, float), self.column("step")
        for change in self.steered:
            if change.epochs is not None:
                planned[steps > change.step] = change.epochs
        return planned

    def column(self, name: str) -> np.ndarray:
        """A field of Validated, or else of Measured: a number an epoch, NaN where there is none."""
        if name not in self._columns:
            rows = self.rows if name in Validated.__dataclass_fields__ else self.signs
            self._columns[name] = np.array(list(map(attrgetter(name), rows)), float)
        return self._columns[name]

    @property
    def val_images(self) -> int:
        """Validation pictures; 0 while nobody knows."""
        told = self.looked or self.started
        return told.val_images if told else 0

    @property
    def train_images(self) -> int:
        told = self.looked or self.started
        return told.train_images if told else 0

    @property
    def loss_of_a_guess(self) -> float | None:
        """The loss of a model that gives every class the same chance."""
        classes = len(self.started.classes) if self.started else 0
        return float(np.log(classes)) if classes > 1 else None

    @property
    def rate_steered_in(self) -> int:
        """The last epoch in which somebody set another learning rate; 0: nobody did."""
        return max((change.epoch for change in self.steered if change.lr is not None), default=0)
