"""The learning part at the machine's best: each convolution's three parts in whichever way was fastest when timed.

One precision for a whole network loses on processors with bfloat16: there a pointwise convolution runs twice as fast,
but the backward pass of a strided depthwise one up to a hundred times slower. So the forward pass, the gradient of the
input and the gradient of the weight are timed one by one, once for each shape, and the choice is remembered for the
machine: a run that is repeated there takes the same ways and gives the same numbers.
"""

import json
import platform
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from studio.model.frozen import half_precision
from studio.model.heap import from_the_heap
from studio.training.convolution import (
    FORWARD,
    FULL,
    HALF,
    HALF_THREES,
    INPUT,
    WEIGHT,
    Convolution,
    Planned,
    convolution_of,
)
from studio.workspace import write_text

_PICTURES = 16  # as many are timed
_MEMORY: dict[str, dict[str, str]] = {}  # what was chosen in this process


@dataclass
class Plan:
    """Which way each part of each convolution takes. What is not known yet is timed where it first occurs."""

    file: Path | None = None
    choices: dict[str, dict[str, str]] = field(default_factory=lambda: _MEMORY)
    used: dict[str, dict[str, str]] = field(default_factory=dict)
    _news: bool = False

    @classmethod
    def of(cls, folder: Path | None) -> "Plan":
        """What this machine, with this torch and so many threads, found out before and kept in `folder`."""
        plan = cls(folder / f"{_machine()}.json" if folder else None)
        if plan.file is not None:
            with suppress(OSError, ValueError, AttributeError, TypeError):
                known = json.loads(plan.file.read_text(encoding="utf-8"))
                plan.choices.update({name: dict(ways) for name, ways in known.items()})
        return plan

    def of_convolution(self, convolution: Convolution, inputs: torch.Tensor, weight: torch.Tensor) -> dict[str, str]:
        """The way of each part. `inputs` and `weight` are what to time it with."""
        name = repr(convolution)
        ways = self.choices.get(name, {})
        if any(ways.get(part) not in convolution.ways(part) for part in (FORWARD, INPUT, WEIGHT)):
            ways = self.choices[name] = _timed(convolution, inputs.detach()[:_PICTURES], weight.detach())
            self._news = True
        self.used[name] = ways
        return ways

    def save(self) -> None:
        if self.file is not None and self._news:
            with suppress(OSError):
                self.file.parent.mkdir(parents=True, exist_ok=True)
                write_text(self.file, json.dumps(self.choices))
                self._news = False

    @property
    def words(self) -> str:
        """What was chosen, for a person; empty where no convolution learns."""
        parts = [way for ways in self.used.values() for way in ways.values()]
        half = sum(way in (HALF, HALF_THREES) for way in parts)
        if not parts:
            return ""
        return (
            f"Layers that learn compute in whichever precision was faster when timed on this processor: {half} of "
            f"{len(parts)} kinds of steps in bfloat16, numbers of half the size, the others in float32."
        )


def _machine() -> str:
    """A file name for what decides the timings."""
    words = (platform.machine(), platform.processor(), torch.backends.cpu.get_cpu_capability(), torch.__version__)
    return "-".join("".join(c if c.isalnum() else "_" for c in word) for word in words) + f"-{torch.get_num_threads()}"


def _timed(convolution: Convolution, inputs: torch.Tensor, weight: torch.Tensor) -> dict[str, str]:
    inputs = inputs.bfloat16()
    with torch.no_grad(), torch.autocast("cpu", enabled=False), from_the_heap():
        onto = torch.ones_like(convolution.output(inputs, weight, FULL))
        work: dict[str, Callable[[str], torch.Tensor]] = {
            FORWARD: lambda way: convolution.output(inputs, weight, way),
            INPUT: lambda way: convolution.input_gradient(onto, inputs, weight, way),
            WEIGHT: lambda way: convolution.weight_gradient(onto, inputs, weight, way),
        }
        return {part: _fastest(convolution.ways(part), run) for part, run in work.items()}


def _fastest(ways: tuple[str, ...], run: Callable[[str], torch.Tensor]) -> str:
    """The way whose shortest time was the shortest. float32 is asked first, and stays where the others win little."""
    seconds = {}
    for way in ways:
        best = float("inf")
        for attempt in range(4):
            began = time.perf_counter()
            run(way)
            took = time.perf_counter() - began
            best = min(best, took)
            if attempt and seconds and best > 2 * min(seconds.values()):
                break  # it will not catch up
        seconds[way] = best * (1.0 if way == FULL else 1.05)
    return min(seconds, key=seconds.__getitem__)


class _Planning(TorchFunctionMode):
    """In here every learning convolution follows the plan."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self._plan = plan

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is F.conv2d and torch.is_grad_enabled():
            what = convolution_of(*args, **(kwargs or {}))
            if what is not None:
                convolution, inputs, weight, bias = what
                ways = self._plan.of_convolution(convolution, inputs, weight)
                inputs = inputs.bfloat16()
                found = Planned.apply(inputs, weight, convolution, ways)
                return found if bias is None else found + bias.to(found.dtype)[:, None, None]
        return func(*args, **(kwargs or {}))


@dataclass
class Precision:
    """How the learning part computes on this device. `exactly` keeps to float32 throughout."""

    device: torch.device
    exactly: bool = False
    plan: Plan = field(default_factory=Plan)

    @property
    def words(self) -> str:
        """What is not computed in float32, for a person; empty where everything is."""
        return self.plan.words

    def learning(self) -> AbstractContextManager:
        """The context of a forward pass that learns."""
        half = None if self.exactly else half_precision(self.device)
        if half is not torch.bfloat16:
            return nullcontext()
        if self.device.type == "cuda":
            return torch.autocast("cuda", half)
        return self._planning()

    @contextmanager
    def _planning(self) -> Iterator[None]:
        with torch.autocast("cpu", torch.bfloat16), _Planning(self.plan):
            yield
        self.plan.save()
