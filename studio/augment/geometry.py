"""From a picture of any shape to the square a backbone was made for: its size, interpolation, crop, mean and std."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

_FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
    "box": Image.Resampling.BOX,
    "hamming": Image.Resampling.HAMMING,
}


@dataclass(frozen=True)
class Geometry:
    """How a picture becomes an input, exactly as timm evaluates the backbone.

    `base_size` is the side of the square that is kept of every picture (short side resized to it, centre taken);
    `size` is what the model sees of that: its centre, or an augmentation's crop. `mean` and `std` are per channel,
    for values from 0 to 1.
    """

    size: int
    base_size: int
    interpolation: str
    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    @classmethod
    def of(cls, config: dict[str, Any], image_size: int | None = None) -> "Geometry":
        """From a timm data config (input_size, interpolation, mean, std, crop_pct), at another size if given."""
        size = image_size or config["input_size"][-1]
        return cls(
            size,
            max(size, math.floor(size / config["crop_pct"])),
            config["interpolation"],
            tuple(config["mean"]),
            tuple(config["std"]),
        )

    def base(self, picture: np.ndarray | Image.Image) -> np.ndarray:
        """A picture in RGB, (height, width, 3) uint8 if an array, as (base_size, base_size, 3) uint8."""
        image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
        width, height = image.size
        scale = self.base_size / min(height, width)
        across, down = max(self.base_size, int(width * scale)), max(self.base_size, int(height * scale))
        left, top = round((across - self.base_size) / 2), round((down - self.base_size) / 2)
        box = (
            left / across * width,
            top / down * height,
            (left + self.base_size) / across * width,
            (top + self.base_size) / down * height,
        )
        filter = _FILTERS.get(self.interpolation, Image.Resampling.BICUBIC)
        return np.asarray(image.resize((self.base_size, self.base_size), filter, box=box))

    def centre(self, base: np.ndarray) -> np.ndarray:
        """The middle (size, size, 3) of a base picture."""
        edge = (self.base_size - self.size) // 2
        return base[edge : edge + self.size, edge : edge + self.size]
