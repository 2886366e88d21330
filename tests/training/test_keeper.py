"""The best weights are those of the best epoch, whatever learns, freezes and thaws after it."""

import random

import pandas as pd
import pytest
import timm
import torch
from torch import nn

from studio.augment.geometry import Geometry
from studio.model.stages import frozen_state
from studio.training.checkpoint import Card
from studio.training.keeper import Keeper

CARD = Card("test_resnet", ("a", "b"), Geometry(32, 32, "bilinear", (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)), 0, 0.0)
STAGES = 5


@pytest.fixture
def keeper() -> Keeper:
    return Keeper(timm.create_model("test_resnet", num_classes=2), CARD, None)


def freeze(keeper: Keeper, depth: int) -> set[str]:
    """What is frozen at a depth, of which the keeper is told."""
    names = set(frozen_state(keeper.model, depth))
    keeper.freeze(names)
    return names


def learn(model: nn.Module, frozen: set[str]) -> None:
    """Other numbers for all that is not frozen, statistics and counters included."""
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            if name not in frozen:
                tensor.add_(1)


@pytest.mark.parametrize("seed", range(20))
def test_they_stay_as_they_were_at_their_best_through_any_order_of_depths(keeper: Keeper, seed: int) -> None:
    chance, best, accuracy = random.Random(seed), {}, 0.0
    for epoch in range(30):
        for _ in range(chance.randrange(3)):  # a person steers, within an epoch too
            frozen = freeze(keeper, chance.randint(0, STAGES))
            learn(keeper.model, frozen)
        accuracy += chance.choice((-0.01, 0.01))
        was_best = keeper.best is None or accuracy > keeper.best[0]
        if keeper.consider(epoch, accuracy, 1.0, pd.DataFrame()):
            assert was_best
            best = {name: tensor.clone() for name, tensor in keeper.model.state_dict().items()}
        assert keeper.kept.keys() == best.keys()
        assert all(torch.equal(tensor, best[name]) for name, tensor in keeper.kept.items())


def test_what_is_frozen_is_not_copied_and_what_learns_is(keeper: Keeper) -> None:
    frozen = freeze(keeper, STAGES)
    keeper.consider(1, 0.5, 1.0, pd.DataFrame())
    own = {name for name, tensor in keeper.model.state_dict().items() if shares(tensor, keeper.kept[name])}
    assert own == frozen and set(keeper.kept) - own == {"fc.weight", "fc.bias"}


def test_what_thaws_is_copied_before_it_learns_and_let_go_of_once_it_is_frozen_again(keeper: Keeper) -> None:
    freeze(keeper, STAGES)
    keeper.consider(1, 0.5, 1.0, pd.DataFrame())
    frozen = freeze(keeper, 3)
    states = keeper.model.state_dict()
    assert {name for name in states if shares(states[name], keeper.kept[name])} == frozen
    learn(keeper.model, frozen)
    frozen = freeze(keeper, STAGES)
    keeper.consider(2, 0.6, 1.0, pd.DataFrame())
    assert {name for name in states if shares(states[name], keeper.kept[name])} == frozen


def shares(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Whether two tensors are the same piece of memory."""
    return one.data_ptr() == other.data_ptr()
