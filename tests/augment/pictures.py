"""Odd pictures, as people have them, and the squares that a backbone of a given size sees of them."""

import io

import numpy as np
from PIL import Image

from studio.augment.geometry import Geometry
from studio.data.picture import open_image

SIZE = 32
GEOMETRY = Geometry(SIZE, 36, "bilinear", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_DOTS = np.random.default_rng(0)


def _image(name: str) -> Image.Image:
    if name == "1 x 1":
        return Image.new("RGB", (1, 1), (200, 30, 60))
    if name == "1 x 4000":
        return Image.fromarray(_DOTS.integers(0, 256, (1, 4000, 3), dtype=np.uint8))
    if name == "grey":
        return Image.fromarray(_DOTS.integers(0, 256, (40, 50), dtype=np.uint8))
    if name == "alpha":
        return Image.fromarray(_DOTS.integers(0, 256, (40, 30, 4), dtype=np.uint8))
    if name == "16 bit":
        return Image.fromarray(_DOTS.integers(0, 65536, (30, 40)).astype(np.uint16))
    return Image.new("RGB", (20, 20), name)


NAMES = ("1 x 1", "1 x 4000", "grey", "alpha", "16 bit", "black", "white")


def odd_bases(geometry: Geometry = GEOMETRY) -> dict[str, np.ndarray]:
    """Each odd picture, saved as a file and opened as any other, as a base square uint8 (base, base, 3)."""
    return {name: geometry.base(open_image(_png(name), at_least=geometry.base_size)) for name in NAMES}


def _png(name: str) -> bytes:
    file = io.BytesIO()
    _image(name).save(file, "PNG")
    return file.getvalue()
