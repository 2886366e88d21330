"""How much memory work takes at its most: of the computer's, or of the device that it computes on."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from studio.model.heap import give_back

_OWN = Path("/proc/self")


@dataclass(frozen=True)
class Watermark:
    """From `begin` on, how high the memory rises. `start` is where it stood then, in bytes; None: nobody can tell.

    On a GPU it is what torch holds there. On a CPU it is this process's resident memory, so whatever else the process
    does meanwhile counts too; only Linux tells its highest mark, and forgets it when asked to.
    """

    device: torch.device
    start: int | None

    @classmethod
    def begin(cls, device: torch.device) -> "Watermark":
        """From now on. What was freed is given back to the system first, so that it can count once more."""
        if device.type == "cuda":
            torch.cuda.synchronize(device)
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats(device)
            return cls(device, torch.cuda.memory_allocated(device))
        if device.type != "cpu":
            return cls(device, None)
        give_back()
        try:
            (_OWN / "clear_refs").write_text("5")  # the highest mark is that of now
            return cls(device, resident())
        except OSError:
            return cls(device, None)

    def added(self) -> int | None:
        """Bytes between the start and the highest mark since."""
        if self.start is None:
            return None
        if self.device.type == "cuda":
            return max(0, torch.cuda.max_memory_allocated(self.device) - self.start)
        return max(0, _highest() - self.start)


def resident() -> int:
    """Bytes of memory that this process holds now. Raises OSError where the system does not tell."""
    return int((_OWN / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _highest() -> int:
    """The most bytes that this process held since that was last forgotten."""
    lines = (_OWN / "status").read_text().splitlines()
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM")), 0)


def bytes_of(values: Iterable[object]) -> int:
    """Bytes of those that are tensors."""
    return sum(value.nbytes for value in values if isinstance(value, torch.Tensor))


def saved_by(module: nn.Module, inputs: Sequence[torch.Tensor]) -> int:
    """Bytes that a forward pass keeps for the way back; what several of them share counts once."""
    found: dict[int, torch.UntypedStorage] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        found[storage.data_ptr()] = storage  # held, so that nothing else comes to lie at the same place
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        module(*inputs)
    return sum(storage.nbytes() for storage in found.values())
