"""What the model sees of one picture: the numbers it is given, and a picture of them."""

from dataclasses import dataclass

import numpy as np
import torch

from studio.augment.geometry import Geometry
from studio.data.dataset import Dataset
from studio.training.loader import to_input


@dataclass(frozen=True)
class Sight:
    """`numbers` float32 (3, size, size) are the very input of the network. `picture` uint8 (size, size, 3) draws them:
    black is the lowest number that any picture can have in any channel, white the highest.
    """

    numbers: np.ndarray
    picture: np.ndarray

    @property
    def sentence(self) -> str:
        """The numbers in words."""
        size = self.numbers.shape[1]
        return (
            f"{size} × {size} × 3 numbers from {self.numbers.min():.2f} to {self.numbers.max():.2f}, on average "
            f"{self.numbers.mean():.2f}."
        )


def sight(picture: np.ndarray, geometry: Geometry) -> Sight:
    """Of a picture that a pipeline made, uint8 (size, size, 3); normalized by the function that training calls."""
    inputs = to_input(torch.from_numpy(np.ascontiguousarray(picture))[None], geometry, torch.device("cpu"))
    numbers = inputs[0].contiguous().numpy()
    mean, std = np.array(geometry.mean), np.array(geometry.std)
    low, high = (-mean / std).min(), ((1 - mean) / std).max()
    drawn = np.rint((numbers.transpose(1, 2, 0) - low) / (high - low) * 255)
    return Sight(numbers, drawn.clip(0, 255).astype(np.uint8))


def place_in_training(dataset: Dataset, path: str) -> int | None:
    """The index that training gives a picture's variations, in one process; None for one that is not learnt from.

    `dataset` is divided as the run divides it. `Pipeline.apply(base, seed, epoch, index)` then gives the very bytes.
    """
    places = (place for place, sample in enumerate(dataset.split("train")) if sample.path == path)
    return next(places, None)
