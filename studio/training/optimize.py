"""Optimizers and the learning-rate curve: cosine with warm-up, one step of it for every update of the weights."""

import math
from collections.abc import Iterable

import torch
from torch import nn

from studio.model.stages import head
from studio.recipe import Recipe


def optimizer(model: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """An optimizer over what learns at present."""
    if recipe.optimizer.name == "sgd":
        return torch.optim.SGD(
            groups(model, recipe),
            lr=recipe.optimizer.lr,
            momentum=recipe.optimizer.momentum,
            nesterov=recipe.optimizer.momentum > 0,
            fused=True,
        )
    return torch.optim.AdamW(groups(model, recipe), lr=recipe.optimizer.lr, fused=True)


def groups(model: nn.Module, recipe: Recipe, but: Iterable[nn.Parameter] = ()) -> list[dict]:
    """Parameter groups of what learns at present, except the parameters in `but`.

    Weight decay stays off norms and biases (tensors of one dimension). `scale` is the group's share of the rate: 1 for
    the new head, `thaw_lr_factor` for what was learnt before.
    """
    known, new = {id(tensor) for tensor in but}, {id(tensor) for tensor in head(model).parameters()}
    sorted_out: dict[tuple[float, float], list[nn.Parameter]] = {}
    for tensor in model.parameters():
        if tensor.requires_grad and id(tensor) not in known:
            decay = recipe.optimizer.weight_decay if tensor.ndim > 1 else 0.0
            scale = 1.0 if id(tensor) in new else recipe.freeze.thaw_lr_factor
            sorted_out.setdefault((decay, scale), []).append(tensor)
    return [
        {"params": tensors, "weight_decay": decay, "scale": scale} for (decay, scale), tensors in sorted_out.items()
    ]


def thaw(rule: torch.optim.Optimizer, model: nn.Module, recipe: Recipe) -> None:
    """Let the optimizer also move what has begun to learn; what it knew keeps its state."""
    known = [tensor for group in rule.param_groups for tensor in group["params"]]
    for group in groups(model, recipe, but=known):
        rule.add_param_group(group)


def rate(recipe: Recipe, step: int, steps: int) -> float:
    """The learning rate for update `step` (counted from 0) of `steps`: a linear climb, then half a cosine to zero."""
    climb = max(1, round(recipe.schedule.warmup * steps))
    if step < climb:
        return recipe.optimizer.lr * (step + 1) / climb
    return recipe.optimizer.lr * 0.5 * (1 + math.cos(math.pi * (step - climb) / max(1, steps - climb)))


def set_rate(rule: torch.optim.Optimizer, lr: float) -> None:
    """Set the rate; each group learns at its own share of it."""
    for group in rule.param_groups:
        group["lr"] = lr * group["scale"]
