"""Taking a plain frame off a picture, so that what is inside it can be looked at by itself."""

import numpy as np
from PIL import Image

_ALIKE = 24  # a pixel belongs to the frame if no channel differs by more than this, of 255
_NEARLY_ALL = 0.97  # of a line's pixels belong to the frame; JPEG leaves a few that do not
_DEEPEST = 0.4  # of the side: a frame is never deeper than this
_LEAST = 32  # pixels that must be left on a side


def trim(image: Image.Image) -> Image.Image:
    """The picture without its plain frame: lines of one colour along all four edges. Without one it stays as it is.

    A line or two more go with the frame, as compression blurs its edge.
    """
    pixels = np.asarray(image.convert("RGB"), np.int16)
    height, width = pixels.shape[:2]
    top, bottom = _depth(pixels), _depth(pixels[::-1])
    inner = pixels[top : height - bottom].transpose(1, 0, 2)
    left, right = _depth(inner), _depth(inner[::-1])
    thin = max(2, min(height, width) // 100)
    if min(top, bottom, left, right) < thin:
        return image
    top, bottom, left, right = (depth + 1 + min(height, width) // 100 for depth in (top, bottom, left, right))
    if height - top - bottom < _LEAST or width - left - right < _LEAST:
        return image
    return image.crop((left, top, width - right, height - bottom))


def _depth(pixels: np.ndarray) -> int:
    """How many lines (height, width, 3), from the first on, are of the first one's colour."""
    lines = pixels[: int(len(pixels) * _DEEPEST)]
    if not len(lines):
        return 0
    near = (np.abs(lines - np.median(lines[0], axis=0)) <= _ALIKE).all(axis=2).mean(axis=1) >= _NEARLY_ALL
    return len(near) if near.all() else int(np.argmin(near))
