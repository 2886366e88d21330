"""A step that fails on a picture is named with the picture and a remedy, before training."""

from collections.abc import Callable
from pathlib import Path

import albumentations as A
import numpy as np
import pytest
from PIL import Image

from studio.augment.pipeline import Pipeline
from studio.augment.presets import PRESETS
from studio.augment.trial import refuse, trial
from studio.data.intake import open_data
from studio.errors import RecipeError
from studio.recipe import AugmentChoice, StepChoice
from studio.training.events import Looked
from studio.training.odd import odd_pictures
from studio.training.train import train
from studio.workspace import Workspace
from tests.augment.pictures import GEOMETRY, SIZE, odd_bases
from tests.training.recipes import tiny

STEPS = (StepChoice(transform="Equalize", p=0.01), StepChoice(transform="HorizontalFlip", p=0.01))
CHOICE = AugmentChoice(preset="custom", steps=STEPS)


@pytest.fixture
def brittle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Equalize fails on pictures of one colour."""
    equalize = A.Equalize.apply

    def apply(self: A.Equalize, img: np.ndarray, **params: object) -> np.ndarray:
        if img.min() == img.max():
            raise ValueError("nothing to equalize")
        return equalize(self, img, **params)

    monkeypatch.setattr(A.Equalize, "apply", apply)


@pytest.mark.parametrize("preset", PRESETS)
def test_no_preset_fails_on_an_odd_picture(preset: str) -> None:
    assert trial(Pipeline(preset, SIZE), odd_bases()) == []


def test_a_failure_names_the_step_and_the_picture_however_rarely_it_is_applied(brittle: None) -> None:
    found = trial(Pipeline(CHOICE, SIZE), odd_bases())
    assert len(found) == 1, "each step is named once, and the others are tried all the same"
    assert found[0].sentence == "Equalize (Equalize) cannot take the picture black: nothing to equalize."
    with pytest.raises(RecipeError, match=r"cannot take the picture black.*Take the step out"):
        refuse(found)


def test_training_says_so_before_the_first_look(pictures: Callable[..., Path], brittle: None) -> None:
    root = pictures(each=8)
    Image.new("RGB", (1, 1)).save(root / "cat" / "speck.png")
    events = train(tiny(root, augment__preset="custom", augment__steps=STEPS, seed=1))
    with pytest.raises(RecipeError, match="speck.png"):
        for event in events:
            assert not isinstance(event, Looked)


def test_the_odd_pictures_of_a_dataset_are_found(pictures: Callable[..., Path], workspace: Workspace) -> None:
    root = pictures(each=8)
    Image.new("RGB", (3, 3)).save(root / "cat" / "small.png")
    Image.new("L", (40, 40)).save(root / "cat" / "grey.png")
    Image.new("RGBA", (400, 5)).save(root / "dog" / "long.png")
    (root / "dog" / "broken.png").write_bytes(b"nothing")
    dataset = open_data(str(root), workspace)
    found = odd_pictures(dataset, dataset.samples, GEOMETRY)
    assert {"cat/small.png", "cat/grey.png", "dog/long.png"} <= set(found) and len(found) <= 8
    assert all(base.shape == (GEOMETRY.base_size,) * 2 + (3,) for base in found.values())
    assert odd_pictures(dataset, [], GEOMETRY) == {}
