"""Checkpoints: safetensors with everything needed to use the model again, written whole or not at all."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from studio.augment.geometry import Geometry
from studio.errors import RunError
from studio.model.weights import build
from studio.workspace import replace_file

OPTIMIZER = "thaw.optimizer."  # what the names of an optimizer's tensors begin with


@dataclass(frozen=True)
class Card:
    """What a checkpoint says about itself."""

    backbone: str
    classes: tuple[str, ...]
    geometry: Geometry
    epoch: int
    val_accuracy: float


def save(path: Path, state: Mapping[str, torch.Tensor], card: Card, more: Mapping[str, str] | None = None) -> None:
    """Write weights and card to `path`; a reader, or a power cut, meets the old file or the new one.

    `more` is further metadata. Raises RunError where the disk does not take it.
    """
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}
    metadata = {"thaw": json.dumps(asdict(card))} | dict(more or {})
    try:
        replace_file(path, lambda temporary: save_file(tensors, temporary, metadata=metadata))
    except (OSError, SafetensorError) as error:
        raise RunError(
            f"The checkpoint cannot be written: {getattr(error, 'strerror', None) or error}.",
            "See that the disk has room and the folder can be written.",
            path,
        ) from error


def read_card(path: Path) -> Card:
    """The card alone. Raises RunError for a file that is no checkpoint of the studio."""
    try:
        with safe_open(path, framework="pt") as file:
            record = json.loads((file.metadata() or {})["thaw"])
        geometry = Geometry(**{name: _tuple(value) for name, value in record["geometry"].items()})
        return Card(record["backbone"], tuple(record["classes"]), geometry, record["epoch"], record["val_accuracy"])
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise RunError("This checkpoint cannot be read.", "Train the run again.", path) from error


def load(path: Path, device: torch.device) -> tuple[nn.Module, Card]:
    """The model in evaluation mode, and its card. Raises RunError where the file or its weights do not fit."""
    card = read_card(path)
    model = build(card.backbone, len(card.classes), pretrained=False, image_size=card.geometry.size)
    try:
        with safe_open(path, framework="pt", device=str(device)) as file:
            names = [name for name in file.keys() if not name.startswith(OPTIMIZER)]  # noqa: SIM118
            model.load_state_dict({name: file.get_tensor(name) for name in names})
    except (RuntimeError, SafetensorError, OSError) as error:
        raise RunError(f"This checkpoint does not fit {card.backbone}.", "Train the run again.", path) from error
    return model.to(device).eval(), card


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
