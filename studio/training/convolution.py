"""A convolution in three parts, each of which can be computed in several ways: the output, and the gradients."""

from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional as F

FORWARD, INPUT, WEIGHT = "forward", "input", "weight"  # the parts: the output, and the gradients of input and weight
FULL, HALF, THREES, HALF_THREES = "float32", "bfloat16", "float32 in threes", "bfloat16 in threes"


@dataclass(frozen=True)
class Convolution:
    """A two-dimensional convolution's settings and shapes (without the number of pictures)."""

    picture: tuple[int, ...]
    weight: tuple[int, ...]
    stride: tuple[int, int]
    padding: tuple[int, int]
    dilation: tuple[int, int]
    groups: int

    @property
    def splits_in_threes(self) -> bool:
        """Whether its kernel's gradient can be put together from those of 3 × 3 kernels: an odd depthwise one."""
        down, across = self.weight[2:]
        depthwise = self.groups == self.weight[0] == self.picture[0]
        return depthwise and down == across and down in (5, 7) and self.dilation == (1, 1)

    def ways(self, part: str) -> tuple[str, ...]:
        return (FULL, HALF, THREES, HALF_THREES) if part == WEIGHT and self.splits_in_threes else (FULL, HALF)

    def output(self, inputs: torch.Tensor, weight: torch.Tensor, way: str) -> torch.Tensor:
        dtype = _dtype(way)
        settings = (None, self.stride, self.padding, self.dilation, self.groups)
        return F.conv2d(inputs.to(dtype), weight.to(dtype), *settings).bfloat16()

    def input_gradient(self, onto: torch.Tensor, inputs: torch.Tensor, weight: torch.Tensor, way: str) -> torch.Tensor:
        dtype = _dtype(way)
        shape = torch.empty_like(inputs, dtype=dtype)  # what the inputs were does not matter here, and a copy costs
        return self._backward(onto.to(dtype), shape, weight.to(dtype), INPUT).to(inputs.dtype)

    def weight_gradient(self, onto: torch.Tensor, inputs: torch.Tensor, like: torch.Tensor, way: str) -> torch.Tensor:
        dtype = _dtype(way)
        gradient = self._in_threes if way in (THREES, HALF_THREES) else self._of_weight
        return gradient(onto.to(dtype), inputs.to(dtype), like.to(dtype)).to(like.dtype)

    def _of_weight(self, onto: torch.Tensor, inputs: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        return self._backward(onto, inputs, weight, WEIGHT)

    def _backward(self, onto: torch.Tensor, inputs: torch.Tensor, weight: torch.Tensor, part: str) -> torch.Tensor:
        settings = (None, self.stride, self.padding, self.dilation, False, (0, 0), self.groups)
        mask = [part == INPUT, part == WEIGHT, False]
        found = torch.ops.aten.convolution_backward(onto, inputs, weight, *settings, mask)
        return found[0] if part == INPUT else found[1]

    def _in_threes(self, onto: torch.Tensor, inputs: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        """The gradient of a 5 × 5 or 7 × 7 kernel from those of 3 × 3 windows of it, which have fast code."""
        side = self.weight[2]
        (down, across), (above, before) = self.stride, self.padding
        padded = F.pad(inputs, (before, before, above, above))
        rows, columns = (onto.shape[2] - 1) * down + 3, (onto.shape[3] - 1) * across + 3
        found = torch.empty_like(weight)
        three = weight[:, :, :3, :3].contiguous()
        plain = Convolution(self.picture, (*self.weight[:2], 3, 3), self.stride, (0, 0), (1, 1), self.groups)
        for top in range(0, side - 2, 2):
            for left in range(0, side - 2, 2):
                window = padded[:, :, top : top + rows, left : left + columns]
                window = window.contiguous(memory_format=torch.channels_last)
                found[:, :, top : top + 3, left : left + 3] = plain._backward(onto, window, three, WEIGHT)
        return found


def _dtype(way: str) -> torch.dtype:
    return torch.bfloat16 if way in (HALF, HALF_THREES) else torch.float32


class Planned(torch.autograd.Function):
    """A convolution whose three parts go their own ways. Activations are bfloat16, weights float32."""

    @staticmethod
    def forward(ctx: Any, inputs: torch.Tensor, weight: torch.Tensor, what: Convolution, ways: dict[str, str]) -> Any:
        ctx.what, ctx.ways = what, ways
        ctx.save_for_backward(inputs, weight)
        with torch.autocast("cpu", enabled=False):
            return what.output(inputs, weight, ways[FORWARD])

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
        (onto,) = gradients
        inputs, weight = ctx.saved_tensors
        onto = onto.contiguous(memory_format=torch.channels_last)
        what, ways = ctx.what, ctx.ways
        onto_inputs, onto_weight = None, None
        if ctx.needs_input_grad[0]:
            onto_inputs = what.input_gradient(onto, inputs, weight, ways[INPUT])
        if ctx.needs_input_grad[1]:
            onto_weight = what.weight_gradient(onto, inputs, weight, ways[WEIGHT])
        return onto_inputs, onto_weight, None, None


def convolution_of(
    inputs: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> tuple[Convolution, torch.Tensor, torch.Tensor, torch.Tensor | None] | None:
    """The convolution that a call means; None for one that is left as it is."""
    learns = inputs.requires_grad or weight.requires_grad
    if not learns or isinstance(padding, str) or inputs.ndim != 4 or weight.dtype != torch.float32:
        return None
    pairs = [_pair(value) for value in (stride, padding, dilation)]
    what = Convolution(tuple(inputs.shape[1:]), tuple(weight.shape), pairs[0], pairs[1], pairs[2], groups)
    return what, inputs, weight, bias


def _pair(value: Any) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else (value[0], value[-1])
