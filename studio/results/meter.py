"""The safety meter on a person's own pictures: opens some, lets a probe learn, and asks about every step."""

from collections.abc import Generator, Sequence
from pathlib import Path

import numpy as np

from studio.augment.geometry import Geometry
from studio.augment.pipeline import Pipeline
from studio.data.ahead import ahead
from studio.data.dataset import Dataset, Sample
from studio.data.picture import open_image
from studio.errors import DataError, PictureError
from studio.recipe import Recipe
from studio.results.safety import StepSafety, measure
from studio.training.embed import embed
from studio.training.eye import Eye
from studio.training.prepare import load_data
from studio.training.probe import judge
from studio.workspace import Workspace

LEARNT_FROM, ASKED_ABOUT = 60, 40  # pictures of a class at most
_MOST_LEARNT, _MOST_ASKED = 1500, 400  # and of all


def safety(recipe: Recipe, workspace: Workspace) -> Generator[str, None, tuple[list[StepSafety], list[str]]]:
    """Measure the recipe's pipeline. Yields what it is doing; returns the steps, and the paths of the pictures asked
    about, which the `examples` of a step number.

    The probe learns from pictures to learn from and is asked about held-back ones. Raises DataError where a class has
    none that open, BackboneError or WeightsError where the backbone cannot be had.
    """
    yield "Reading the folder of pictures"
    dataset = load_data(recipe, workspace)
    learnt = _some(dataset.split("train"), dataset.classes, LEARNT_FROM, _MOST_LEARNT)
    asked = _some(dataset.split("val"), dataset.classes, ASKED_ABOUT, _MOST_ASKED)
    eye = Eye.of(recipe, len(dataset.classes), looks=len(learnt) + len(asked) * 4)
    geometry = eye.geometry
    rows, features = yield from _seen(eye, dataset, learnt, workspace.cache)
    labels = _labels(dataset, [learnt[row] for row in rows.tolist()])
    if set(labels.tolist()) != set(range(len(dataset.classes))):
        raise DataError("A class has no pictures that can be opened.", "Run the check to see why.", dataset.root)
    tell = judge(features, labels, len(dataset.classes))
    paths, truth, bases = _opened(dataset, asked, geometry)
    if not bases:
        raise DataError("None of the held-back pictures can be opened.", "Run the check to see why.", dataset.root)
    pipeline = Pipeline(recipe.augment, geometry.size)
    steps = measure(pipeline, geometry, bases, truth, dataset.classes, eye.features, tell, recipe.seed)
    while True:
        try:
            done = next(steps)
        except StopIteration as end:
            return end.value, paths
        yield f"Asking about step {min(done + 1, len(pipeline.steps))} of {len(pipeline.steps)}"


def _seen(
    eye: Eye, dataset: Dataset, samples: Sequence[Sample], cache: Path
) -> Generator[str, None, tuple[np.ndarray, np.ndarray]]:
    """Which samples opened, and their features: those that a check or a run has seen already are on the shelf."""
    told = f"Looking at {len(samples)} pictures to learn the classes from"
    yield told
    looking = embed(dataset, samples, cache, eye=eye)
    while True:
        try:
            done = next(looking)
        except StopIteration as end:
            return end.value
        yield f"{told}: {done} done"


def _labels(dataset: Dataset, samples: Sequence[Sample]) -> np.ndarray:
    """Class indices, int64 (n,)."""
    index = {name: number for number, name in enumerate(dataset.classes)}
    return np.array([index[sample.label] for sample in samples], np.int64)


def _some(samples: Sequence[Sample], classes: Sequence[str], each: int, most: int) -> list[Sample]:
    """Some of every class, spread over its samples."""
    share = max(2, min(each, most // max(1, len(classes))))
    found = []
    for name in classes:
        own = [sample for sample in samples if sample.label == name]
        places = np.unique(np.linspace(0, len(own) - 1, min(share, len(own))).astype(int)) if own else []
        found += [own[place] for place in places]
    return found


def _opened(
    dataset: Dataset, samples: Sequence[Sample], geometry: Geometry
) -> tuple[list[str], np.ndarray, list[np.ndarray]]:
    """Paths, class indices int64 (n,) and base squares of those samples that open."""

    def base(sample: Sample) -> np.ndarray | None:
        try:
            return geometry.base(open_image(dataset.root / sample.path, at_least=geometry.base_size))
        except PictureError:
            return None

    found = [(sample, square) for sample, square in ahead(base, samples) if square is not None]
    labels = _labels(dataset, [sample for sample, _ in found])
    return [sample.path for sample, _ in found], labels, [square for _, square in found]
