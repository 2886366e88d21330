"""A running mean of the weights, which is steadier than the weights themselves."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import nn


class Average:
    """The exponential moving average of all that learns: weights, and the statistics of learning BatchNorms.

    After Polyak and Juditsky 1992 and Tarvainen and Valpola 2017. `decay` is the share of it that stays at each update;
    of the first ones less, min(decay, (1 + updates) / (10 + updates)) as TensorFlow has it, so that a short run is not
    kept at where it began. What is frozen is its own mean, and is not kept twice.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self._model, self._decay = model, decay
        self._means: dict[str, torch.Tensor] = {}
        self._here: dict[str, torch.Tensor] = {}  # what they are means of

    @torch.no_grad()
    def follow(self) -> None:
        """Take in what learns now, and that alone; the mean of what begins to learn begins where it is."""
        self._here = dict(self._learning())
        self._means = {name: self._means.get(name, tensor.detach().clone()) for name, tensor in self._here.items()}

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Move every mean, after update number `step` (counted from 0)."""
        decay = min(self._decay, (1 + step) / (10 + step))
        for name, mean in self._means.items():
            mean.lerp_(self._here[name], 1 - decay)

    @contextmanager
    def shown(self) -> Iterator[None]:
        """In here the model has the means for its weights; after it, its own again."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    def state(self) -> dict[str, torch.Tensor]:
        """The means, by the names of what they are means of."""
        return dict(self._means)

    def load(self, state: Mapping[str, torch.Tensor]) -> None:
        """Go on from these means. Raises KeyError for the name of something that does not learn now."""
        for name, mean in state.items():
            self._means[name] = torch.empty_like(self._here[name], requires_grad=False).copy_(mean)

    def _swap(self) -> None:
        for name, tensor in self._here.items():
            tensor.data, self._means[name] = self._means[name], tensor.data

    def _learning(self) -> Iterator[tuple[str, torch.Tensor]]:
        for prefix, module in self._model.named_modules():
            dot = f"{prefix}." if prefix else ""
            for name, tensor in module.named_parameters(recurse=False):
                if tensor.requires_grad:
                    yield dot + name, tensor
            if module.training:
                for name, buffer in module.named_buffers(recurse=False):
                    if buffer.is_floating_point():
                        yield dot + name, buffer
