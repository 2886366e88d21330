"""Where an epoch's batches come from: whole pictures, or the kept features of those when only the head learns.

Both say the same three things: `module` is what learns, `batches(epoch)` what it is shown, `logits()` what it says of
the validation split.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import nn

from studio.augment.pipeline import Pipeline
from studio.data.ahead import THREADS
from studio.model.stages import evaluating
from studio.training.features import Trunk
from studio.training.loader import Pictures, batches, to_input
from studio.training.world import World

Batch = tuple[torch.Tensor, torch.Tensor]
_EVAL_BATCH = 64


class Source(Protocol):
    @property
    def module(self) -> nn.Module: ...

    def batches(self, epoch: int) -> Iterator[Batch]: ...

    def logits(self) -> torch.Tensor: ...


@dataclass
class Split:
    """The two sides of a run's data on this process, and how its epochs are cut into steps.

    `steps` and `smallest`, the fewest pictures in a batch of any process, hold once every picture was looked at.
    """

    train: Pictures
    val: Pictures
    pipeline: Pipeline
    seed: int
    steps: int
    world: World
    smallest: int = 0
    threads: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(THREADS))

    def inputs(self, pictures: torch.Tensor) -> torch.Tensor:
        return to_input(pictures, self.train.geometry, self.world.device)

    def shown(self, epoch: int) -> Iterator[Batch]:
        """The epoch's inputs and labels, varied by the pipeline."""
        labels = self.train.labels
        for rows in batches(len(self.train), self.steps, self.seed, epoch):
            if self.pipeline.varies:
                pictures = self.train.varied(rows, self.pipeline, self.seed, epoch, self.threads)
            else:
                pictures = self.train.centres(rows)
            yield self.inputs(pictures), labels[torch.from_numpy(rows)].to(self.world.device)


@dataclass
class OnPictures:
    """Every step takes pictures through the whole network."""

    model: nn.Module
    split: Split

    @property
    def module(self) -> nn.Module:
        return self.model

    def batches(self, epoch: int) -> Iterator[Batch]:
        return self.split.shown(epoch)

    @torch.no_grad()
    def logits(self) -> torch.Tensor:
        with evaluating(self.model):
            found = [self.model(self.split.inputs(pictures)) for pictures in self.split.val.walk(_EVAL_BATCH)]
        return torch.cat(found).float().cpu()


@dataclass
class OnFeatures:
    """Only the head learns, on features: kept from one look where nothing is varied, else made anew each epoch."""

    trunk: Trunk
    split: Split
    train: torch.Tensor | None
    val: torch.Tensor

    @property
    def module(self) -> nn.Module:
        return self.trunk.head

    def batches(self, epoch: int) -> Iterator[Batch]:
        if self.train is None:
            for inputs, labels in self.split.shown(epoch):
                yield self.trunk(inputs), labels
            return
        labels = self.split.train.labels.to(self.train.device)
        for rows in batches(len(self.split.train), self.split.steps, self.split.seed, epoch):
            chosen = torch.from_numpy(rows).to(self.train.device)
            yield self.train[chosen], labels[chosen]

    @torch.no_grad()
    def logits(self) -> torch.Tensor:
        with evaluating(self.trunk.head):
            return self.trunk.head(self.val).float().cpu()
