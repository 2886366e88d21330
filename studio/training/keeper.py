"""Which weights to keep: the best so far in memory, and both best and last on disk now and then."""

import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd
import torch
from torch import nn

from studio.errors import RunError
from studio.training.checkpoint import Card, save
from studio.training.events import Saved
from studio.workspace import write_text

INTERVAL = 20.0  # seconds; an epoch can be shorter than the time that a safe write takes


@dataclass
class Keeper:
    """Keeps the weights with the best validation accuracy (the lower loss, where two are equal)."""

    model: nn.Module
    card: Card
    folder: Path | None
    best: tuple[float, float] | None = None
    best_epoch: int = 0
    _state: dict[str, torch.Tensor] = field(default_factory=dict)
    _frame: pd.DataFrame | None = None
    _unsaved: bool = False
    _saved_at: float = field(default_factory=time.monotonic)

    def consider(self, epoch: int, accuracy: float, loss: float, frame: pd.DataFrame) -> bool:
        """Take note of an epoch's weights and predictions; True if they are the best so far."""
        self.card = replace(self.card, epoch=epoch, val_accuracy=accuracy)
        if self.best is not None and (accuracy, -loss) <= self.best:
            return False
        self.best, self.best_epoch, self._frame, self._unsaved = (accuracy, -loss), epoch, frame, True
        for name, tensor in self.model.state_dict().items():
            if name in self._state:
                self._state[name].copy_(tensor)
            else:
                self._state[name] = tensor.detach().clone()
        return True

    def write(self, *, now: bool = False) -> list[Saved]:
        """Put on disk what is not there yet, if `now` or if the last time is an interval ago."""
        if self.folder is None or self.best is None or (not now and time.monotonic() - self._saved_at < INTERVAL):
            return []
        saved = []
        if self._unsaved:
            best = replace(self.card, epoch=self.best_epoch, val_accuracy=self.best[0])
            save(self.folder / "best.safetensors", self._state, best)
            if self._frame is not None:
                write_text(self.folder / "predictions.json", self._frame.to_json(orient="split", index=False) or "")
            saved.append(Saved("best", "best.safetensors", self.best_epoch))
        save(self.folder / "last.safetensors", self.model.state_dict(), self.card)
        saved.append(Saved("last", "last.safetensors", self.card.epoch))
        self._unsaved, self._saved_at = False, time.monotonic()
        return saved

    def rescue(self) -> None:
        """`write` for a run that goes down: why it does must not be hidden by a disk that takes nothing either."""
        with suppress(RunError, OSError):
            self.write(now=True)
