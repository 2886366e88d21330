"""The freeze proof: every tensor is hashed when it is frozen, and hashed again when it thaws or the run ends.

A frozen tensor is a parameter or a statistic (a buffer, such as a BatchNorm's running mean) of a frozen stage.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import nn

from studio.model.stages import frozen_state
from studio.training.events import Proven

_DIGEST = 16  # bytes of a hash


@dataclass
class Seals:
    """What is frozen in `model` now, by hashes: `held` has one for each tensor's name.

    `depths` are all freezing depths so far, `changed` the names of tensors that were found changed while frozen.
    """

    model: nn.Module
    held: dict[str, str] = field(default_factory=dict)
    depths: list[int] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)

    def freeze(self, depth: int) -> None:
        """From now on `depth` stages are frozen: look a last time at what is not any more, and hash what is new."""
        frozen = frozen_state(self.model, depth)
        thawed = self.held.keys() - frozen.keys()
        self._look(thawed)
        self.held = {name: digest for name, digest in self.held.items() if name not in thawed}
        self.held |= {name: digest(tensor) for name, tensor in frozen.items() if name not in self.held}
        self.depths.append(depth)

    def go_on(self, held: Mapping[str, str], depths: Sequence[int], changed: Sequence[str]) -> None:
        """Take up the seals of an interrupted run. One that kept none is sealed as it is now."""
        if depths:
            self.held, self.depths, self.changed = dict(held), list(depths[:-1]), list(changed)
            self.freeze(depths[-1])

    def proven(self, kept: Mapping[str, torch.Tensor]) -> Proven:
        """What came of it, also in the best weights that are `kept`, where those are of tensors that never thawed."""
        self._look(self.held)
        throughout = self.held.keys() & frozen_state(self.model, min(self.depths, default=0)).keys()
        self._note(name for name in throughout & kept.keys() if digest(kept[name]) != self.held[name])
        ever = {name for depth in set(self.depths) for name in frozen_state(self.model, depth)}
        return Proven(len(ever), sorted(self.changed))

    def _look(self, names: Iterable[str]) -> None:
        now = dict(self.model.named_parameters()) | dict(self.model.named_buffers())
        self._note(name for name in names if digest(now[name]) != self.held[name])

    def _note(self, names: Iterable[str]) -> None:
        self.changed += [name for name in sorted(names) if name not in self.changed]


@torch.no_grad()
def digest(tensor: torch.Tensor) -> str:
    """The hash of a tensor's numbers, bit by bit, in hexadecimal."""
    numbers = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy()
    return hashlib.blake2b(numbers.data, digest_size=_DIGEST).hexdigest()
