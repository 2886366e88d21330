"""What the preview shows and what the training loader delivers are the same bytes, through normalization."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from studio.augment.geometry import Geometry
from studio.augment.mix import preview
from studio.augment.pipeline import Pipeline
from studio.augment.presets import PRESETS
from studio.data.picture import open_picture
from studio.recipe import Recipe, StepChoice
from studio.training.loader import batches, to_input
from studio.training.prepare import load_data
from studio.training.sight import place_in_training, sight
from studio.training.sources import Split
from studio.workspace import Workspace
from tests.training.recipes import ready, tiny

CUSTOM = {
    "augment.preset": "custom",
    "augment.steps": (
        StepChoice(transform="GaussNoise", p=0.5),
        StepChoice(transform="Affine", p=0.7),
        StepChoice(transform="CoarseDropout", p=0.5, params={"fill": "random"}),
    ),
}
CHOICES = [
    *({"augment.preset": name} for name in PRESETS),
    CUSTOM,
    CUSTOM | {"augment.strength": 0.5, "augment.views": 2},
]


def job_of(recipe: Recipe, workspace: Workspace) -> tuple[Split, Geometry]:
    """The split of a run made ready, with its training pictures looked at and kept."""
    job = ready(recipe, workspace)
    job.split.train.keep = True
    list(job.split.train.look())
    return job.split, job.geometry


def ids(choice: dict) -> str:
    return f"{choice['augment.preset']}-{choice.get('augment.strength', 1)}"


@pytest.mark.parametrize("choice", CHOICES, ids=ids)
def test_preview_and_loader_give_the_same_bytes(
    pictures: Callable[..., Path], workspace: Workspace, choice: dict
) -> None:
    recipe = tiny(pictures(each=7), seed=5).amended(choice)
    split, geometry = job_of(recipe, workspace)
    dataset = load_data(recipe, workspace)
    pipeline = Pipeline(recipe.augment, geometry.size)
    for epoch in (1, 2, 3):
        rows = batches(len(split.train), split.steps, recipe.seed, epoch)
        for batch, (inputs, labels) in zip(rows, split.shown(epoch, 0), strict=True):
            for row, given, label in zip(batch, inputs, labels.tolist(), strict=True):
                sample = split.train.samples[row]
                place = place_in_training(dataset, sample.path)
                assert place is not None
                base = geometry.base(open_picture(dataset.root / sample.path, at_least=geometry.base_size))
                shown = pipeline.apply(base, recipe.seed, recipe.augment.variation(epoch), place)
                seen = sight(shown, geometry)
                assert seen.numbers.tobytes() == given.contiguous().numpy().tobytes()
                assert dataset.classes[label] == sample.label


@pytest.mark.parametrize("mix", ["mixup", "cutmix"])
def test_mixed_pictures_are_previewed_as_they_are_learnt(
    pictures: Callable[..., Path], workspace: Workspace, mix: str
) -> None:
    recipe = tiny(pictures(each=7), augment__preset="gentle", augment__mix=mix, augment__mix_alpha=1.0)
    split, geometry = job_of(recipe, workspace)
    pipeline = Pipeline(recipe.augment, geometry.size)
    everything = batches(len(split.train), split.steps, recipe.seed, 1)
    for step, (rows, (inputs, labels)) in enumerate(zip(everything, split.shown(1, 0), strict=True)):
        plain = np.stack([pipeline.apply(split.train.bases[row], 0, 1, int(split.train.places[row])) for row in rows])
        names = [split.train.samples[row].label for row in rows]
        for (picture, said), given, shares in zip(
            preview(plain, names, recipe.augment, 0, 1, step), inputs, labels, strict=True
        ):
            assert sight(picture, geometry).numbers.tobytes() == given.contiguous().numpy().tobytes()
            largest = split.train.dataset.classes[int(shares.argmax())]
            assert shares.sum() == pytest.approx(1) and (said.endswith(largest) or largest in said)


def test_an_epoch_taken_up_in_the_middle_has_the_same_batches(
    pictures: Callable[..., Path], workspace: Workspace
) -> None:
    recipe = tiny(pictures(each=10), augment__preset="standard", augment__mix="cutmix")
    split, _ = job_of(recipe, workspace)
    whole, rest = list(split.shown(2, 0)), list(split.shown(2, 2))
    for (inputs, labels), (again, labels_again) in zip(whole[2:], rest, strict=True):
        assert torch.equal(inputs, again) and torch.equal(labels, labels_again)


@pytest.mark.parametrize("shape", [(2, 64, 64, 3), (1, 224, 224, 3), (5, 1, 1, 3)])
def test_the_table_gives_the_very_numbers_of_the_formula(shape: tuple[int, ...]) -> None:
    geometry = Geometry(64, 64, "bilinear", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    pictures = torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    mean, std = torch.tensor(geometry.mean), torch.tensor(geometry.std)
    formula = pictures.float().div_(255).sub_(mean).div_(std).permute(0, 3, 1, 2)
    inputs = to_input(pictures, geometry, torch.device("cpu"))
    assert torch.equal(inputs, formula) and inputs.is_contiguous(memory_format=torch.channels_last)


def test_what_the_model_sees_is_drawn_from_black_to_white() -> None:
    geometry = Geometry(4, 4, "bilinear", (0.5, 0.5, 0.5), (0.25, 0.25, 0.25))
    white = sight(np.full((4, 4, 3), 255, np.uint8), geometry)
    assert white.numbers.shape == (3, 4, 4) and (white.numbers == 2).all() and (white.picture == 255).all()
    assert (sight(np.zeros((4, 4, 3), np.uint8), geometry).picture == 0).all()
    assert white.sentence == "4 × 4 × 3 numbers from 2.00 to 2.00, on average 2.00."


def test_only_pictures_that_are_learnt_from_have_a_place(pictures: Callable[..., Path], workspace: Workspace) -> None:
    recipe = tiny(pictures(each=7))
    dataset = load_data(recipe, workspace)
    places = [place_in_training(dataset, sample.path) for sample in dataset.split("train")]
    assert places == list(range(len(places)))
    assert place_in_training(dataset, dataset.split("val")[0].path) is None
