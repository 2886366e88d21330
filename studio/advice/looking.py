"""What an advisor looks at beside the auditions: how alike pictures are to the pretraining, and what a mirror does."""

from collections import Counter
from collections.abc import Mapping

import numpy as np

from studio.advice.audition import Audition
from studio.advice.facts import Mirrored, Similarity
from studio.advice.sample import copies, in_order, labels_of
from studio.advice.similarity import PICTURES, similarity
from studio.data.dataset import Dataset, Sample
from studio.errors import DataError
from studio.recipe import Recipe
from studio.training.embed import embed
from studio.training.eye import Eye
from studio.training.loader import Pictures
from studio.training.prepare import load_data
from studio.training.probe import in_folds, judge, wilson
from studio.workspace import Workspace

_ASKED = 160  # pictures that are mirrored
_TOLD = 0.6  # skill of a probe below which it cannot say whether a mirror changes the class


def beside(
    recipe: Recipe, workspace: Workspace, audition: Audition
) -> tuple[Mapping[str, int], Similarity, Mirrored | None]:
    """Pictures to learn from by class, their likeness to the pretraining, and what mirroring them does.

    The last is None where the backbone cannot tell the classes apart well enough to say. What the audition saw of the
    pictures is taken from the shelf. Raises DataError where none opens.
    """
    dataset = load_data(recipe, workspace)
    train = dataset.split("train")
    counts = Counter(sample.label for sample in train)
    some = in_order(train, recipe.seed)[: max(audition.pictures, PICTURES)]
    eye = Eye.of(recipe.amended({"head": {}}), len(dataset.classes), looks=len(some))
    places, matrix = _embedded(dataset, some, workspace, eye)
    if not len(places):
        raise DataError("None of these pictures can be opened.", "Run the check to see why.", dataset.root)
    seen = [some[place] for place in places.tolist()]
    folds = in_folds(labels_of(dataset, seen), copies(dataset, seen), recipe.seed)
    rows = np.flatnonzero(folds == 0)[:_ASKED]
    rows = rows if len(rows) >= 4 else np.arange(len(seen))
    squares = _squares(dataset, [seen[row] for row in rows.tolist()], eye)
    alike = similarity(eye, squares[:PICTURES], audition)
    mirrored = _mirrored(dataset, seen, matrix, folds, rows, squares, eye, audition)
    return {name: counts[name] for name in dataset.classes}, alike, mirrored


def _mirrored(
    dataset: Dataset,
    seen: list[Sample],
    matrix: np.ndarray,
    folds: np.ndarray,
    rows: np.ndarray,
    squares: np.ndarray,
    eye: Eye,
    audition: Audition,
) -> Mirrored | None:
    """How many of these rows, told right by a probe that learnt from the other folds, are no longer so in a mirror."""
    best = audition.heard[0].accuracy
    taught = folds != folds[rows[0]]
    if (
        (best - audition.common) / max(1 - audition.common, 1e-9) < _TOLD
        or len(squares) < len(rows)
        or not taught.any()
    ):
        return None
    labels = labels_of(dataset, seen)
    tell = judge(matrix[taught], labels[taught], len(dataset.classes))
    known = np.flatnonzero(tell(matrix[rows]).argmax(axis=1) == labels[rows])
    if not len(known):
        return None
    flipped = eye.features(np.ascontiguousarray(squares[known, :, ::-1]))
    changed = int((tell(flipped).argmax(axis=1) != labels[rows][known]).sum())
    return Mirrored(len(known), changed, *wilson(changed, len(known)))


def _embedded(dataset: Dataset, samples: list[Sample], workspace: Workspace, eye: Eye) -> tuple[np.ndarray, np.ndarray]:
    looking = embed(dataset, samples, workspace.cache, eye=eye)
    while True:
        try:
            next(looking)
        except StopIteration as end:
            return end.value


def _squares(dataset: Dataset, samples: list[Sample], eye: Eye) -> np.ndarray:
    """Those that open, as the network sees them: uint8 (n, size, size, 3)."""
    parts = [part.numpy() for part in Pictures(dataset, samples, eye.geometry).walk()]
    size = eye.geometry.size
    return np.concatenate(parts) if parts else np.zeros((0, size, size, 3), np.uint8)
