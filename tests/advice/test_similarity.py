"""Likeness to the pretraining, by the statistics that a network carries along, or by what its features tell."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from studio.advice.similarity import shift, similarity
from studio.recipe import Recipe
from studio.training.eye import Eye
from studio.training.loader import to_input
from tests.advice.runs import audition, heard, small
from tests.conftest import striped

Squares = Callable[[int], np.ndarray]


def eye(name: str = "test_resnet") -> Eye:
    return Eye.of(Recipe(model=small(name)), 2)


def stripes(kind: int, count: int = 24, dark: float = 1.0) -> np.ndarray:
    return np.stack([(striped(kind, seed, 32) * dark).astype(np.uint8) for seed in range(count)])


@pytest.fixture(scope="module")
def brought_up() -> Eye:
    """A network whose statistics are those of stripes of one kind."""
    found = eye()
    with torch.no_grad():
        for module in found.model.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.momentum = 0.3
        found.model.train()
        for first in range(30):
            found.model(to_input(torch.from_numpy(stripes(0, 24)[first % 3 :]), found.geometry, torch.device("cpu")))
    return found


def test_pictures_of_the_pretraining_are_near_and_others_are_not(brought_up: Eye) -> None:
    own, other, noise = (
        shift(brought_up, squares)
        for squares in (stripes(0), stripes(1), np.random.default_rng(0).integers(0, 256, (24, 32, 32, 3), np.uint8))
    )
    assert own is not None and other is not None and noise is not None
    assert own < 0.2 and other > 2 * own and noise > other
    near = similarity(brought_up, stripes(0), audition())
    assert near.level == "like" and near.way == "statistics" and "much like" in near.sentence
    far = similarity(brought_up, np.zeros((8, 32, 32, 3), np.uint8), audition())
    assert far.level == "unlike" and far.score < near.score


def test_measuring_changes_nothing_in_the_network(brought_up: Eye) -> None:
    before = {name: tensor.clone() for name, tensor in brought_up.model.state_dict().items()}
    modes = [module.training for module in brought_up.model.modules()]
    shift(brought_up, stripes(2))
    assert all(torch.equal(tensor, before[name]) for name, tensor in brought_up.model.state_dict().items())
    assert modes == [module.training for module in brought_up.model.modules()]
    assert not any(module._forward_pre_hooks for module in brought_up.model.modules())


def test_a_network_without_statistics_is_asked_what_its_features_tell() -> None:
    looks = eye("test_vit")
    assert shift(looks, stripes(0, 4)) is None
    found = similarity(looks, stripes(0, 4), audition(heard(accuracy=0.9), baseline=0.5))
    assert found.way == "skill" and found.score == pytest.approx(0.8) and "80 % of what colours" in found.sentence
    assert similarity(looks, stripes(0, 4), audition(heard(accuracy=0.4), baseline=0.5)).score == 0
