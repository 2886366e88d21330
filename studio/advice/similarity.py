"""How much pictures are like those that a backbone was pretrained on, measured, without having those.

A network with BatchNorm carries along the mean and the spread that each of its channels had in pretraining. How far
one's own pictures are from those tells how unlike they are. Schneider et al. 2020, "Improving robustness against common
corruptions by covariate shift adaptation", measure a shift so: by the Wasserstein distance between two normal
distributions. A network without such statistics is asked how much of what colours do not tell its features do.
"""

import math
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import numpy as np
import torch
from torch import nn

from studio.advice.audition import Audition
from studio.advice.facts import Similarity
from studio.model.stages import evaluating
from studio.training.eye import Eye
from studio.training.loader import to_input

PICTURES = 48  # that are looked at
# The distance at which the score is one half. Measured with tf_efficientnet_lite0: photographs of cats and dogs 0.27,
# crops of two other photographs 0.30; scanned digits 0.77, cloth 0.76; noise 0.87.
_HALF = 0.5
_FARTHEST = 3.0  # a channel counts no further than this: a dead one that wakes would outweigh all others


def similarity(eye: Eye, squares: np.ndarray, audition: Audition) -> Similarity:
    """Of squares uint8 (n, size, size, 3) to the pretraining of the eye's network, which must be as it was built."""
    distance = shift(eye, squares)
    if distance is not None:
        return Similarity(1 / (1 + (distance / _HALF) ** 2), "statistics", len(squares), distance)
    best, plain = audition.heard[0].accuracy, max(audition.baseline.accuracy, audition.common)
    return Similarity(max(0.0, (best - plain) / max(1 - plain, 1e-9)), "skill", audition.pictures)


@torch.no_grad()
def shift(eye: Eye, squares: np.ndarray) -> float | None:
    """How far the channels before BatchNorms are from where they were in pretraining, in standard deviations.

    The root mean square over a layer's channels, in the middle one of the layers; None where there are no statistics.
    """
    norms = [module for module in eye.model.modules() if _has_statistics(module)]
    if not norms:
        return None
    with ExitStack() as watching:
        sums = [watching.enter_context(_summing(norm)) for norm in norms]
        watching.enter_context(evaluating(eye.model))
        for first in range(0, len(squares), eye.at_once):
            part = torch.from_numpy(squares[first : first + eye.at_once])
            eye.model(to_input(part, eye.geometry, eye.world.device))
    found = [_distance(norm, own) for norm, own in zip(norms, sums, strict=True) if own.count]
    return float(np.median(found))


def _has_statistics(module: nn.Module) -> bool:
    return isinstance(module, nn.modules.batchnorm._BatchNorm) and module.running_mean is not None


class _Sums:
    """What went into a norm, summed up channel by channel."""

    def __init__(self) -> None:
        self.count = 0
        self.total: torch.Tensor | float = 0.0
        self.squares: torch.Tensor | float = 0.0

    def add(self, given: torch.Tensor) -> None:
        numbers = given.double().transpose(0, 1).flatten(1)  # (channels, n)
        self.count += numbers.shape[1]
        self.total = self.total + numbers.sum(dim=1)
        self.squares = self.squares + (numbers**2).sum(dim=1)


@contextmanager
def _summing(norm: nn.Module) -> Iterator[_Sums]:
    sums = _Sums()
    hook = norm.register_forward_pre_hook(lambda _, given: sums.add(given[0]))
    try:
        yield sums
    finally:
        hook.remove()


def _distance(norm: nn.Module, sums: _Sums) -> float:
    """The distance of one layer, in its channels' own standard deviations."""
    assert isinstance(norm, nn.modules.batchnorm._BatchNorm)
    assert norm.running_mean is not None and norm.running_var is not None
    spread = (norm.running_var.double() + norm.eps).sqrt()
    mean = torch.as_tensor(sums.total) / sums.count
    own = (torch.as_tensor(sums.squares) / sums.count - mean**2).clamp_min(0).sqrt()
    moved = ((mean - norm.running_mean.double()) / spread).square() + (own / spread - 1).square()
    return math.sqrt(float(moved.clamp_max(_FARTHEST**2).mean()))
