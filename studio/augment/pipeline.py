"""The pipeline: a base picture in, the picture the model sees out; exact for a given seed, epoch and index.

Training and preview call the same `apply`, so the preview shows the very bytes the model is trained on. The random
state is set for every picture from (seed, epoch, index): albumentations on its own repeats augmentations across
workers and epochs.
"""

import threading

import numpy as np

from studio.augment.presets import PRESETS, refuse_successor, steps
from studio.errors import RecipeError


class Pipeline:
    """A preset at one picture size. Safe to share between threads: each thread has transforms of its own.

    Raises RecipeError for a preset there is not, StudioError where another library stands in albumentations' place.
    """

    def __init__(self, preset: str, size: int) -> None:
        if preset not in PRESETS:
            raise RecipeError(f"There is no augmentation preset {preset!r}.", f"Choose one of {', '.join(PRESETS)}.")
        refuse_successor()
        self.preset, self.size = preset, size
        self._own = threading.local()

    @property
    def varies(self) -> bool:
        """Whether the same picture can come out differently from one epoch to the next."""
        return self.preset != "none"

    def apply(self, base: np.ndarray, seed: int, epoch: int, index: int) -> np.ndarray:
        """One base picture, uint8 (b, b, 3) with b >= size, as uint8 (size, size, 3)."""
        compose = getattr(self._own, "compose", None)
        if compose is None:
            import albumentations as A

            compose = self._own.compose = A.Compose(steps(self.preset, self.size))
        if self.varies:
            compose.set_random_seed(int(np.random.SeedSequence((seed, epoch, index)).generate_state(1)[0]))
        return np.ascontiguousarray(compose(image=base)["image"])
