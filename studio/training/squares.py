"""What a frozen backbone makes of squares that are in memory, such as varied pictures: features by the batch."""

from collections.abc import Callable

import numpy as np
import torch

from studio.augment.geometry import Geometry
from studio.errors import BackboneError
from studio.model.boundary import cut
from studio.model.frozen import Frozen
from studio.recipe import ALL_FROZEN, Recipe
from studio.training.loader import to_input
from studio.training.look import at_once
from studio.training.prepare import network
from studio.training.world import World

Embed = Callable[[np.ndarray], np.ndarray]


def embedder(recipe: Recipe, classes: int, looks: int = 1000) -> tuple[Geometry, Embed]:
    """The geometry of the recipe's backbone, and a function from uint8 (n, size, size, 3) to features float32 (n, d).

    Maps and rows of tokens are averaged over their places. `looks` is about how many pictures will be shown. Raises
    BackboneError or WeightsError where the backbone cannot be had.
    """
    world = World.join()
    model, geometry = network(recipe, classes, world)
    noise = torch.rand(3, 3, geometry.size, geometry.size, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        halves = cut(model, [ALL_FROZEN], noise.to(world.device, memory_format=torch.channels_last))
    if halves is None:
        raise BackboneError(f"{recipe.model.backbone} cannot be cut at its head.", "Choose another backbone.")
    frozen = Frozen(halves.front([ALL_FROZEN]), world.device, looks=looks)

    def embed(squares: np.ndarray) -> np.ndarray:
        found = []
        for first in range(0, len(squares), at_once(geometry.size)):
            some = torch.from_numpy(squares[first : first + at_once(geometry.size)])
            (kept,) = frozen(to_input(some, geometry, world.device))
            found.append(torch.cat([_flat(part.float()) for part in kept], dim=1).cpu().numpy())
        return np.concatenate(found)

    return geometry, embed


def _flat(part: torch.Tensor) -> torch.Tensor:
    """(n, channels, height, width) or (n, tokens, channels) as (n, channels)."""
    return part.mean(dim=(2, 3)) if part.ndim == 4 else part.mean(dim=1) if part.ndim == 3 else part
