"""All that a run goes on from as if nothing had happened: weights, optimizer, its place, and what had happened.

Generators have no state to keep: the order of pictures, their variations and what chance does in a step each follow
from the seed and their number.
"""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import nn

from studio.errors import RunError
from studio.recipe import Steer
from studio.training.checkpoint import AVERAGE, OPTIMIZER, OWN, read_card
from studio.training.ema import Average
from studio.training.events import Event, Validated, from_json, to_json
from studio.training.place import BEST, CHECKPOINT

_EDITION = 1
_GROUP = "group"  # before the number of a group, where the optimizer remembers a tensor of the whole group


@dataclass(frozen=True)
class State:
    """Where a run stands after `step` updates.

    `seconds` are those that the epoch's updates took so far; `thaws` are the depths so far, each with the update from
    which it held. `sums` are the epoch's count of pictures, summed loss and right answers, `best` the accuracy, the
    loss and the epoch of the best weights, if there are any. `memory` is what the optimizer remembers besides tensors.
    `seals` are the hashes of what is frozen, by name, `changed` the names of what was found changed while frozen.
    """

    epoch: int
    step: int
    steps_per_epoch: int
    thaws: Sequence[tuple[int, int]]
    applied: Sequence[Steer]
    sums: tuple[int, float, float]
    best: tuple[float, float, int] | None
    seconds_training: float
    images: int
    pieces: int
    history: Sequence[Event]
    seconds: float = 0.0
    memory: Mapping[str, list[dict[str, float]]] = field(default_factory=dict)
    seals: Mapping[str, str] = field(default_factory=dict)
    changed: Sequence[str] = ()

    def metadata(self) -> dict[str, str]:
        """As it is written into the head of a checkpoint."""
        record = {
            **{name: value for name, value in vars(self).items() if name not in ("applied", "history")},
            "edition": _EDITION,
            "applied": [change.model_dump() for change in self.applied],
            "history": [to_json(event) for event in self.history],
        }
        return {"thaw.state": json.dumps(record, allow_nan=False)}

    @classmethod
    def _of(cls, text: str) -> "State":
        record = json.loads(text)
        if record.pop("edition") != _EDITION:
            raise ValueError("another edition")
        record["thaws"] = [(depth, step) for depth, step in record["thaws"]]
        record["applied"] = [Steer.model_validate(change) for change in record["applied"]]
        record["history"] = [from_json(line) for line in record["history"]]
        count, loss, right = record["sums"]
        record["sums"] = (count, loss, right)
        record["best"] = tuple(record["best"]) if record["best"] else None
        return cls(**record)


def read(folder: Path) -> State | None:
    """Where the run in `folder` can go on from; None if it has no checkpoint yet.

    Raises RunError for one that cannot be read.
    """
    path = folder / CHECKPOINT
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            return State._of((file.metadata() or {})["thaw.state"])
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise RunError(
            "The checkpoint to go on from cannot be read.", "Start a new run with the same recipe.", path
        ) from error


def best(where: State, folder: Path) -> Validated | None:
    """The epoch whose weights `best.safetensors` holds; None where it holds none that this checkpoint knows of."""
    try:
        card = read_card(folder / BEST)
    except RunError:
        return None
    if where.best is None or (card.val_accuracy, card.epoch) != (where.best[0], where.best[2]):
        return None
    told = [event for event in where.history if isinstance(event, Validated) and event.epoch == card.epoch]
    return next((event for event in told if (event.val_accuracy, event.val_loss or 0.0) == where.best[:2]), None)


def restore_weights(folder: Path, model: nn.Module) -> None:
    """Give the model the checkpoint's weights. Raises RunError where they do not fit."""
    path = folder / CHECKPOINT
    try:
        with safe_open(path, framework="pt") as file:
            names = [name for name in file.keys() if not name.startswith(OWN)]  # noqa: SIM118
            model.load_state_dict({name: file.get_tensor(name) for name in names})
    except (OSError, SafetensorError, RuntimeError) as error:
        raise _no_fit(path) from error


