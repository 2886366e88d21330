"""Test-time augmentation: several views of one picture, over which a model's probabilities are averaged.

Only views that training has shown to be safe are taken: crops within what is kept of every picture, and mirror images
where the run's own pipeline mirrored. A model that learnt from digits is never shown one in a mirror.
"""

import numpy as np

from studio.augment.geometry import Geometry
from studio.augment.pipeline import effective
from studio.recipe import AugmentChoice

_FLIPS = {"HorizontalFlip": ("left-right",), "VerticalFlip": ("top-bottom",), "D4": ("left-right", "top-bottom")}


def flips(choice: AugmentChoice) -> tuple[str, ...]:
    """The mirror images that a model which learnt by this choice has met: left-right, top-bottom, both or none."""
    met = {flip for step in effective(choice) for flip in _FLIPS.get(step.transform, ())}
    return tuple(sorted(met))


def views(base: np.ndarray, geometry: Geometry, flips: tuple[str, ...] = ()) -> np.ndarray:
    """A base picture, uint8 (b, b, 3), as uint8 (n, size, size, 3): the centre first, then what else is safe.

    The four corners, where more is kept of a picture than the model sees, and mirror images of all of these.
    """
    size, room = geometry.size, geometry.base_size - geometry.size
    corners = [(top, left) for top in (0, room) for left in (0, room)] if room else []
    plain = [geometry.centre(base), *(base[top : top + size, left : left + size] for top, left in corners)]
    found = np.stack(plain)
    if "left-right" in flips:
        found = np.concatenate([found, found[:, :, ::-1]])
    if "top-bottom" in flips:
        found = np.concatenate([found, found[:, ::-1]])
    return np.ascontiguousarray(found)
