"""Test-time augmentation: only views that training has shown to be safe, probabilities averaged."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from studio.augment.geometry import Geometry
from studio.data.intake import open_data
from studio.recipe import AugmentChoice, StepChoice
from studio.results.evaluate import evaluate
from studio.results.predict import Predictor
from studio.results.views import flips, views
from studio.runs import launch
from studio.runs.run import Run
from studio.runs.store import Store
from studio.training.loader import to_input
from studio.workspace import Workspace
from tests.training.recipes import tiny

BASE = np.random.default_rng(0).integers(0, 256, (20, 20, 3), dtype=np.uint8)


def test_views_are_the_centre_the_corners_and_what_was_mirrored() -> None:
    geometry = Geometry(16, 20, "bilinear", (0, 0, 0), (1, 1, 1))
    plain, both = views(BASE, geometry), views(BASE, geometry, ("left-right", "top-bottom"))
    assert plain.shape == (5, 16, 16, 3) and both.shape == (20, 16, 16, 3)
    assert np.array_equal(plain[0], BASE[2:18, 2:18]) and np.array_equal(plain[4], BASE[4:, 4:])
    assert np.array_equal(both[5], plain[0][:, ::-1]) and np.array_equal(both[10], plain[0][::-1])
    assert len(views(BASE[:16, :16], Geometry(16, 16, "bilinear", (0, 0, 0), (1, 1, 1)))) == 1


@pytest.mark.parametrize(
    ("choice", "met"),
    [
        (AugmentChoice(preset="standard"), ("left-right",)),
        (AugmentChoice(preset="standard", strength=0), ()),
        (AugmentChoice(preset="gentle"), ()),
        (AugmentChoice(preset="microscopy"), ("left-right", "top-bottom")),
        (AugmentChoice(preset="custom", steps=(StepChoice(transform="VerticalFlip", on=False),)), ()),
    ],
)
def test_only_mirror_images_that_training_met_are_shown(choice: AugmentChoice, met: tuple[str, ...]) -> None:
    assert flips(choice) == met


@pytest.fixture
def run(pictures: Callable[..., Path], workspace: Workspace) -> Run:
    done = Store(workspace).create(tiny(pictures(each=8), augment__preset="standard"))
    launch.execute(done)
    return done


def test_probabilities_are_the_mean_over_the_views(run: Run, workspace: Workspace) -> None:
    dataset = open_data(run.recipe.data.source, workspace)
    path = dataset.root / dataset.samples[0].path
    predictor = Predictor.of(run)
    assert predictor.flips == ("left-right",)
    (found,), (plain,) = predictor.predict([path], tta=True), predictor.predict([path])
    from studio.data.picture import open_picture

    geometry = predictor.card.geometry
    several = views(geometry.base(open_picture(path, at_least=geometry.base_size)), geometry, ("left-right",))
    with torch.inference_mode():
        shares = predictor.model(to_input(torch.from_numpy(several), geometry, torch.device("cpu"))).softmax(dim=1)
    mean = dict(zip(predictor.card.classes, shares.mean(dim=0).tolist(), strict=True))
    assert found.probabilities == pytest.approx(mean) and sum(mean.values()) == pytest.approx(1)
    assert plain.probabilities[plain.label] == plain.confidence
    frame = evaluate(run, dataset, tta=True).frame
    assert frame["confidence"].iloc[0] == pytest.approx(found.confidence, abs=1e-5)
    assert len(frame) == len(evaluate(run, dataset).frame)