def optimizer_tensors(rule: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    """What the optimizer remembers of each parameter and each group, by its number and the name of the memory."""
    found = {}
    for number, parameter in enumerate(_parameters(rule)):
        for name, value in rule.state.get(parameter, {}).items():
            if isinstance(value, torch.Tensor):
                found[f"{OPTIMIZER}{number}.{name}"] = value
    for number, group in enumerate(rule.param_groups):
        for name, value in group.items():
            if isinstance(value, torch.Tensor):
                found[f"{OPTIMIZER}{_GROUP}{number}.{name}"] = value
    return found


def optimizer_numbers(rule: torch.optim.Optimizer) -> dict[str, list[dict[str, float]]]:
    """What else it remembers: numbers of each parameter and of each group, in their order."""
    states = [_numbers(rule.state.get(parameter, {})) for parameter in _parameters(rule)]
    return {"parameters": states, "groups": [_numbers(group) for group in rule.param_groups]}


def average_tensors(average: Average | None) -> dict[str, torch.Tensor]:
    """The running mean of the weights, if there is one."""
    return {} if average is None else {f"{AVERAGE}{name}": mean for name, mean in average.state().items()}


def restore_average(folder: Path, average: Average | None) -> None:
    """Give the running mean its numbers back. Raises RunError where they do not fit."""
    if average is None:
        return
    path = folder / CHECKPOINT
    try:
        with safe_open(path, framework="pt") as file:
            names = [name for name in file.keys() if name.startswith(AVERAGE)]  # noqa: SIM118
            average.load({name.removeprefix(AVERAGE): file.get_tensor(name) for name in names})
    except (OSError, SafetensorError, RuntimeError, KeyError) as error:
        raise _no_fit(path) from error


def restore_optimizer(folder: Path, rule: torch.optim.Optimizer, memory: Mapping[str, list[dict[str, float]]]) -> None:
    """Give the optimizer its memory back, each tensor laid out as its parameter is (a fused step relies on that).

    `memory` is what `optimizer_numbers` told. Raises RunError where they do not fit.
    """
    path, parameters = folder / CHECKPOINT, list(_parameters(rule))
    try:
        with safe_open(path, framework="pt") as file:
            for full in (name for name in file.keys() if name.startswith(OPTIMIZER)):  # noqa: SIM118
                number, _, name = full.removeprefix(OPTIMIZER).partition(".")
                if number.startswith(_GROUP):
                    rule.param_groups[int(number.removeprefix(_GROUP))][name] = file.get_tensor(full)
                    continue
                parameter, value = parameters[int(number)], file.get_tensor(full)
                if value.shape == parameter.shape:
                    value = torch.empty_like(parameter, dtype=value.dtype, requires_grad=False).copy_(value)
                rule.state[parameter][name] = value.to(parameter.device)
        for parameter, numbers in zip(parameters, memory.get("parameters", ()), strict=False):
            rule.state[parameter].update(numbers)
        for group, numbers in zip(rule.param_groups, memory.get("groups", ()), strict=False):
            group.update(numbers)
    except (OSError, SafetensorError, ValueError, IndexError) as error:
        raise _no_fit(path) from error


def _numbers(memory: Mapping[str, Any]) -> dict[str, float]:
    return {
        name: value
        for name, value in memory.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    }


def _no_fit(path: Path) -> RunError:
    return RunError(
        "The checkpoint to go on from does not fit its recipe.", "Start a new run with the same recipe.", path
    )


def finite(tensors: Iterable[torch.Tensor]) -> bool:
    """Whether every number is one."""
    return all(bool(torch.isfinite(tensor).all()) for tensor in tensors if tensor.is_floating_point())


def _parameters(rule: torch.optim.Optimizer) -> Iterable[nn.Parameter]:
    return (parameter for group in rule.param_groups for parameter in group["params"])
