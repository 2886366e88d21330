"""Every optimizer that a recipe may name learns, takes in what thaws, and goes on from a checkpoint bit for bit."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from timm.optim._optim_factory import default_registry
from torch import nn

from studio.errors import RecipeError
from studio.recipe import OPTIMIZERS, Recipe
from studio.training import optimize, state
from studio.training.place import CHECKPOINT

SECOND_EDITIONS = ("adamwlegacy", "nadamlegacy", "radamlegacy")


def test_the_list_is_timms_own_less_what_cannot_go_on_from_a_checkpoint() -> None:
    registry = {name: default_registry.get_optimizer_info(name) for name in default_registry.list_optimizers()}
    theirs = {
        name
        for name, about in registry.items()
        if not isinstance(about.opt_class, str) and not about.second_order and not name.startswith("kron")
    }
    assert set(OPTIMIZERS) == theirs - set(SECOND_EDITIONS)


def test_another_name_is_refused_with_some_that_are_known() -> None:
    with pytest.raises(RecipeError, match=r"optimizer\.name.*adamw"):
        Recipe().amended({"optimizer.name": "kron"})


def a_layer() -> list[nn.Parameter]:
    """A matrix and a vector, of a seed."""
    chance = torch.Generator().manual_seed(0)
    return [nn.Parameter(torch.randn(4, 6, generator=chance)), nn.Parameter(torch.randn(6, generator=chance))]


def loss(tensors: list[nn.Parameter]) -> torch.Tensor:
    return torch.stack([(tensor - 1).square().sum() for tensor in tensors]).sum()


class Learning:
    """Two layers, of which the second one thaws before update 2."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe, self.tensors = recipe, a_layer() + a_layer()
        self.rule = optimize.of_groups([{"params": self.tensors[:2], "weight_decay": 0.01, "scale": 1.0}], recipe)

    def thaw(self) -> None:
        self.rule.add_param_group({"params": self.tensors[2:], "weight_decay": 0.0, "scale": 0.5, "since": 2})

    def go_on(self, steps: range) -> None:
        for step in steps:
            if step == 2:
                self.thaw()
            optimize.set_rate(self.rule, self.recipe, step, 12)
            self.rule.zero_grad()
            loss(self.tensors).backward()
            self.rule.step()


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimizer_learns_and_goes_on_bit_for_bit(name: str, tmp_path: Path) -> None:
    recipe = Recipe().amended({"optimizer.name": name, "optimizer.lr": 0.01, "schedule.curve": "one-cycle"})
    whole = Learning(recipe)
    before = loss(whole.tensors)
    whole.go_on(range(12))
    assert loss(whole.tensors) < before

    parted = Learning(recipe)
    parted.go_on(range(7))
    save_file(
        {name: tensor.contiguous() for name, tensor in state.optimizer_tensors(parted.rule).items()},
        tmp_path / CHECKPOINT,
    )
    memory = state.optimizer_numbers(parted.rule)
    taken_up = Learning(recipe)
    taken_up.thaw()
    with torch.no_grad():
        for ours, theirs in zip(taken_up.tensors, parted.tensors, strict=True):
            ours.copy_(theirs)
    state.restore_optimizer(tmp_path, taken_up.rule, json.loads(json.dumps(memory)))
    taken_up.go_on(range(7, 12))
    assert all(torch.equal(one, other) for one, other in zip(whole.tensors, taken_up.tensors, strict=True))
