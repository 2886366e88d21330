"""The catalogue of backbones: what there is, what it is like, and where its weights are. No torch unless it must be.

All of timm was surveyed once (`studio.model.survey`), and the survey comes with the studio as `backbones.json`. Where
another timm is installed a network is laid out when it is asked for, which takes seconds, and kept in the workspace.
"""

import json
import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from studio.errors import BackboneError
from studio.model.families import Family, family_of
from studio.model.places import WeightsAt, downloaded, embedded, embedded_package, source
from studio.model.tags import learnt_from
from studio.model.waking import wake
from studio.recipe import DEFAULT_BACKBONE
from studio.workspace import Workspace, write_text

__all__ = ["Backbone", "Stage", "WeightsAt", "card", "default", "embedded", "embedded_package", "names", "records"]

_SURVEY = Path(__file__).with_name("backbones.json")
_CONFIG = ("input_size", "mean", "std", "interpolation", "crop_pct")
_EDITION = 3  # of what a record says; records that were drawn differently are left lying
_SAID = 6  # tags named in a refusal


@dataclass(frozen=True)
class Stage:
    """A stretch of the network that is frozen or thawed as one; `parameters` is how many numbers it holds."""

    name: str
    parameters: int


@dataclass(frozen=True)
class Backbone:
    """A network to start from. `mean` and `std` are per colour channel, for values from 0 to 1.

    `name` may end in a tag, which says which weights: `resnet50.a1_in1k`; without one they are timm's usual ones.
    `parameters` counts the head that it was published with, of 1,000 classes; `head` is how many numbers a head holds
    for each class, and how many besides. `flops` are the floating-point operations for one picture (two for a
    multiplication with its addition) and `moved` the numbers that its operations write, where they could be counted.

    `weights` says where its pretrained weights are: inside an installed package, cached by an earlier download, to be
    downloaded (about `download_mb` megabytes), or none published. `accuracy` is the published one on ImageNet-1k
    (top-1, 0 to 1), where there is one; `taught` says with which pictures they were taught, where their tag tells it.
    `refused` says why it cannot be trained here; empty where it can.
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
    head: tuple[int, int] = (0, 0)
    flops: int | None = None
    moved: int | None = None
    accuracy: float | None = None
    taught: str = ""
    refused: str = ""

    @property
    def config(self) -> dict[str, Any]:
        """The timm data config: input_size, mean, std, interpolation, crop_pct."""
        return {name: getattr(self, name) for name in _CONFIG}

    @property
    def architecture(self) -> str:
        """Its name without a tag."""
        return self.name.partition(".")[0]

    @property
    def tag(self) -> str:
        """Which weights its name asks for; empty: timm's usual ones."""
        return self.name.partition(".")[2]

    @property
    def family(self) -> Family:
        """The kind of network."""
        return family_of(self.name)

    def trainable(self, depth: int, classes: int) -> int:
        """Numbers that learn when `depth` stages are frozen and a head of one layer has `classes` outputs."""
        return sum(stage.parameters for stage in self.stages[depth:]) + self.head[0] * classes + self.head[1]


@cache
def _survey() -> dict[str, Any]:
    return json.loads(_SURVEY.read_text(encoding="utf-8"))


def records() -> dict[str, dict[str, Any]]:
    """The survey: what is known of every architecture, by its name."""
    return _survey()["backbones"]


def config_of(record: dict[str, Any]) -> dict[str, Any]:
    """The data config that a record of the survey, or of weights in it, points to."""
    found = record["config"]
    return dict(zip(_CONFIG, _survey()["configs"][found], strict=True)) if isinstance(found, int) else found


def names(pattern: str = "") -> list[str]:
    """Architectures whose name contains `pattern` (or matches it, where it holds a `*`), embedded ones first."""
    wanted = pattern.strip().lower()
    matches = [name for name in records() if (fnmatchcase(name, wanted) if "*" in wanted else wanted in name.lower())]
    inside = [name for name in embedded() if name in matches]
    return inside + [name for name in matches if name not in inside]


