"""A trial of a pipeline before training: every step, applied for certain, on the pictures most likely to break one."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from studio.augment.catalogue import transform
from studio.augment.pipeline import Pipeline, build
from studio.errors import RecipeError
from studio.recipe import StepChoice

_ROLLS = 2


@dataclass(frozen=True)
class Failure:
    """A step that cannot take a picture. `picture` is its name, `reason` what the transform said."""

    step: StepChoice
    picture: str
    reason: str

    @property
    def sentence(self) -> str:
        """What happened, in words."""
        title = transform(self.step.transform).title
        return f"{title} ({self.step.transform}) cannot take the picture {self.picture}: {self.reason}"

    @property
    def remedy(self) -> str:
        """What to do about it."""
        return "Take the step out, move its parameters away from their ends, or leave the picture out."


def trial(pipeline: Pipeline, pictures: Mapping[str, np.ndarray]) -> list[Failure]:
    """The failures of the pipeline's steps on base pictures by name, uint8 (b, b, 3); the first of each step.

    Each step works on what those before it leave, so a step is tried on what it is given in training.
    """
    found: dict[int, Failure] = {}
    for name, base in pictures.items():
        for roll in range(_ROLLS):
            for place, failure in _tried(pipeline, name, base, roll):
                found.setdefault(place, failure)
    return [found[place] for place in sorted(found)]


def _tried(pipeline: Pipeline, name: str, base: np.ndarray, roll: int) -> Iterator[tuple[int, Failure]]:
    picture = base
    for place, step in enumerate(pipeline.steps):
        one = build(step, pipeline.size, p=1.0)
        one.set_random_seed(roll)
        wanted = (pipeline.size, pipeline.size, 3) if transform(step.transform).crop else picture.shape
        try:
            out = one(image=picture.copy())["image"]
        except could_happen() as error:
            yield place, Failure(step, name, _plain(error))
            out = picture[: wanted[0], : wanted[1]]
        if out.shape != wanted or out.dtype != np.uint8:
            yield place, Failure(step, name, f"It comes out as {out.dtype} of shape {out.shape}.")
            return
        picture = out


def could_happen() -> tuple[type[Exception], ...]:
    """What a transform raises where it cannot take a picture."""
    import cv2

    return (cv2.error, ValueError, TypeError, LookupError, ArithmeticError, RuntimeError, AttributeError)


def _plain(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    said = lines[-1].strip() if lines else type(error).__name__
    return said if said.endswith(".") else f"{said}."


def refuse(failures: Sequence[Failure]) -> None:
    """Raises RecipeError with the first of them and the number of others, if there are any."""
    if failures:
        more = f" {len(failures) - 1} other steps fail too." if len(failures) > 1 else ""
        raise RecipeError(failures[0].sentence + more, failures[0].remedy)
