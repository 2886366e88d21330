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


def thaw(rule: torch.optim.Optimizer, model: nn.Module, recipe: Recipe, step: int) -> None:
    """Let the optimizer also move what begins to learn at update `step`; what it knew keeps its state.

    What is new gets a warm-up of its own: an optimizer that has not seen a tensor's gradients yet takes its first steps
    at full length in every weight, and would undo what the network knew (measured on the digits: training accuracy
    from 0.95 to 0.10 within five steps).
    """
    known = [tensor for group in rule.param_groups for tensor in group["params"]]
    for group in groups(model, recipe, but=known):
        rule.add_param_group(group | {"since": step})


def climb(recipe: Recipe, steps: int) -> int:
    """Updates that a warm-up takes."""
    return max(1, round(recipe.schedule.warmup * steps))


def rate(recipe: Recipe, step: int, steps: int) -> float:
    """The learning rate for update `step` (counted from 0) of `steps`: a linear climb, then half a cosine to zero."""
    top = climb(recipe, steps)
    if step < top:
        return recipe.optimizer.lr * (step + 1) / top
    return recipe.optimizer.lr * 0.5 * (1 + math.cos(math.pi * (step - top) / max(1, steps - top)))


def set_rate(rule: torch.optim.Optimizer, recipe: Recipe, step: int, steps: int) -> None:
    """Set the rate for update `step` of `steps`: each group learns at its share, less while its own warm-up lasts."""
    lr, top = rate(recipe, step, steps), climb(recipe, steps)
    for group in rule.param_groups:
        since = group.get("since", 0)
        warm = min(1.0, (step - since + 1) / top) if since else 1.0
        group["lr"] = lr * group["scale"] * warm
