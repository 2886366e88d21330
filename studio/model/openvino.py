"""The frozen part under OpenVINO, where that is installed (the extra `openvino`): Intel's compiler for CPUs."""

import sys
import warnings

import torch
from torch import nn

from studio.model.graph import Kept

# Its converter still traces with torch.jit, which warns the user of a run about it.
warnings.filterwarnings("ignore", message="`torch.jit.trace", category=FutureWarning)


def compiled(module: nn.Module, example: torch.Tensor) -> "Compiled":
    """`module`, which returns tuples of tensors, compiled for this processor in bfloat16 for inputs like `example`."""
    return Compiled(module, example)


class Compiled:
    """A module compiled by OpenVINO. Takes float32 inputs (n, 3, size, size), returns what the module returns."""

    def __init__(self, module: nn.Module, example: torch.Tensor) -> None:
        sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # it would call home on import
        import openvino

        self._lengths = [len(kept) for kept in module(example[:1])]
        model = openvino.convert_model(_Flat(module), example_input=example[:2].contiguous())  # type: ignore[attr-defined]
        model.reshape([-1, *example.shape[1:]])
        options = {"INFERENCE_PRECISION_HINT": "bf16", "PERFORMANCE_HINT": "LATENCY"}
        self._request = openvino.Core().compile_model(model, "CPU", options).create_infer_request()  # type: ignore[attr-defined]

    def __call__(self, inputs: torch.Tensor) -> tuple[Kept, ...]:
        results = self._request.infer(inputs.contiguous().numpy(), share_inputs=True)
        tensors = iter(torch.from_numpy(results[place].copy()) for place in range(sum(self._lengths)))
        return tuple(tuple(next(tensors) for _ in range(length)) for length in self._lengths)


class _Flat(nn.Module):
    """A module's tuples of tensors in one row, as OpenVINO knows them."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, inputs: torch.Tensor) -> Kept:
        return tuple(tensor for kept in self.module(inputs) for tensor in kept)
