"""Where an epoch's batches come from: whole pictures, or what the frozen part made of them.

Both say the same three things: `module` is what learns, `batches(epoch)` what it is shown, `logits()` what it says of
the validation split.
"""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import torch
from torch import nn

from studio.augment.mix import Mixture, mixed, mixture, soft
from studio.augment.pipeline import Pipeline
from studio.data.ahead import THREADS, ahead, in_turns
from studio.model.frozen import Frozen
from studio.model.graph import Boundary, Kept
from studio.model.stages import evaluating
from studio.recipe import AugmentChoice
from studio.training.loader import Pictures, batches, evenly, to_input
from studio.training.vitals import Vitals
from studio.training.world import World

Batch = tuple[Kept, torch.Tensor]


class Rows(Protocol):
    """Kept features, found by their pictures' rows."""

    def batch(self, rows: np.ndarray, view: int, device: torch.device) -> Kept: ...


class Source(Protocol):
    @property
    def module(self) -> nn.Module: ...

    @property
    def kept(self) -> int:
        """How many training pictures need not be looked at again."""
        ...

    @property
    def numbers(self) -> int:
        """Of a picture's kept features; 0 where the whole network is shown the picture."""
        ...

    def batches(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        """The epoch's batches from number `start` on."""
        ...

    def logits(self) -> torch.Tensor: ...


@dataclass
class Split:
    """The two sides of a run's data on this process, and how its epochs are cut into steps.

    `steps` and `smallest`, the fewest pictures in a batch of any process, hold once every picture was looked at.
    `vitals` watches what the network is given, and how long it waits for it. `balanced` shows all classes equally
    often. `judged` pictures are measured on at a time.
    """

    train: Pictures
    val: Pictures
    pipeline: Pipeline
    augment: AugmentChoice
    seed: int
    steps: int
    world: World
    smallest: int = 0
    vitals: Vitals | None = None
    balanced: bool = False
    judged: int = 64
    threads: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(THREADS))

    def inputs(self, pictures: torch.Tensor) -> torch.Tensor:
        inputs = to_input(pictures, self.train.geometry, self.world.device)
        if self.vitals is not None:
            self.vitals.saw(inputs, pictures)
        return inputs

    def rows(self, epoch: int, start: int = 0) -> list[np.ndarray]:
        """The epoch's batches, from number `start` on, as rows of the training pictures."""
        order = evenly(self.train.labels.numpy(), self.seed, epoch) if self.balanced else None
        return batches(len(self.train), self.steps, self.seed, epoch, order)[start:]

    def labels(self, rows: np.ndarray) -> torch.Tensor:
        return self.train.labels[torch.from_numpy(rows)].to(self.world.device, non_blocking=True)

    def shown(self, epoch: int, start: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """The epoch's inputs and labels, varied by the pipeline and mixed. A GPU has its next batches made meanwhile.

        Labels of mixed pictures are shares of each class, (n, classes); of others class indices, (n,).
        """
        on_cpu = self.world.device.type == "cpu"
        threads, most = (in_turns, 1) if on_cpu else (ahead, 2)
        batches = [(rows, self._mixture(len(rows), epoch, step)) for step, rows in self._numbered(epoch, start)]
        began = time.monotonic()
        for (rows, how), pictures in threads(lambda batch: self._pictures(*batch, epoch), batches, 1, most):
            inputs, labels = self.inputs(pictures), self._answers(rows, how)
            if self.vitals is not None:
                self.vitals.waited(time.monotonic() - began)
            yield inputs, labels
            began = time.monotonic()

    def _numbered(self, epoch: int, start: int) -> Iterator[tuple[int, np.ndarray]]:
        return enumerate(self.rows(epoch, start), start)

    def _mixture(self, count: int, epoch: int, step: int) -> Mixture | None:
        return mixture(self.augment, count, self.train.geometry.size, self.seed, epoch, step)

    def _answers(self, rows: np.ndarray, how: Mixture | None) -> torch.Tensor:
        if how is None:
            return self.labels(rows)
        shares = soft(self.train.labels.numpy()[rows], how, len(self.train.dataset.classes))
        return torch.from_numpy(shares).to(self.world.device, non_blocking=True)

    def _pictures(self, rows: np.ndarray, how: Mixture | None, epoch: int) -> torch.Tensor:
        if self.pipeline.varies:
            pictures = self.train.varied(rows, self.pipeline, self.seed, self.augment.variation(epoch), self.threads)
        else:
            pictures = self.train.centres(rows)
        return pictures if how is None else torch.from_numpy(mixed(pictures.numpy(), how))


@dataclass
class OnPictures:
    """Every step takes pictures through the whole network."""

    model: nn.Module
    split: Split
    kept: int = 0
    numbers: int = 0

    @property
    def module(self) -> nn.Module:
        return self.model

    def batches(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        for inputs, labels in self.split.shown(epoch, start):
            yield (inputs,), labels

    @torch.no_grad()
    def logits(self) -> torch.Tensor:
        with evaluating(self.model):
            found = [self.model(self.split.inputs(pictures)) for pictures in self.split.val.walk(self.split.judged)]
        return torch.cat(found).float().cpu()


@dataclass
class OnFeatures:
    """Only what lies behind the frozen boundary learns, on features: kept from one look, or made anew each epoch."""

    boundary: Boundary
    split: Split
    train: Rows | Frozen
    val: Rows

    @property
    def module(self) -> nn.Module:
        return self.boundary.rest

    @property
    def kept(self) -> int:
        return 0 if isinstance(self.train, Frozen) else len(self.split.train)

    @property
    def numbers(self) -> int:
        return self.boundary.numbers if self.kept else 0

    def batches(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        if isinstance(self.train, Frozen):
            for inputs, labels in self.split.shown(epoch, start):
                (kept,) = self.train(inputs)
                yield kept, labels
            return
        view = self.split.augment.variation(epoch) - 1 if self.split.pipeline.varies else 0
        for rows in self.split.rows(epoch, start):
            yield self.train.batch(rows, view, self.split.world.device), self.split.labels(rows)

    @torch.no_grad()
    def logits(self) -> torch.Tensor:
        everything, device = np.arange(len(self.split.val)), self.split.world.device
        chunks = np.array_split(everything, -(-len(everything) // self.split.judged))
        with evaluating(self.module):
            found = [self.module(*self.val.batch(rows, 0, device)) for rows in chunks]
        return torch.cat(found).float().cpu()
