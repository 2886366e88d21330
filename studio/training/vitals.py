"""An epoch's vital signs, taken beside any training loop: how far the weights went, whether what is frozen kept still.

Watching must cost next to nothing where only a head learns and an epoch takes 50 ms. So what learns is copied and
compared every epoch, and what is frozen, a thousand times as much, only now and then.
"""

import math
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

import pandas as pd
import torch
from torch import nn

from studio.augment.geometry import Geometry
from studio.training.events import Measured

_LOOK_EVERY = 10.0  # seconds between two looks at what is frozen, at the least
_LOOK_SHARE = 200  # and so many times what the last one took
_SMALL = 4096  # numbers of a frozen tensor that is kept whole
_TINY = 1e-30
_PICTURES = 4  # of a batch, whose numbers are compared


class Vitals:
    """Watches one training loop. Call `step` before every update and `measured` after every epoch.

    What learns is every parameter of `model` with a gradient that `frozen` does not name. `frozen` names everything
    that must not change at present, statistics included; it is asked again when other parameters begin to learn.
    `geometry` has the backbone's own mean and std.
    """

    def __init__(self, model: nn.Module, frozen: Callable[[], Mapping[str, torch.Tensor]], geometry: Geometry) -> None:
        self._parameters = list(model.parameters())
        self._frozen, self._geometry = frozen, geometry
        self._learns: list[bool] = []
        self._learning: list[torch.Tensor] = []
        self._before: list[torch.Tensor] = []
        self._still = Stillness(())
        self._next_look, self._look_is_due = -math.inf, True
        self._forget()

    def _forget(self) -> None:
        """Be ready for another epoch."""
        self._low, self._high = math.inf, -math.inf
        self._inputs: tuple[list[float], list[float]] | None = None
        self._wanted: tuple[list[float], list[float]] | None = None
        self._waited: float | None = None

    def step(self, lr: float) -> None:
        """An update at this rate comes next."""
        if self._high < 0:
            self._begin()
        self._low, self._high = min(self._low, lr), max(self._high, lr)

    def saw(self, inputs: torch.Tensor, pictures: torch.Tensor | None = None) -> None:
        """The network is given `inputs` (n, 3, height, width); an epoch's first ones count.

        `pictures` are the same just before they were normalized: bytes, or fractions from 0 to 1, channels first or
        last.
        """
        if self._inputs is None and self._look_is_due:
            self._inputs = _by_channel(inputs)
            shown = None if pictures is None else _by_channel(pictures)
            self._wanted = shown and self._normalized(*shown)

    def waited(self, seconds: float) -> None:
        """The device had nothing to do for so long, as its pictures were not ready."""
        self._waited = (self._waited or 0.0) + seconds

    def measured(self, epoch: int, step: int, frame: pd.DataFrame, seconds: float) -> Measured:
        """The signs of the epoch that ended after `step` updates and `seconds`; the next update begins another.

        `frame` has the columns label and predicted, a row a validation picture. Where other parameters began to learn
        within the epoch, nobody can tell how far they went.
        """
        same = self._high >= 0 and self._learns == self._flags()
        inputs, wanted = self._inputs or (None, None), self._wanted or (None, None)
        signs = Measured(
            epoch,
            step,
            self._low if self._high >= 0 else 0.0,
            max(self._high, 0.0),
            self._moved() if same else None,
            self._drifted() if same and self._look_is_due else None,
            *inputs,
            *wanted,
            _largest_share(frame["predicted"].tolist()),
            _largest_share(frame["label"].tolist()),
            None if self._waited is None else min(1.0, self._waited / max(seconds, 1e-9)),
        )
        self._look_is_due = time.monotonic() >= self._next_look
        self._forget()
        return signs

    def _flags(self) -> list[bool]:
        return [tensor.requires_grad for tensor in self._parameters]

    @torch.no_grad()
    def _begin(self) -> None:
        flags = self._flags()
        if flags != self._learns:
            self._learns = flags
            frozen = self._frozen()
            still = {id(tensor) for tensor in frozen.values()}
            self._learning = [t for t in self._parameters if t.requires_grad and id(t) not in still]
            self._before = [torch.empty_like(tensor) for tensor in self._learning]
            self._still, self._look_is_due = Stillness(frozen.values()), True
        for before, tensor in zip(self._before, self._learning, strict=True):
            before.copy_(tensor)

    @torch.no_grad()
    def _moved(self) -> float | None:
        """How far the weights went, relative to their size before, or after where they began at nought."""
        if not self._learning:
            return None
        sizes = [_norms(self._before).norm(), _norms(self._learning).norm()]
        for before, tensor in zip(self._before, self._learning, strict=True):
            before.sub_(tensor)
        size, size_after, went = torch.stack([*sizes, _norms(self._before).norm()]).tolist()
        share = went / max(size or size_after, _TINY)
        return share if math.isfinite(share) else None

    def _drifted(self) -> float:
        began = time.monotonic()
        share = self._still.broken()
        ended = time.monotonic()
        self._next_look = ended + max(_LOOK_EVERY, _LOOK_SHARE * (ended - began))
        return share

    def _normalized(self, mean: list[float], std: list[float]) -> tuple[list[float], list[float]]:
        """What the backbone's own normalization makes of pictures with this mean and spread."""
        channels = list(zip(mean, std, self._geometry.mean, self._geometry.std, strict=True))
        return [(m - centre) / unit for m, _, centre, unit in channels], [s / unit for _, s, _, unit in channels]


