"""The frozen boundary at the head: what everything before the head makes of a picture, computed once and kept."""

import torch
from torch import nn

from studio.model.stages import evaluating, head


class Trunk:
    """A network up to its head. The features are whatever the head is given, caught on its way in."""

    def __init__(self, model: nn.Module) -> None:
        self.model, self.head = model, head(model)
        self._caught: list[torch.Tensor] = []

    def _catch(self, _module: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        self._caught.extend(tensor.clone() for tensor in inputs)

    @torch.no_grad()
    def __call__(self, inputs: torch.Tensor) -> torch.Tensor:
        """Features (n, ...) of normalized inputs (n, 3, size, size): no gradient, the network in evaluation mode."""
        (features,), _ = self._look(inputs)
        return features

    def _look(self, inputs: torch.Tensor) -> tuple[list[torch.Tensor], torch.Tensor]:
        """All that the head was given, and what the whole network says."""
        hook = self.head.register_forward_pre_hook(self._catch)
        try:
            with evaluating(self.model):
                outputs = self.model(inputs)
            return self._caught, outputs
        finally:
            hook.remove()
            self._caught = []

    @torch.no_grad()
    def can_split(self, inputs: torch.Tensor) -> bool:
        """Whether features may be kept: the head on them says what the whole network says, now and at another look.

        So it is wherever the head is the network's last layer and nothing before it is left to chance.
        """
        (caught, whole), (again, _) = self._look(inputs), self._look(inputs)
        if len(caught) != 1 or len(again) != 1:
            return False
        with evaluating(self.head):
            alone = self.head(caught[0])
        return _alike(alone, whole) and _alike(caught[0], again[0])


def _alike(one: torch.Tensor, other: torch.Tensor) -> bool:
    return one.shape == other.shape and torch.allclose(one, other, atol=1e-5, rtol=1e-4)
