"""Every kind of pixel becomes RGB: palettes, greys of any depth, what is printed, what is transparent.

Large pictures are turned in bands, so that little more than the picture and its RGB lie in memory at once.
"""

from collections.abc import Callable, Iterator

import numpy as np
from PIL import Image

_BAND_PIXELS = 4_000_000


def rgb(image: Image.Image) -> Image.Image:
    """A loaded picture of any mode in RGB; what is transparent lies over white."""
    if image.mode.startswith(("I", "F")):
        low, high = _ends(image)
        return _in_bands(image, lambda part: _stretched(part, low, high))
    if "A" in image.getbands() or "a" in image.getbands() or "transparency" in image.info:
        return _in_bands(image, _over_white)
    return image if image.mode == "RGB" else image.convert("RGB")


def transparent(image: Image.Image) -> bool:
    """Whether any pixel of a loaded picture is not wholly opaque."""
    if image.mode in ("LA", "RGBA", "PA", "RGBa", "La"):
        low, _ = image.getchannel(len(image.getbands()) - 1).getextrema()
        return isinstance(low, int | float) and low < 255
    if "transparency" not in image.info:
        return False
    return any(image.crop(box).convert("RGBA").getchannel("A").getextrema() != (255, 255) for box in _bands(image))


def _over_white(part: Image.Image) -> Image.Image:
    layered = part.convert("RGBA")
    white = Image.new("RGBA", layered.size, (255, 255, 255, 255))
    return Image.alpha_composite(white, layered).convert("RGB")


def _stretched(part: Image.Image, low: float, high: float) -> Image.Image:
    """Grey values of any range, `low` to 0 and `high` to 255."""
    values = np.clip((_greys(part) - low) * (255.0 / (high - low)) + 0.5, 0, 255).astype(np.uint8)
    return Image.fromarray(values).convert("RGB")


def _ends(image: Image.Image) -> tuple[float, float]:
    """The darkest and the brightest value; an even grey keeps its place in 16 bits."""
    parts = (_greys(image.crop(box)) for box in _bands(image))
    ends = [(float(values.min()), float(values.max())) for values in parts]
    low, high = min(low for low, _ in ends), max(high for _, high in ends)
    return (low, high) if low < high else (0.0, 255.0 if 0 <= high <= 255 else 65535.0)


def _greys(part: Image.Image) -> np.ndarray:
    return np.nan_to_num(np.asarray(part).astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)


def _in_bands(image: Image.Image, turn: Callable[[Image.Image], Image.Image]) -> Image.Image:
    boxes = list(_bands(image))
    if len(boxes) == 1:
        return turn(image)
    seen = Image.new("RGB", image.size)
    for box in boxes:
        seen.paste(turn(image.crop(box)), box)
    return seen


def _bands(image: Image.Image) -> Iterator[tuple[int, int, int, int]]:
    """Boxes that cover the picture from top to bottom, none of them large."""
    rows = max(1, _BAND_PIXELS // image.width)
    for top in range(0, image.height, rows):
        yield 0, top, image.width, min(top + rows, image.height)
