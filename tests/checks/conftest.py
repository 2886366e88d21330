"""Pictures for checks: like those of the other tests, but no two of them alike."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from tests.conftest import folder_of, striped


@pytest.fixture
def pictures(tmp_path: Path) -> Callable[..., Path]:
    """The factory of that name, with shapes in every picture: stripes alone are near copies of one another."""
    return folder_of(scene, tmp_path)


def scene(kind: int, seed: int, side: int) -> np.ndarray:
    """Stripes of this kind behind shapes that only this picture has: (side, side, 3) uint8 RGB."""
    generator = np.random.default_rng([kind, seed, 7])
    image = Image.fromarray(striped(kind, seed, side))
    draw = ImageDraw.Draw(image)
    for number in range(8):
        x, y, width, height = generator.uniform((-0.1, -0.1, 0.15, 0.15), (0.9, 0.9, 0.5, 0.5)) * side
        shape = draw.ellipse if number % 2 else draw.rectangle
        shape((x, y, x + width, y + height), fill=tuple(generator.integers(0, 256, 3).tolist()))
    return np.asarray(image)
