"""The frozen boundary: a network cut in two, so that what is frozen need look at a picture only once.

The cut is made in the network's graph, for any depth: everything that leads from the input to the boundary through
nothing that learns is the front, everything else the rest. Both halves use the network's own modules and tensors.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import nn
from torch.fx.proxy import TraceError

from studio.model.graph import FEW, Boundary, Kept, Wiring
from studio.model.stages import evaluating, head, new_parameters, stages


@dataclass(frozen=True)
class Halves:
    """A network cut at one or several depths.

    `front(depths)` takes inputs (n, 3, size, size) to what crosses the boundary of each depth: tensors (n, ...).
    """

    boundaries: Mapping[int, Boundary]
    front: Callable[[Sequence[int]], nn.Module]


def cut(model: nn.Module, depths: Sequence[int], probe: torch.Tensor) -> Halves | None:
    """The network cut at these freezing depths; `probe` is a batch of three inputs to try it on.

    None where the network cannot be traced, or its halves do not say what the whole says (then nothing may be kept);
    one that cannot be traced can still be cut at its head.
    """
    with evaluating(model):
        return _by_graph(model, depths, probe) or _by_hook(model, depths, probe)


def _by_graph(model: nn.Module, depths: Sequence[int], probe: torch.Tensor) -> Halves | None:
    try:
        wiring = Wiring.of(model, probe)
        boundaries = {depth: wiring.boundary(depth) for depth in depths}
        found = {depth: boundary for depth, boundary in boundaries.items() if boundary is not None}

        def front(depths: Sequence[int]) -> nn.Module:
            return wiring.front([found[depth] for depth in depths])

        halves = Halves(found, front)
        return halves if len(found) == len(boundaries) and _agree(model, halves, probe) else None
    except (TraceError, RuntimeError, TypeError, ValueError, AttributeError, AssertionError, KeyError):
        return None  # a network that decides its way by what it sees has no one graph


def _by_hook(model: nn.Module, depths: Sequence[int], probe: torch.Tensor) -> Halves | None:
    """The cut at the head alone: whatever the head is given, caught on its way in."""
    learns_before = len(new_parameters(model)) > len(list(head(model).parameters()))  # a pooling that learns
    if learns_before or any(depth < len(stages(model)) for depth in depths):
        return None
    front = _UpToHead(model)
    (caught,) = front(probe)
    if len(caught) != 1 or len(caught[0]) != len(probe):
        return None
    boundary = Boundary((caught[0].shape[1:],), head(model))
    halves = Halves(dict.fromkeys(depths, boundary), lambda _: front)
    return halves if _agree(model, halves, probe) else None


class _UpToHead(nn.Module):
    """A network up to its head, by running all of it."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, inputs: torch.Tensor) -> tuple[Kept, ...]:
        caught: list[torch.Tensor] = []
        hook = head(self.model).register_forward_pre_hook(lambda _, given: caught.extend(t.clone() for t in given))
        try:
            self.model(inputs)
        finally:
            hook.remove()
        return (tuple(caught),)


@torch.no_grad()
def _agree(model: nn.Module, halves: Halves, probe: torch.Tensor) -> bool:
    """Whether the halves say what the whole says, of pictures in another order and another number, and say it again."""
    order = torch.tensor([1, 0])
    whole = model(probe[:FEW])[order]
    depths = list(halves.boundaries)
    for depth, kept in zip(depths, halves.front(depths)(probe[:FEW]), strict=True):
        boundary = halves.boundaries[depth]
        if any(tensor.shape != (FEW, *shape) for tensor, shape in zip(kept, boundary.shapes, strict=True)):
            return False
        if not _alike(boundary.rest(*(tensor[order] for tensor in kept)), whole):
            return False
    return _alike(model(probe[:FEW])[order], whole)


def _alike(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Equal to 1e-5 of the largest number in sight."""
    scale = max(1.0, float(other.abs().max()))
    return one.shape == other.shape and float((one - other).abs().max()) <= 1e-5 * scale
