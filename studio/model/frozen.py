"""The frozen part at the machine's best: no gradient, BatchNorm folded into the convolutions, bfloat16 where it pays.

Every way is tried on the first pictures of a run and taken only if it sees what the exact network sees.
"""

import copy
import importlib.util
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from timm.layers.conv2d_same import Conv2dSame
from torch import fx, nn
from torch.nn import functional as F

from studio.model.graph import Kept
from studio.model.heap import whole_pieces

ALIKE = 0.998  # least mean cosine between features and the exact ones; bfloat16 measured 0.9987 to 0.9993
_PLAIN_CONVOLUTIONS = (nn.Conv2d.forward, Conv2dSame.forward)  # use their weight as it is: others standardize it first
_EARNS_OPENVINO = 3000  # pictures to look at, from which on the seconds of its start-up are earned back

Look = Callable[[torch.Tensor], tuple[Kept, ...]]


@dataclass(frozen=True)
class Way:
    """A way to run the frozen part. `words` are for a person, after "The frozen part"."""

    name: str
    words: str
    make: Callable[[], Look]
    copies: bool = False  # what it makes has weights of its own


class Frozen:
    """A frozen front, made fast. Call it with inputs (n, 3, size, size); it returns what `front` returns, in float32.

    `exactly` keeps to float32. `looks` is how many pictures it will be shown in all, as far as anybody knows. After the
    first call `way` is what it settled on, and `alike` how alike the first pictures' features were (mean cosine).
    """

    def __init__(self, front: nn.Module, device: torch.device, *, exactly: bool = False, looks: int = 0) -> None:
        self.front = copy.deepcopy(front).eval()  # what is thawed later moves the network, not this
        self.device, self.exactly, self.looks = device, exactly, looks
        self.way: Way | None = None
        self.alike = 1.0
        self._look: Look | None = None

    @torch.no_grad()
    def __call__(self, inputs: torch.Tensor) -> tuple[Kept, ...]:
        if self._look is None:
            with whole_pieces():
                self._settle(inputs)
        assert self._look is not None
        return self._look(inputs)

    def _settle(self, inputs: torch.Tensor) -> None:
        exact = self._exact(inputs)
        for way in self._ways(inputs):
            try:
                look = way.make()
                alike = _alikeness(look(inputs), exact)
            except (RuntimeError, TypeError, NotImplementedError):  # an operation that has no such version
                continue
            if alike >= ALIKE:
                self.way, self.alike, self._look = way, alike, look
                if way.copies:
                    self.front = nn.Identity()  # the exact copy has served
                return
        self.way, self._look = Way("exact", "runs without keeping track of gradients", lambda: self._exact), self._exact

    def _ways(self, inputs: torch.Tensor) -> Iterator[Way]:
        """From the fastest to the most exact."""
        half = half_precision(self.device)
        if half is not None and not self.exactly:
            if self.device.type != "cpu":
                words = f"computes in {_short(half)} where that is safe, which is faster here"
                yield Way(f"autocast-{_short(half)}", words, lambda: self._autocast(half))
            elif isinstance(self.front, fx.GraphModule):
                if self.looks >= _EARNS_OPENVINO and importlib.util.find_spec("openvino"):
                    from studio.model.openvino import compiled

                    words = "runs under OpenVINO in bfloat16, numbers of half the size, which is faster here"
                    yield Way("openvino-bf16", words, lambda: compiled(self._folded(torch.float32), inputs), True)
                words = "computes in bfloat16, numbers of half the size, which is faster on this processor"
                yield Way("folded-bf16", words, lambda: self._cast(half), True)
            else:
                words = "computes in bfloat16 where that is safe, which is faster here"
                yield Way("autocast-bf16", words, lambda: self._autocast(half))
        if isinstance(self.front, fx.GraphModule):
            words = "skips what only matters while it learns"
            yield Way("folded", words, lambda: self._folded(torch.float32), True)

    def _exact(self, inputs: torch.Tensor) -> tuple[Kept, ...]:
        return self.front(inputs)

    def _folded(self, dtype: torch.dtype) -> nn.Module:
        assert isinstance(self.front, fx.GraphModule)
        return folded(self.front).to(dtype=dtype).to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def _cast(self, dtype: torch.dtype) -> Look:
        module = self._folded(dtype)

        def look(inputs: torch.Tensor) -> tuple[Kept, ...]:
            return tuple(tuple(tensor.float() for tensor in kept) for kept in module(inputs.to(dtype)))

        return look

    def _autocast(self, dtype: torch.dtype) -> Look:
        def look(inputs: torch.Tensor) -> tuple[Kept, ...]:
            with torch.autocast(self.device.type, dtype):
                found = self.front(inputs)
            return tuple(tuple(tensor.float() for tensor in kept) for kept in found)

        return look


def half_precision(device: torch.device) -> torch.dtype | None:
    """The half precision that this device computes fast in; None if it has none."""
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    fast = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return torch.bfloat16 if device.type == "cpu" and torch.backends.mkldnn.is_available() and fast else None


def folded(front: fx.GraphModule) -> fx.GraphModule:
    """A copy whose BatchNorms (in evaluation mode) are part of the convolutions before them, where one alone follows.

    Source: Jacob et al. 2018, "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only
    Inference", section 3.2.
    """
    module = copy.deepcopy(front).eval()
    users: dict[str, int] = {}
    for node in module.graph.nodes:
        users[str(node.target)] = users.get(str(node.target), 0) + 1
    for node in module.graph.nodes:
        norm = _called(module, node)
        if not isinstance(norm, nn.BatchNorm2d) or not isinstance(before := node.args[0], fx.Node):
            continue
        conv = _called(module, before)
        alone = len(before.users) == 1 and users[str(before.target)] == users[str(node.target)] == 1
        if isinstance(conv, nn.Conv2d) and type(conv).forward in _PLAIN_CONVOLUTIONS and alone:
            module.set_submodule(str(before.target), nn.utils.fuse_conv_bn_eval(conv, norm))
            module.set_submodule(str(node.target), _after(norm))
    return module


def _called(module: fx.GraphModule, node: fx.Node) -> nn.Module | None:
    return module.get_submodule(str(node.target)) if node.op == "call_module" else None


def _after(norm: nn.Module) -> nn.Module:
    """What a norm does besides: timm's carry their activation along."""
    activation = getattr(norm, "act", None)
    return activation if isinstance(activation, nn.Module) else nn.Identity()


def _alikeness(found: tuple[Kept, ...], exact: tuple[Kept, ...]) -> float:
    """The mean cosine between pictures' features and the exact ones; 0 where a number is not finite."""
    lowest = 1.0
    for ours, theirs in zip(found, exact, strict=True):
        for one, other in zip(ours, theirs, strict=True):
            if not bool(torch.isfinite(one).all()):
                return 0.0
            flat, ideal = one.float().flatten(1), other.float().flatten(1)
            same = (flat == ideal).all(dim=1)  # two pictures' features may both be nothing but zeros
            cosine = torch.where(same, 1.0, F.cosine_similarity(flat, ideal, dim=1))
            lowest = min(lowest, float(cosine.mean()))
    return lowest


def _short(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
