"""The world a run lives in: how many processes share it, which one this is, and the device it computes on."""

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import nn

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class World:
    """One process of `size`, number `rank`. Alone (size 1) every method is free."""

    rank: int
    size: int
    device: torch.device

    @classmethod
    def join(cls) -> "World":
        """This process's place. Under `torchrun` it joins the process group that the environment describes."""
        rank, size = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
        device = _device(int(os.environ.get("LOCAL_RANK", "0")), size)
        if device.type == "cuda":
            torch.cuda.set_device(device)  # objects that are gathered travel over the present device
        if size > 1 and not dist.is_initialized():
            dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
        return cls(rank, size, device)

    def leave(self) -> None:
        """Wait for the others, then leave the process group."""
        if dist.is_available() and dist.is_initialized():
            dist.barrier()
            dist.destroy_process_group()

    @property
    def is_main(self) -> bool:
        """Whether this process writes files and tells what happens."""
        return self.rank == 0

    @property
    def device_name(self) -> str:
        """The device in words, as shown to a person."""
        if self.device.type == "cuda":
            name = torch.cuda.get_device_name(self.device)
        elif self.device.type == "mps":
            name = "Apple GPU"
        else:
            name = f"CPU, {torch.get_num_threads()} threads"
        return name if self.size == 1 else f"{self.size} × {name}"

    def any(self, flag: bool) -> bool:
        """Whether `flag` is set in any process, so that all take the same turn."""
        if self.size == 1:
            return flag
        votes = torch.tensor(float(flag), device=self.device)
        dist.all_reduce(votes)
        return bool(votes.item())

    def highest(self, numbers: Sequence[float]) -> list[float]:
        """Of each of these numbers the highest that any process has."""
        if self.size == 1:
            return list(numbers)
        shared = torch.tensor(numbers, dtype=torch.float32 if self.device.type == "mps" else torch.float64)
        shared = shared.to(self.device)
        dist.all_reduce(shared, dist.ReduceOp.MAX)
        return shared.tolist()

    def mean_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replace each gradient by its mean over all processes."""
        if self.size == 1:
            return
        for parameter in parameters:
            if parameter.requires_grad:
                if parameter.grad is None:
                    parameter.grad = torch.zeros_like(parameter)
                dist.all_reduce(parameter.grad)
                parameter.grad /= self.size

    def share(self, value: Any) -> Any:
        """The main process's `value`, in every process."""
        if self.size == 1:
            return value
        box = [value]
        dist.broadcast_object_list(box, src=0, device=self.device)
        return box[0]

    def in_turn(self, work: Callable[[], Result]) -> Result:
        """What `work` returns, done by the main process first: what it lays down on disk the others then find there."""
        if self.is_main:
            result = work()
            self.share(None)
            return result
        self.share(None)
        return work()

    def part(self, items: Sequence[Item]) -> Sequence[Item]:
        """This process's share of some items: every `size`-th one."""
        return items[self.rank :: self.size]

    def gather(self, value: Any) -> list[Any]:
        """Every process's `value`, by rank, in every process."""
        if self.size == 1:
            return [value]
        values: list[Any] = [None] * self.size
        dist.all_gather_object(values, value)
        return values

    def align(self, tensors: Iterable[torch.Tensor]) -> None:
        """Give these tensors the main process's values in every process."""
        if self.size > 1:
            for tensor in tensors:
                dist.broadcast(tensor, src=0)


def _device(local_rank: int, size: int) -> torch.device:
    if torch.cuda.is_available():
        return torch.device("cuda", local_rank % torch.cuda.device_count())
    if torch.backends.mps.is_available() and size == 1:  # processes cannot talk about tensors on an Apple GPU
        return torch.device("mps")
    return torch.device("cpu")