class Stillness:
    """Tensors that must not change. Small ones (all statistics) are remembered whole, large ones by norm and sum.

    So the change of a large one is told as the least that it can have been.
    """

    @torch.no_grad()
    def __init__(self, tensors: Iterable[torch.Tensor]) -> None:
        numbers = [tensor for tensor in tensors if tensor.is_floating_point() and tensor.numel()]
        self._small = [tensor for tensor in numbers if tensor.numel() <= _SMALL]
        self._large = [tensor for tensor in numbers if tensor.numel() > _SMALL]
        self._kept = [tensor.clone() for tensor in self._small]
        self._norms, self._sums = _norms(self._large), _sums(self._large)

    @torch.no_grad()
    def broken(self) -> float:
        """How far the tensor that changed most went, relative to its size; 0 where all kept still."""
        changes = []
        if self._small:
            went = _norms([now - kept for now, kept in zip(self._small, self._kept, strict=True)])
            changes.append(went / torch.maximum(_norms(self._small), _norms(self._kept)).clamp_min(_TINY))
        if self._large:
            norms = _norms(self._large)
            went = torch.maximum((norms - self._norms).abs(), (_sums(self._large) - self._sums).abs())
            changes.append(went / torch.maximum(norms, self._norms).clamp_min(_TINY))
        if not changes:
            return 0.0
        return float(torch.cat(changes).nan_to_num(nan=1.0, posinf=1.0).max())


def _norms(tensors: Sequence[torch.Tensor]) -> torch.Tensor:
    """The length of each."""
    found = [torch.linalg.vector_norm(tensor, dtype=torch.float32) for tensor in tensors]
    return torch.stack(found) if found else torch.zeros(0)


def _sums(tensors: Sequence[torch.Tensor]) -> torch.Tensor:
    """The sum of each, so scaled that a change of it is never more than the change's length."""
    found = [tensor.sum(dtype=torch.float32) / math.sqrt(tensor.numel()) for tensor in tensors]
    return torch.stack(found) if found else torch.zeros(0)


@torch.no_grad()
def _by_channel(pictures: torch.Tensor) -> tuple[list[float], list[float]] | None:
    """Mean and standard deviation of each channel, over some of these pictures; None where one is no number."""
    first = pictures if pictures.shape[1] == 3 else pictures.permute(0, 3, 1, 2)
    unit = 1.0 if first.is_floating_point() else 255.0
    numbers = first[:_PICTURES].detach().float() / unit
    mean, std = numbers.mean(dim=(0, 2, 3)).tolist(), numbers.std(dim=(0, 2, 3)).tolist()
    return (mean, std) if all(map(math.isfinite, [*mean, *std])) else None


def _largest_share(names: Sequence[str]) -> float | None:
    """The share of the commonest of these."""
    return max(Counter(names).values()) / len(names) if names else None
