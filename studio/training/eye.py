"""A frozen backbone that only looks: pictures in, what it makes of them out."""

import time
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from studio.augment.geometry import Geometry
from studio.errors import BackboneError
from studio.model.boundary import cut
from studio.model.frozen import Frozen
from studio.model.graph import Boundary, Kept
from studio.recipe import ALL_FROZEN, Recipe
from studio.training.loader import to_input
from studio.training.look import at_once
from studio.training.prepare import network, noise
from studio.training.world import World

_TIMED = 3  # looks that the pace is timed with


@dataclass(frozen=True, eq=False)
class Eye:
    """A backbone up to a freezing boundary. `model` is the whole network, whose head has never learnt anything."""

    model: nn.Module
    geometry: Geometry
    boundary: Boundary
    front: nn.Module
    frozen: Frozen
    world: World

    @classmethod
    def of(cls, recipe: Recipe, classes: int, looks: int = 1000) -> "Eye":
        """The recipe's backbone up to its head; `looks` is about how many pictures it will be shown.

        Raises BackboneError or WeightsError where the backbone cannot be had, or cannot be cut at its head.
        """
        world = World.join()
        model, geometry = network(recipe, classes, world)
        with torch.no_grad():
            halves = cut(model, [ALL_FROZEN], noise(geometry, world))
        if halves is None:
            raise BackboneError(f"{recipe.model.backbone} cannot be cut at its head.", "Choose another backbone.")
        return cls.at(model, geometry, halves.boundaries[ALL_FROZEN], halves.front([ALL_FROZEN]), world, looks)

    @classmethod
    def at(
        cls, model: nn.Module, geometry: Geometry, boundary: Boundary, front: nn.Module, world: World, looks: int
    ) -> "Eye":
        """A network that was cut already, as far as `boundary`."""
        return cls(model, geometry, boundary, front, Frozen(front, world.device, looks=looks), world)

    @property
    def at_once(self) -> int:
        """How many squares it is best shown at a time."""
        return at_once(self.geometry.size) if self.world.device.type == "cpu" else 64

    def __call__(self, squares: np.ndarray) -> Kept:
        """What crosses the boundary for squares uint8 (n, size, size, 3): float32 tensors (n, ...)."""
        (kept,) = self.frozen(to_input(torch.from_numpy(squares), self.geometry, self.world.device))
        return kept

    def features(self, squares: np.ndarray) -> np.ndarray:
        """The same as one flat vector a square, float32 (n, d): maps and rows of tokens averaged over their places."""
        parts = [self(squares[first : first + self.at_once]) for first in range(0, len(squares), self.at_once)]
        return np.concatenate([flat(part).cpu().numpy() for part in parts])

    def pace(self, squares: np.ndarray) -> float:
        """Pictures a second that it can look at on this machine, once they are decoded: the best of a few looks.

        `squares` uint8 (n, size, size, 3) are of those that it will look at: the first ones settle how it computes, and
        what is exact enough for pictures may not be so for anything else.
        """
        squares = np.resize(squares, (self.at_once, *squares.shape[1:]))
        self(squares)
        best = float("inf")
        for _ in range(_TIMED):
            began = time.perf_counter()
            self(squares)[0].cpu()
            best = min(best, time.perf_counter() - began)
        return len(squares) / best


def flat(kept: Kept) -> torch.Tensor:
    """What crosses a boundary as one vector a picture, float32 (n, d).

    The mean over the places of a map (n, channels, height, width), over the tokens of a row (n, tokens, channels).
    """
    return torch.cat([_averaged(part.float()) for part in kept], dim=1)


def _averaged(part: torch.Tensor) -> torch.Tensor:
    return part.mean(dim=(2, 3)) if part.ndim == 4 else part.mean(dim=1) if part.ndim == 3 else part
