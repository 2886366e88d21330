"""The frozen boundary at the head: what everything before the head makes of a picture, computed once and kept."""

import torch
from torch import nn

from studio.model.stages import head


class Trunk:
    """A network up to its head. The features are whatever the head is given, caught on its way in."""

    def __init__(self, model: nn.Module) -> None:
        self.model, self.head = model, head(model)
        self._caught: torch.Tensor | None = None

    def _catch(self, _module: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        self._caught = inputs[0]

    @torch.no_grad()
    def __call__(self, inputs: torch.Tensor) -> torch.Tensor:
        """Features (n, ...) of normalized inputs (n, 3, size, size): no gradient, the network in evaluation mode."""
        return self._look(inputs)[0]

    def _look(self, inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        modes = [(module, module.training) for module in self.model.modules()]
        hook = self.head.register_forward_pre_hook(self._catch)
        try:
            self.model.eval()
            outputs = self.model(inputs)
            assert self._caught is not None, "the head was never reached"
            return self._caught.clone(), outputs
        finally:
            hook.remove()
            self._caught = None
            for module, mode in modes:
                module.training = mode

    @torch.no_grad()
    def can_split(self, inputs: torch.Tensor) -> bool:
        """Whether the head, given the caught features, says exactly what the whole network says.

        It does wherever the head is the network's last layer; where something follows it, nothing may be kept.
        """
        features, whole = self._look(inputs)
        alone = self.head(features)
        return alone.shape == whole.shape and torch.allclose(alone, whole, atol=1e-5, rtol=1e-4)
