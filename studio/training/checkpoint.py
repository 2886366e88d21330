"""Checkpoints: safetensors with everything needed to use the model again, written whole or not at all."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from studio.augment.geometry import Geometry
from studio.errors import RunError
from studio.model.weights import build
from studio.recipe import HeadChoice
from studio.workspace import replace_file

OWN = "thaw."  # what the names of tensors begin with that are no weights of the network
OPTIMIZER, AVERAGE = f"{OWN}optimizer.", f"{OWN}average."  # the optimizer's memory; the running mean of the weights


@dataclass(frozen=True)
class Card:
    """What a checkpoint says about itself."""

    backbone: str
    classes: tuple[str, ...]
    geometry: Geometry
    epoch: int
    val_accuracy: float
    head: HeadChoice = field(default_factory=HeadChoice)


def save(path: Path, state: Mapping[str, torch.Tensor], card: Card, more: Mapping[str, str] | None = None) -> None:
    """Write weights and card to `path`; a reader, or a power cut, meets the old file or the new one.

    `more` is further metadata. Raises RunError where the disk does not take it.
    """
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}
    metadata = {"thaw": json.dumps(asdict(card) | {"head": card.head.model_dump()})} | dict(more or {})
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
        return Card(
            record["backbone"],
            tuple(record["classes"]),
            geometry,
            record["epoch"],
            record["val_accuracy"],
            HeadChoice.model_validate(record.get("head", {})),
        )
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise RunError("This checkpoint cannot be read.", "Train the run again.", path) from error


def load(path: Path, device: torch.device) -> tuple[nn.Module, Card]:
    """The model in evaluation mode, and its card. Raises RunError where the file or its weights do not fit."""
    card = read_card(path)
    size, classes = card.geometry.size, len(card.classes)
    model = build(card.backbone, classes, pretrained=False, image_size=size, head=card.head)
    try:
        with safe_open(path, framework="pt", device=str(device)) as file:
            names = [name for name in file.keys() if not name.startswith(OWN)]  # noqa: SIM118
            model.load_state_dict({name: file.get_tensor(name) for name in names})
    except (RuntimeError, SafetensorError, OSError) as error:
        raise RunError(f"This checkpoint does not fit {card.backbone}.", "Train the run again.", path) from error
    return model.to(device).eval(), card


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
