"""What may give a class away without being its subject: numbers of each picture's file, border, light and sharpness."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from studio.checks.report import Severity

Numbers = Callable[[np.ndarray], np.ndarray]
_CAMERAS = 30  # the most frequent ones, each by itself


@dataclass(frozen=True)
class Culprit:
    """Something that should not tell classes apart. `numbers` takes TRAIT (n,) to float32 (n, d).

    `words` stand before "alone tells". It is named from a skill of `least` on (0: no better than chance, 1: always
    right), as `severity`. `innocent` says how it may be all right, and is empty where it hardly can be; then, too, one
    class among many that it gives away is enough.
    """

    words: str
    numbers: Numbers
    severity: Severity
    least: float
    innocent: str = ""


def culprits(plain_frames: bool) -> tuple[Culprit, ...]:
    """All of them, those first that can least be innocent. `plain_frames`: a class is set apart by such frames."""
    pixels = "if the subject itself brings it about, all is well"
    if plain_frames:
        border = Culprit("the border", _border, "attention", 0.7)
    else:
        border = Culprit("the border", _border, "note", 0.85, "if the surroundings belong to the class, all is well")
    return (
        border,
        Culprit("the kind of file and how finely it was saved", _format, "attention", 0.8),
        Culprit("the camera that is named in the file", _camera, "attention", 0.8),
        Culprit("the size in pixels", _pixels, "note", 0.85, "if the subject's own shape decides it, all is well"),
        Culprit("the date in the file", _date, "note", 0.9, "if only the days differ and not the light, all is well"),
        Culprit("the size of the file", _bytes, "note", 0.85, pixels),
        Culprit("the sharpness", _sharpness, "note", 0.85, pixels),
        Culprit(
            "the mean colour and brightness", _colour, "note", 0.9, "if colour is what makes the class, all is well"
        ),
    )


def middle(traits: np.ndarray) -> np.ndarray:
    """What `border` is of the outermost ring, of a ring around the middle: where both tell, it is no matter of borders.

    TRAIT (n,) to float32 (n, d).
    """
    edge = traits["tile"].shape[1] // 3
    return _ring(traits["tile"][:, edge:-edge, edge:-edge])


def _border(traits: np.ndarray) -> np.ndarray:
    return _ring(traits["tile"])


def _ring(squares: np.ndarray) -> np.ndarray:
    """Mean and spread of each side's colours."""
    sides = (squares[:, 0], squares[:, -1], squares[:, :, 0], squares[:, :, -1])
    parts = [part for side in sides for part in (side.mean(axis=1), side.std(axis=1))]
    return np.concatenate(parts, axis=1).astype(np.float32)


def _format(traits: np.ndarray) -> np.ndarray:
    return _columns(traits["format"], traits["quality"], traits["mode"])


def _camera(traits: np.ndarray) -> np.ndarray:
    """Each frequent camera by a number of its own."""
    names, counts = np.unique(traits["camera"], return_counts=True)
    frequent = names[np.argsort(-counts, kind="stable")][:_CAMERAS]
    return (traits["camera"][:, None] == frequent).astype(np.float32)


def _pixels(traits: np.ndarray) -> np.ndarray:
    width, height = traits["width"].astype(np.float32), traits["height"].astype(np.float32)
    return _columns(width, height, width * height, width / np.maximum(height, 1))


def _date(traits: np.ndarray) -> np.ndarray:
    """In days, so that seconds within a session mean nothing."""
    return _columns(traits["taken"] // 86400, (traits["taken"] // 3600) % 24)


def _bytes(traits: np.ndarray) -> np.ndarray:
    pixels = np.maximum(traits["width"].astype(np.float64) * traits["height"], 1)
    return _columns(traits["bytes"], traits["bytes"] / pixels)


def _sharpness(traits: np.ndarray) -> np.ndarray:
    return _columns(traits["sharpness"])


def _colour(traits: np.ndarray) -> np.ndarray:
    return np.concatenate([traits["mean"], traits["light"]], axis=1).astype(np.float32)


def _columns(*numbers: np.ndarray) -> np.ndarray:
    return np.stack(numbers, axis=1).astype(np.float32)
