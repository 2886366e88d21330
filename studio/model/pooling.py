"""From what a network sees at every place to one answer for the whole picture: mean, strongest, or learnt."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import nn
from torch.nn import functional as F

Kind = Literal["avg", "max", "avgmax", "gem", "attention"]
Layout = Literal["NCHW", "NHWC", "NLC"]
_CHANNELS_AT = {"NCHW": 1, "NHWC": 3, "NLC": 2}
_LEAST = 1e-6  # a power of nought has no gradient


class Pooling(nn.Module):
    """Pools over all places of a picture: (n, c, h, w), (n, h, w, c) or (n, places, c), as `layout` says, to (n, c).

    With `keep_places` the result has places of size 1 in the same layout. `skip` tokens from the front are no places.
    What learns in it belongs to the new head. gem: the p-th root of the mean p-th power, p learnt from 3 on, which
    leans to the strong; numbers below nought count as nought. Source: Radenović, Tolias, Chum 2018, "Fine-tuning CNN
    Image Retrieval with No Human Annotation", equation 3. attention: a mean weighted by how much each place matters,
    which is learnt and begins as the plain mean. Source: Ilse, Tomczak, Welling 2018, "Attention-based Deep Multiple
    Instance Learning", equation 7, with one layer in place of two for the weights.
    """

    def __init__(
        self, kind: Kind, channels: int, layout: Layout = "NCHW", *, keep_places: bool = False, skip: int = 0
    ) -> None:
        super().__init__()
        self.kind, self.layout, self.keep_places, self.skip = kind, layout, keep_places, skip
        if kind == "gem":
            self.power = nn.Parameter(torch.full((1,), 3.0))
        if kind == "attention":
            self.matters = nn.Parameter(torch.zeros(channels, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        pooled = self._pooled(self._places(x))
        if not self.keep_places:
            return pooled
        one: Sequence[int] = (2, 3) if self.layout == "NCHW" else (1, 2)
        for dimension in one:
            pooled = pooled.unsqueeze(dimension)
        return pooled

    def _places(self, x: torch.Tensor) -> torch.Tensor:
        """(n, places, c)"""
        if self.layout == "NCHW":
            return x.flatten(2).transpose(1, 2)
        if self.layout == "NHWC":
            return x.flatten(1, 2)
        return x[:, self.skip :] if self.skip else x

    def _pooled(self, x: torch.Tensor) -> torch.Tensor:
        """(n, places, c) to (n, c)"""
        if self.kind == "max":
            return x.amax(dim=1)
        if self.kind == "avgmax":
            return 0.5 * (x.mean(dim=1) + x.amax(dim=1))
        if self.kind == "gem":
            positive = x.float().clamp(min=_LEAST)  # powers of half-precision numbers leave their range
            return positive.pow(self.power).mean(dim=1).pow(1.0 / self.power)
        if self.kind == "attention":
            scores = F.layer_norm(x.float(), self.matters.shape[:1]) @ self.matters
            return (scores.softmax(dim=1) * x).sum(dim=1)
        return x.mean(dim=1)

    def extra_repr(self) -> str:
        return f"{self.kind}, {self.layout}, keep_places={self.keep_places}, skip={self.skip}"
