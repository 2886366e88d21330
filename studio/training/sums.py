"""Sums over the pictures of an epoch, from which its means are made."""

import math
from dataclasses import dataclass

import torch

from studio.errors import StudioError
from studio.training.world import World


@dataclass
class Sums:
    """Sums over pictures, kept on the device until somebody asks."""

    count: int = 0
    loss: torch.Tensor | float = 0.0
    right: torch.Tensor | float = 0.0

    def add(self, other: "Sums") -> None:
        self.count, self.loss, self.right = (self.count + other.count, self.loss + other.loss, self.right + other.right)

    def over(self, world: World) -> "Sums":
        """The sums over all processes."""
        parts = world.gather((self.count, float(self.loss), float(self.right)))
        return Sums(*(sum(numbers) for numbers in zip(*parts, strict=True)))

    def means(self, epoch: int) -> tuple[float | None, float | None]:
        """Mean loss and accuracy, None where nothing was counted. Raises StudioError if the loss is not a number."""
        if not self.count:
            return None, None
        return a_number(float(self.loss) / self.count, epoch), float(self.right) / self.count


def a_number(loss: float, epoch: int) -> float:
    """`loss`, if it is finite. Raises StudioError where the weights have grown past all bounds."""
    if not math.isfinite(loss):
        raise StudioError(
            f"The loss stopped being a number in epoch {epoch}: the weights were changed too much.",
            "Start again with a lower learning rate, a tenth of this one for example.",
        )
    return loss
