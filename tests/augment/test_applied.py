"""What a step did, in words that a person would say."""

import numpy as np
import pytest

from studio.augment.applied import PASSED_OVER, applied
from studio.augment.catalogue import CATALOGUE
from studio.augment.parameters import fresh
from studio.augment.pipeline import Moment, Pipeline
from studio.recipe import AugmentChoice
from tests.augment.pictures import SIZE, odd_bases
from tests.conftest import striped

BASE = striped(0, 1, side=next(iter(odd_bases().values())).shape[0])


def moment(name: str, p: float = 1.0, epoch: int = 1, **params: object) -> Moment:
    """What a step of this transform alone does to a striped picture."""
    usual = fresh(name)
    step = usual.model_copy(update={"p": p, "params": {**usual.params, **params}})
    return Pipeline(AugmentChoice(preset="custom", steps=(step,)), SIZE).trace(BASE, 0, epoch, 0)[0]


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_transform_says_what_it_did(name: str) -> None:
    for epoch in (1, 2, 3):
        said = applied(moment(name, epoch=epoch))
        assert not said[0].islower() and said.endswith("."), said
        assert not any(mark in said for mark in ("nan", "array", "[", "{", "None")), said


def test_a_step_that_chance_passed_over_says_so() -> None:
    assert applied(moment("HorizontalFlip", p=1e-9)) == PASSED_OVER


def test_a_turn_says_which_way_it_went() -> None:
    told = moment("Rotate", limit=(30.0, 30.0))
    assert applied(told) == "Turned by 30.0° to the left."
    assert applied(moment("Rotate", limit=(-30.0, -30.0))) == "Turned by 30.0° to the right."


def test_a_cover_says_how_much_of_the_picture_it_hides() -> None:
    told = moment("CoarseDropout", num_holes_range=(1, 1), hole_height_range=(0.5, 0.5), hole_width_range=(0.5, 0.5))
    assert applied(told) == "1 spot hides 25 % of the picture."
    assert np.mean((told.picture == 0).all(axis=2)) > 0.2
