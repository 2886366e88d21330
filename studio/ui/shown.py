"""Pictures as training varies them: the same bytes, by the same seed, variation and place in training."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st

from studio.augment.geometry import Geometry
from studio.augment.mix import Mixture, mixed, mixture, words
from studio.augment.pipeline import Moment, Pipeline
from studio.data.dataset import Dataset
from studio.data.picture import open_image
from studio.model.catalogue import card
from studio.recipe import Recipe
from studio.ui import pictures
from studio.ui.state import workspace

BATCH_SHOWN = 6


@dataclass(frozen=True)
class Shown:
    """A recipe's pipeline over a dataset. `rows` has n, path, label, split and `turn`: its place in training.

    A held-back picture, which training never varies, has its place in the dataset as its `turn`.
    """

    dataset: Dataset
    recipe: Recipe
    rows: pd.DataFrame
    geometry: Geometry
    pipeline: Pipeline

    @classmethod
    def of(cls, dataset: Dataset, recipe: Recipe) -> "Shown":
        """What training would show of `dataset` by `recipe`. Raises RecipeError where it has no such pipeline."""
        rows = _turns(dataset.fingerprint, dataset, recipe.data.val_share, recipe.seed)
        geometry = shape(recipe)
        return cls(dataset, recipe, rows, geometry, Pipeline(recipe.augment, geometry.size))

    def base(self, n: int) -> np.ndarray:
        """Picture `n` of the dataset as the square that is kept of it. Raises PictureError."""
        path = self.dataset.root / self.dataset.samples[n].path
        changed = path.stat().st_mtime_ns if path.is_file() else 0
        return _base(str(path), changed, self.geometry)

    def is_learnt_from(self, n: int) -> bool:
        """Whether training varies this picture at all."""
        return self.rows["split"].iat[n] == "train"

    def variant(self, n: int, epoch: int) -> np.ndarray:
        """Picture `n` as `epoch` shows it: uint8 (size, size, 3), the very bytes. Raises PictureError."""
        return self.pipeline.apply(self.base(n), *self._roll(n, epoch))

    def trace(self, n: int, epoch: int) -> list[Moment]:
        """What each step does to picture `n` in `epoch`. Raises PictureError."""
        return self.pipeline.trace(self.base(n), *self._roll(n, epoch))

    def _roll(self, n: int, epoch: int) -> tuple[int, int, int]:
        return self.recipe.seed, self.recipe.augment.variation(epoch), int(self.rows["turn"].iat[n])

    def batch(self, epoch: int) -> list[tuple[int, np.ndarray, str]]:
        """The first pictures of an epoch's first batch: the number of each, what is learnt from, and what that is.

        Raises PictureError.
        """
        learnt = np.flatnonzero(self.rows["split"].to_numpy() == "train")
        order = np.random.default_rng((self.recipe.seed, epoch)).permutation(len(learnt))
        steps = -(-len(learnt) // self.recipe.schedule.batch_size)
        batch = learnt[np.array_split(order, steps)[0]]
        size, seed = self.geometry.size, self.recipe.seed
        how = mixture(self.recipe.augment, len(batch), size, seed, epoch, 0)
        own = list(range(min(BATCH_SHOWN, len(batch))))
        if how is None:
            return [(int(batch[i]), self.variant(int(batch[i]), epoch), self._label(batch[i])) for i in own]
        needed = list(dict.fromkeys([*own, *(int(how.partners[i]) for i in own)]))
        among = {place: number for number, place in enumerate(needed)}
        partners = np.array([among[int(how.partners[i])] if i in own else among[i] for i in needed])
        some = Mixture(partners, how.share, how.box)
        squares = np.stack([self.variant(int(batch[i]), epoch) for i in needed])
        said = words([self._label(batch[i]) for i in needed], some)
        return [(int(batch[i]), picture, said[i]) for i, picture in zip(own, mixed(squares, some), strict=False)]

    def _label(self, n: int) -> str:
        return self.dataset.samples[int(n)].label


def shape(recipe: Recipe) -> Geometry:
    """How a run of this recipe turns pictures into squares."""
    return Geometry.of(card(recipe.model.backbone, workspace()).config, recipe.model.image_size)


@st.cache_resource(max_entries=8, show_spinner=False)
def _turns(fingerprint: str, _dataset: Dataset, val_share: float, seed: int) -> pd.DataFrame:
    rows = pictures.divided(_dataset, val_share, seed)
    learnt = rows["split"] == "train"
    return rows.assign(turn=np.where(learnt, learnt.cumsum() - 1, rows["n"]))


@st.cache_resource(max_entries=48, show_spinner=False)
def _base(path: str, changed: int, geometry: Geometry) -> np.ndarray:
    return geometry.base(open_image(Path(path), at_least=geometry.base_size))
