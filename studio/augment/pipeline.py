"""The pipeline: a base picture in, the picture the model sees out; exact for a given seed, epoch and index.

Training and preview call the same `apply`, so the preview shows the very bytes the model is trained on. The random
state is set for every picture from (seed, epoch, index): albumentations on its own repeats augmentations across
workers and epochs.
"""

import json
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from studio.augment.catalogue import transform
from studio.augment.parameters import complete, parameters, scaled
from studio.augment.presets import PRESETS, refuse_successor
from studio.errors import RecipeError
from studio.recipe import AugmentChoice, StepChoice

_BY_NAME = ("none", "gentle", "standard", "strong")  # kept features are found by these names since the first release
_CENTRE = StepChoice(transform="CenterCrop")


@dataclass(frozen=True)
class Moment:
    """What one step did to one picture. `picture` is uint8 (h, w, 3) after it, `applied` the numbers that chance chose.

    `seconds` is how long it took. A step that was passed over has no `applied`.
    """

    step: StepChoice
    title: str
    picture: np.ndarray
    applied: dict[str, Any]
    seconds: float

    @property
    def was_applied(self) -> bool:
        """Whether chance had it applied."""
        return bool(self.applied)


class Pipeline:
    """A choice of augmentation, or a preset by its name, at one picture size in pixels.

    Safe to share between threads: each thread has transforms of its own. `steps` are those that are applied, complete
    and scaled by the strength; a step that crops is always among them. Raises RecipeError for a preset or transform
    there is not and a parameter out of bounds, StudioError where another library stands in albumentations' place.
    """

    def __init__(self, choice: AugmentChoice | str, size: int) -> None:
        if isinstance(choice, str):
            if choice not in PRESETS:
                known = ", ".join(PRESETS)
                raise RecipeError(f"There is no augmentation preset {choice!r}.", f"Choose one of {known}.")
            choice = AugmentChoice.model_validate({"preset": choice})
        refuse_successor()
        self.choice, self.size = choice, size
        self.steps = effective(choice)
        self._own = threading.local()
        for step in self.steps if choice.preset == "custom" else ():
            build(step, size)

    @property
    def varies(self) -> bool:
        """Whether pictures come out otherwise than as their centre."""
        return any(step.transform != "CenterCrop" for step in self.steps)

    @property
    def identity(self) -> str:
        """What decides the pixels, as text: two pipelines of the same identity and size give the same bytes."""
        if self.choice.preset in _BY_NAME and self.choice.strength == 1:
            return self.choice.preset
        return json.dumps([step.model_dump(exclude={"on"}) for step in self.steps], sort_keys=True)

    def apply(self, base: np.ndarray, seed: int, epoch: int, index: int) -> np.ndarray:
        """One base picture, uint8 (b, b, 3) with b >= size, as uint8 (size, size, 3)."""
        compose = getattr(self._own, "compose", None)
        if compose is None:
            import albumentations as A

            compose = self._own.compose = A.Compose([build(step, self.size) for step in self.steps])
        if self.varies:
            compose.set_random_seed(_roll(seed, epoch, index))
        return np.ascontiguousarray(compose(image=base)["image"])

    def trace(self, base: np.ndarray, seed: int, epoch: int, index: int) -> list[Moment]:
        """What each step does of `apply` with the same arguments, in order; the last picture is what that returns."""
        watched = getattr(self._own, "watched", None)
        if watched is None:
            watched = self._own.watched = _watched([build(step, self.size) for step in self.steps])
        watched.seen = []
        if self.varies:
            watched.set_random_seed(_roll(seed, epoch, index))
        watched.at = time.perf_counter()
        watched(image=base)
        return [
            Moment(step, transform(step.transform).title, picture, applied, seconds)
            for step, (picture, applied, seconds) in zip(self.steps, watched.seen, strict=True)
        ]


def effective(choice: AugmentChoice) -> tuple[StepChoice, ...]:
    """The steps of a choice that are applied at its strength, complete, a crop among them. Raises RecipeError."""
    written = choice.steps if choice.preset == "custom" else PRESETS[choice.preset].steps
    known = [complete(step) for step in written]
    some = [scaled(step, choice.strength) for step in known if step.on] if choice.strength else []
    steps = tuple(step for step in some if step.p > 0)
    return steps if any(transform(step.transform).crop for step in steps) else (*steps, _CENTRE)


def build(step: StepChoice, size: int, p: float | None = None) -> Any:
    """The albumentations transform of a complete step, applied to a share of `p` if that is given.

    Raises RecipeError where its own schema refuses a parameter.
    """
    import albumentations as A

    try:
        return getattr(A, step.transform)(**arguments(step, size), p=step.p if p is None else p)
    except ValueError as error:
        reason = str(error).strip().splitlines()[-1].strip()
        raise RecipeError(
            f"{transform(step.transform).title} cannot be used like this: {reason}", "Change its parameters."
        ) from error


def arguments(step: StepChoice, size: int) -> dict[str, Any]:
    """What the transform of a complete step is called with, but for `p`."""
    given = {each.name: step.params[each.name] for each in parameters(step.transform)}
    given |= {each.name: (given[each.name],) * 2 for each in parameters(step.transform) if each.twice}
    if not transform(step.transform).crop:
        return given
    return given | (
        {"size": (size, size)} if step.transform == "RandomResizedCrop" else {"height": size, "width": size}
    )


def _roll(seed: int, epoch: int, index: int) -> int:
    return int(np.random.SeedSequence((seed, epoch, index)).generate_state(1)[0])


def _watched(transforms: Sequence[Any]) -> Any:
    """A Compose that remembers, in `seen`, each transform's picture, what chance chose, and the seconds it took."""
    import albumentations as A

    class Watched(A.Compose):
        seen: list[tuple[np.ndarray, dict[str, Any], float]]
        at: float

        def _track_transform_params(self, transform: Any, data: dict[str, Any]) -> None:
            took = time.perf_counter() - self.at
            self.seen.append((data["image"].copy(), dict(transform.get_applied_params()), took))
            self.at = time.perf_counter()

    return Watched(list(transforms))
