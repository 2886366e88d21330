"""Which weights to keep: the best so far in memory, and both best and last on disk now and then."""

import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd
import torch
from torch import nn

from studio.errors import RunError
from studio.training.checkpoint import Card, save
from studio.training.events import Saved
from studio.training.place import BEST, CHECKPOINT
from studio.training.state import finite
from studio.workspace import write_text

INTERVAL = 20.0  # seconds; an epoch can be shorter than the time that a safe write takes
_SHARE = 20  # times what the last write took: at most a twentieth of the time goes to writing


@dataclass
class Keeper:
    """Keeps the weights with the best validation accuracy (the lower loss, where two are equal).

    What is frozen is the model's own and not copied: of a head that learns alone, a VGG would have half a gigabyte of
    it copied after every epoch of some milliseconds.
    """

    model: nn.Module
    card: Card
    folder: Path | None
    best: tuple[float, float] | None = None
    best_epoch: int = 0
    _state: dict[str, torch.Tensor] = field(default_factory=dict)
    _frozen: frozenset[str] = frozenset()
    _shared: set[str] = field(default_factory=set)  # names of the best weights that are the model's own
    _frame: pd.DataFrame | None = None
    _unsaved: bool = False
    _took: float = 0.0
    _written_at: float = field(default_factory=time.monotonic)

    def freeze(self, names: Collection[str]) -> None:
        """From now on these tensors of the model do not change, and all others may."""
        self._frozen = frozenset(names)
        for name in self._shared - self._frozen:
            self._state[name] = self._state[name].clone()
        self._shared &= self._frozen

    def consider(self, epoch: int, accuracy: float, loss: float, frame: pd.DataFrame) -> bool:
        """Take note of an epoch's weights and predictions; True if they are the best so far."""
        self.card = replace(self.card, epoch=epoch, val_accuracy=accuracy)
        if self.best is not None and (accuracy, -loss) <= self.best:
            return False
        self.best, self.best_epoch, self._frame, self._unsaved = (accuracy, -loss), epoch, frame, True
        for name, tensor in self.model.state_dict().items():
            if name in self._frozen:
                self._state[name] = tensor
                self._shared.add(name)
            elif name in self._state:
                self._state[name].copy_(tensor)
            else:
                self._state[name] = tensor.clone()
        return True

    def go_on(self, best: tuple[float, float, int] | None) -> None:
        """What was best before the run was interrupted: accuracy, loss and epoch. Its weights are on disk already."""
        if best is not None:
            accuracy, loss, self.best_epoch = best
            self.best = (accuracy, -loss)

    @property
    def kept(self) -> Mapping[str, torch.Tensor]:
        """The best weights by name, of this life of the run; empty until there are some."""
        return self._state

    @property
    def is_due(self) -> bool:
        """Whether the last time that the disk took something is an interval ago."""
        pause = max(INTERVAL, _SHARE * self._took if INTERVAL else 0.0)
        return self.folder is not None and time.monotonic() - self._written_at >= pause

    def write(self, memory: Mapping[str, torch.Tensor], more: Mapping[str, str]) -> list[Saved]:
        """Put on disk what is not there yet: first the best, then the last weights with what a run goes on from.

        `memory` are the optimizer's tensors and `more` the place, both written beside the last weights. Weights that
        are no numbers any more are not written. Raises RunError where the disk does not take it.
        """
        if self.folder is None:
            return []
        began = time.monotonic()
        try:
            return self._write_both(self.folder, memory, more)
        finally:
            self._written_at = time.monotonic()
            self._took = self._written_at - began

    def _write_both(self, folder: Path, memory: Mapping[str, torch.Tensor], more: Mapping[str, str]) -> list[Saved]:
        saved = self._write_best(folder)
        weights = self.model.state_dict()
        if finite(weights.values()):
            save(folder / CHECKPOINT, {**weights, **memory}, self.card, more)
            saved.append(Saved("last", CHECKPOINT, self.card.epoch))
        return saved

    def _write_best(self, folder: Path) -> list[Saved]:
        if not self._unsaved or self.best is None:
            return []
        save(folder / BEST, self._state, replace(self.card, epoch=self.best_epoch, val_accuracy=self.best[0]))
        if self._frame is not None:
            _write(folder / "predictions.json", self._frame.to_json(orient="split", index=False) or "")
        self._unsaved = False
        return [Saved("best", BEST, self.best_epoch)]

    def rescue(self) -> None:
        """Write the best for a run that goes down: why it does must not be hidden by a disk that takes nothing."""
        if self.folder is not None:
            with suppress(RunError):
                self._write_best(self.folder)


def _write(path: Path, text: str) -> None:
    try:
        write_text(path, text)
    except OSError as error:
        raise RunError(
            f"The predictions cannot be written: {error.strerror}.",
            "See that the disk has room and the folder can be written.",
            path,
        ) from error
