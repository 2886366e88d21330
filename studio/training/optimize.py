"""Optimizers: which rule moves what, and at which share of the rate, update by update."""

from collections.abc import Iterable

import torch
from timm.optim import create_optimizer_v2  # type: ignore[attr-defined]
from torch import nn
from torch.nn import functional as F

from studio.model.stages import stages
from studio.recipe import Recipe
from studio.training.rates import momentum, rate, warmed


def optimizer(model: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """An optimizer over what learns at present."""
    return of_groups(groups(model, recipe), recipe)


def of_groups(parts: list[dict], recipe: Recipe) -> torch.optim.Optimizer:
    """The recipe's optimizer over parameter groups as `groups` makes them: torch's fused ones, else timm's."""
    asked = recipe.optimizer
    match asked.name:
        case "adamw":
            return torch.optim.AdamW(parts, lr=asked.lr, fused=True)
        case "adam":
            return torch.optim.Adam(parts, lr=asked.lr, fused=True)
        case "sgd":
            rest = {"momentum": asked.momentum, "nesterov": asked.momentum > 0}
            return torch.optim.SGD(parts, lr=asked.lr, fused=True, **rest)
    return create_optimizer_v2(parts, asked.name, lr=asked.lr, weight_decay=0.0, momentum=asked.momentum)


def groups(model: nn.Module, recipe: Recipe, but: Iterable[nn.Parameter] = ()) -> list[dict]:
    """Parameter groups of what learns at present, except the parameters in `but`.

    Weight decay stays off norms and biases (tensors of one dimension). `scale` is the group's share of the rate: 1 for
    the new head, for each stage what the plan says.
    """
    known, parts = {id(tensor) for tensor in but}, stages(model)
    places = {id(model.get_parameter(name)): place for place, part in enumerate(parts) for name in part.parameters}
    sorted_out: dict[tuple[float, float], list[nn.Parameter]] = {}
    for tensor in model.parameters():
        if tensor.requires_grad and id(tensor) not in known:
            decay = recipe.optimizer.weight_decay if tensor.ndim > 1 else 0.0
            place = places.get(id(tensor))
            scale = 1.0 if place is None else recipe.freeze.share(place, len(parts))
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


def set_rate(rule: torch.optim.Optimizer, recipe: Recipe, step: int, steps: int, drops: int = 0) -> None:
    """Set the rate for update `step` of `steps`: each group learns at its share, less while its own warm-up lasts.

    `drops` is how often the rate went down because nothing got better. A one-cycle moves momentum too.
    """
    lr, carried = rate(recipe, step, steps, drops), momentum(recipe, step, steps)
    for group in rule.param_groups:
        group["lr"] = lr * group["scale"] * warmed(recipe, step, steps, group.get("since", 0))
        if carried is not None and "betas" in group:
            group["betas"] = (carried, *group["betas"][1:])
        elif carried is not None and group.get("momentum"):
            group["momentum"] = carried


@torch.no_grad()
def shrink(rule: torch.optim.Optimizer, recipe: Recipe) -> None:
    """Move each weight straight towards zero, by its group's rate times `optimizer.l1`, and no further than there.

    The proximal step for an L1 penalty (Daubechies et al. 2004, "An iterative thresholding algorithm"), apart from the
    gradient as AdamW's decay is, so that weights end up exactly at zero. Norms and biases are spared.
    """
    if not recipe.optimizer.l1:
        return
    for group in rule.param_groups:
        for tensor in group["params"]:
            if tensor.ndim > 1 and tensor.grad is not None:
                tensor.copy_(F.softshrink(tensor, group["lr"] * recipe.optimizer.l1))
