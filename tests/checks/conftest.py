"""Pictures for checks: like those of the other tests, but no two of them alike."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from tests.conftest import striped


@pytest.fixture
def pictures(tmp_path: Path) -> Callable[..., Path]:
    """The factory of that name, with shapes in every picture: stripes alone are near copies of one another."""

    def make(
        classes: tuple[str, ...] = ("cat", "dog"),
        each: int = 6,
        side: int = 48,
        split: tuple[str, ...] | None = None,
        name: str = "pictures",
    ) -> Path:
        root = tmp_path / name
        for s, part in enumerate(split or ("",)):
            for c, label in enumerate(classes):
                folder = root / part / label
                folder.mkdir(parents=True, exist_ok=True)
                for i in range(each):
                    picture = Image.fromarray(scene(c, seed=1000 * s + i, side=side))
                    picture.save(folder / f"{label}-{part}{i:03}.{'png' if i % 2 == 0 else 'jpg'}")
        return root

    return make


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