def card(backbone: str, workspace: Workspace | None = None) -> Backbone:
    """All there is to say about one backbone. Raises BackboneError for a name, or a tag, that timm does not know.

    Instant where the survey knows it, and where it was asked for before; otherwise the network is laid out once,
    without allocating its weights.
    """
    architecture, _, tag = backbone.partition(".")
    record = _record(architecture, workspace)
    offered: dict[str, Any] = record["weights"]
    if tag and tag not in offered:
        raise BackboneError(f"timm has no weights {tag!r} for {architecture}.", _offered(architecture, list(offered)))
    tag = tag or next(iter(offered), "")
    said = offered.get(tag, {})
    told = config_of(said or record)
    config: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in told.items()}
    stages = tuple(Stage(name, numbers) for name, numbers in record["stages"])
    per_class, rest = record["head"]
    return Backbone(
        name=backbone,
        parameters=record["parameters"],
        features=record["features"],
        **config,
        stages=stages,
        licence=licence(said),
        download_mb=download_mb(record, said),
        weights=where(backbone, tag, said, downloaded()),
        head=(per_class, rest),
        flops=record["flops"],
        moved=record["moved"],
        accuracy=said.get("accuracy"),
        taught=learnt_from(tag) if said else "",
        refused=record.get("refused", ""),
    )


def where(backbone: str, tag: str, said: dict[str, Any], here: frozenset[str]) -> WeightsAt:
    """Where the weights are that `backbone` asks for; `tag` and `said` are theirs, `here` is what was downloaded."""
    if embedded_package(backbone):
        return "inside"
    if not said:
        return "none"
    return "cached" if source(f"{backbone.partition('.')[0]}.{tag}", said) in here else "download"


def download_mb(record: dict[str, Any], said: dict[str, Any]) -> float:
    """About how many megabytes published weights take: four bytes a number, their own head included."""
    if not said:
        return 0.0
    per_class, rest = record["head"]
    head = per_class * said["classes"] + rest if said["classes"] else 0
    return round((record["parameters"] - per_class * 1000 - rest + head) * 4 / 1e6, 1)


def licence(said: dict[str, Any]) -> str:
    """The licence of published weights, as timm states it."""
    stated = said.get("licence", "")
    return "not stated" if stated in ("", "unknown") else stated


def _offered(architecture: str, tags: list[str]) -> str:
    if not tags:
        return f"There are no published weights for {architecture}."
    more = f", and {len(tags) - _SAID} more" if len(tags) > _SAID else ""
    return f"There are: {', '.join(tags[:_SAID])}{more}."


def _record(architecture: str, workspace: Workspace | None) -> dict[str, Any]:
    if version("timm") == _survey()["timm"] and (known := records().get(architecture)):
        return known
    path = _kept(workspace, architecture) if workspace else None
    record = _read(path) if path else None
    if record is None:
        record = draw(architecture)
        if path:
            write_text(path, json.dumps(record))
    return record


def draw(architecture: str) -> dict[str, Any]:
    """The record of an architecture, asked of timm. Takes the time of importing torch, and no memory for weights.

    Raises BackboneError for a name that timm does not know.
    """
    wake()
    from timm.models import is_model

    from studio.model.survey import lay_out, weights_of

    if not is_model(architecture):
        raise BackboneError(f"timm has no backbone named {architecture!r}.", "`thaw backbones` lists all of them.")
    return lay_out(architecture) | {"weights": weights_of(architecture)}


def _kept(workspace: Workspace, name: str) -> Path:
    folder = workspace.cache / "backbones" / f"{version('timm')}-{_EDITION}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / (re.sub(r"[^\w.-]", "_", name) + ".json")


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def default() -> Backbone:
    """The card of the backbone that comes with the studio."""
    return card(DEFAULT_BACKBONE)
