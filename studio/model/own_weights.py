"""Weights that a user brings in a file: numbers are read and nothing else, and every tensor must fit.

A `.pth` is read by torch's `weights_only`, which runs no code from the file, and only in torch's own zip format,
uncompressed: so a small file cannot become a large one, and what is read is never more than what lies on the disk.
"""

import pickle
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import timm
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from studio.errors import WeightsError
from studio.model.catalogue import records
from studio.model.stages import head
from studio.text import printable

MOST = 8 << 30  # bytes of a file; the largest of timm's classification backbones need 8 GB
SUFFIXES = (".safetensors", ".pth", ".pt", ".bin")
_WRAPPERS = ("state_dict", "model_state_dict", "model", "state_dict_ema", "model_ema")
_PREFIXES = ("module.", "_orig_mod.", "model.", "backbone.")
_NOT_NEEDED = ("num_batches_tracked",)
_NOT_LEARNT = "thaw.optimizer."  # in a checkpoint of the studio
_STATISTICS = ("running_mean", "running_var")
_MOST_CLASSES = 100_000  # of the head in a file
_SAID = 3  # tensors named in a refusal
# What a file can make torch's reader raise: it is not known in advance what a damaged one is.
_UNREADABLE = (
    OSError, RuntimeError, ValueError, TypeError, KeyError, IndexError, AttributeError, EOFError, AssertionError,
    ImportError, OverflowError, MemoryError, struct.error, pickle.UnpicklingError, zipfile.BadZipFile, SafetensorError,
)  # fmt: skip


def load_own(model: nn.Module, file: Path, backbone: str) -> None:
    """Copy the weights in `file` into `model`, all but those of its head, which stays new.

    Names and shapes must be timm's for this backbone; a wrapper (`state_dict`) and a prefix (`module.`) around all of
    them are taken off. Raises WeightsError for a file that cannot be read or is too large, naming the tensors that do
    not fit and why; the model is then as it was.
    """
    theirs, (mine, new) = _read(file), _parts(model)
    if wrong := _misfits(mine, new, theirs):
        more = f", and {len(wrong) - _SAID:,} more" if len(wrong) > _SAID else ""
        raise WeightsError(
            f"These weights do not fit {backbone}: {'; '.join(wrong[:_SAID])}{more}.",
            "Choose the backbone that they were made for.",
            file,
        )
    for name in mine:
        if name in theirs and not bool(torch.isfinite(theirs[name]).all()):
            raise WeightsError(
                f"These weights are damaged: {name} holds values that are no numbers.", "Get the file again.", file
            )
    model.load_state_dict({name: theirs[name] for name in mine if name in theirs}, strict=False)


def fitting(file: Path) -> list[str]:
    """The architectures that hold what is in `file`, by names and shapes, whatever their heads; in timm's order.

    Those that so many weights allow are laid out without memory for theirs, a fraction of a second each. Raises
    WeightsError for a file that cannot be read or is too large.
    """
    theirs = _read(file)
    learnt = (tensor for name, tensor in theirs.items() if not name.endswith(_STATISTICS))
    numbers = sum(tensor.numel() for tensor in learnt if tensor.is_floating_point())
    some = [name for name, record in records().items() if _may_be(record, numbers) and timm.is_model(name)]
    return [name for name in some if not _misfits(*_parts(_laid_out(name)), theirs)]


def _may_be(record: dict[str, Any], numbers: int) -> bool:
    """Whether an architecture has so many weights, with a head of any number of classes or with none."""
    per_class, rest = record["head"]
    over = numbers - sum(count for _, count in record["stages"])
    classes, left = divmod(over - rest, per_class) if per_class else (-1, 0)
    return bool(record["stages"]) and (over == 0 or (0 < classes <= _MOST_CLASSES and left == 0))


def _laid_out(architecture: str) -> nn.Module:
    with torch.device("meta"):
        return timm.create_model(architecture, num_classes=2)


def _parts(model: nn.Module) -> tuple[dict[str, torch.Tensor], set[str]]:
    """All that a network holds but its head, and the names of the head."""
    classifier = head(model)
    new = {name for name, module in model.named_modules() if module is classifier}
    return {name: tensor for name, tensor in model.state_dict().items() if not _in(name, new)}, new


def _misfits(mine: Mapping[str, torch.Tensor], new: set[str], theirs: Mapping[str, torch.Tensor]) -> list[str]:
    """Which tensors are not a network's, and why; none where all are."""
    wrong = [said for name, tensor in mine.items() if (said := _misfit(name, tensor, theirs))]
    others = (name for name in theirs if name not in mine and not _in(name, new))
    return wrong + [f"{printable(name[:80])} has no place in it" for name in others]


def _in(name: str, modules: set[str]) -> bool:
    return any(name.startswith(f"{module}.") for module in modules)


def _misfit(name: str, tensor: torch.Tensor, theirs: Mapping[str, torch.Tensor]) -> str:
    """Why there is no tensor for this place; empty if there is one."""
    found = theirs.get(name)
    if found is None:
        return "" if name.endswith(_NOT_NEEDED) else f"{name} is missing"
    if found.shape != tensor.shape:
        return f"{name} has the shape {_shape(found)} instead of {_shape(tensor)}"
    if found.is_floating_point() != tensor.is_floating_point() or found.layout != torch.strided or found.is_quantized:
        return f"{name} is of another kind ({str(found.dtype).removeprefix('torch.')})"
    return ""


def _shape(tensor: torch.Tensor) -> str:
    return " × ".join(map(str, tensor.shape)) or "a single number"


def _read(file: Path) -> dict[str, torch.Tensor]:
    """The tensors in a file by their names in the network."""
    if file.suffix.lower() not in SUFFIXES or not file.is_file():
        what = "There is no such file." if not file.is_file() else "This is no file of weights."
        raise WeightsError(what, "Name a .safetensors or .pth file.", file)
    if file.stat().st_size > MOST:
        raise WeightsError(f"This file is larger than {MOST >> 30} GB.", "Choose the weights of one network.", file)
    try:
        found = load_file(file) if file.suffix.lower() == ".safetensors" else _read_torch(file)
    except _UNREADABLE as error:
        raise WeightsError(
            "This file holds no weights that can be read without running code from it.",
            "Save the network's state_dict() alone, best as .safetensors, and choose that file.",
            file,
        ) from error
    tensors = {name: tensor for name, tensor in found.items() if isinstance(tensor, torch.Tensor)}
    tensors = {str(name): tensor for name, tensor in tensors.items() if not str(name).startswith(_NOT_LEARNT)}
    for prefix in _PREFIXES:
        if tensors and all(name.startswith(prefix) for name in tensors):
            tensors = {name.removeprefix(prefix): tensor for name, tensor in tensors.items()}
    if not tensors:
        raise WeightsError("There are no weights in this file.", "Save the network's state_dict() into it.", file)
    return tensors


def _read_torch(file: Path) -> Mapping[Any, Any]:
    with zipfile.ZipFile(file) as archive:
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in archive.infolist()):
            raise ValueError("compressed")
    found = torch.load(file, map_location="cpu", weights_only=True, mmap=True)
    for name in _WRAPPERS:
        if isinstance(found, Mapping) and isinstance(found.get(name), Mapping):
            found = found[name]
            break
    if not isinstance(found, Mapping):
        raise TypeError("no mapping")
    return found
