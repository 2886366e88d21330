"""The survey of timm: `python -m studio.model.survey` lays out every architecture and writes `backbones.json`.

No weights are made or downloaded: a network is laid out on the meta device, where tensors have shapes and no numbers.
A second call goes on with what a first one left in `--beside`, a file of one architecture a line.
"""

import argparse
import csv
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import timm
import torch
from timm.data.config import resolve_data_config
from timm.models import get_pretrained_cfg
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from studio.errors import StudioError
from studio.model.stages import head, stages

SHIPPED = Path(__file__).with_name("backbones.json")
PUBLISHED = Path(__file__).with_name("published.csv")
CONFIG = ("input_size", "mean", "std", "interpolation", "crop_pct")
_CLASSES = 997  # a number that no other side of a tensor has
_VIEWS = {"view", "_unsafe_view", "reshape", "t", "transpose", "permute", "expand", "slice", "select", "unsqueeze",
          "squeeze", "detach", "alias", "split", "split_with_sizes", "unbind", "chunk", "as_strided"}  # fmt: skip
# What laying out or trying on an architecture that cannot take it is known to raise.
_CANNOT = (RuntimeError, NotImplementedError, TypeError, ValueError, AttributeError, AssertionError, KeyError)


def lay_out(architecture: str) -> dict[str, Any]:
    """All that the catalogue says of an architecture that timm knows, as plain values; it takes a second or so.

    `parameters` counts a head of 1,000 classes; the head has `head[0]` numbers a class and `head[1]` besides. `flops`
    are those of one picture at `input_size`, two for a multiplication with its addition, and `moved` the numbers that
    its operations write; None where it cannot be tried without weights. `refused` says why it cannot be trained here.
    """
    with torch.device("meta"):
        model = timm.create_model(architecture, num_classes=_CLASSES).eval()
    config = resolve_data_config({}, model=model)
    record: dict[str, Any] = {"config": {name: _plain(config[name]) for name in CONFIG}}
    try:
        cut = [[stage.name, stage.numbers] for stage in stages(model)]
        per_class, rest = _head_numbers(head(model))
    except StudioError as error:
        cut, per_class, rest, record["refused"] = [], 0, 0, error.what
    except _CANNOT:
        cut, per_class, rest = [], 0, 0
        record["refused"] = f"{type(model).__name__} has no classifier that could be trained."
    numbers = sum(numbers for _, numbers in cut) or sum(tensor.numel() for tensor in model.parameters())
    flops, moved = _effort(model, config["input_size"])
    return record | {
        "parameters": numbers + per_class * 1000 + rest,
        "head": [per_class, rest],
        "features": int(getattr(model, "head_hidden_size", None) or model.num_features),  # type: ignore[arg-type]
        "flops": flops,
        "moved": moved,
        "stages": cut,
    }


def weights_of(architecture: str) -> dict[str, dict[str, Any]]:
    """The pretrained weights that are published for an architecture, by their tags, the usual ones first."""
    found = {}
    first = get_pretrained_cfg(architecture)
    tagged = timm.list_models(f"{architecture}.*", pretrained=True)
    for name in sorted(tagged, key=lambda name: name != f"{architecture}.{first.tag if first else ''}"):
        cfg = get_pretrained_cfg(name)
        if cfg is None or not cfg.has_weights:
            continue
        config = resolve_data_config(pretrained_cfg=cfg.to_dict())
        said: dict[str, Any] = {
            "licence": cfg.license or "",
            "classes": cfg.num_classes,
            "config": {name: _plain(config[name]) for name in CONFIG},
        }
        if cfg.hf_hub_id and cfg.hf_hub_id != f"timm/{name}":
            said["hub"] = cfg.hf_hub_id
        if not cfg.hf_hub_id:
            said["url"] = cfg.url
        found[name.partition(".")[2]] = said
    return found


def published() -> dict[str, float]:
    """ImageNet-1k accuracies (top-1, 0 to 1) that were published, by backbone with its tag.

    From timm's own results, and for weights that torchvision made from what torchvision states of the same file.
    """
    import torchvision

    found = {}
    stated = {}
    for name in torchvision.models.list_models(module=torchvision.models):
        for weights in torchvision.models.get_model_weights(name):
            accuracy = weights.meta.get("_metrics", {}).get("ImageNet-1K", {}).get("acc@1")
            stated[weights.url.rpartition("/")[2]] = accuracy
    for name in timm.list_pretrained():
        cfg = get_pretrained_cfg(name)
        if cfg and cfg.url and (accuracy := stated.get(str(cfg.url).rpartition("/")[2])):
            found[name] = round(accuracy / 100, 5)
    if PUBLISHED.is_file():
        with PUBLISHED.open(encoding="utf-8") as lines:
            rows = csv.DictReader(line for line in lines if not line.startswith("#"))
            found |= {row["backbone"]: round(float(row["top1"]) / 100, 5) for row in rows}
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return [round(float(number), 6) if isinstance(number, float) else int(number) for number in value]
    return round(value, 6) if isinstance(value, float) else value


def _head_numbers(classifier: nn.Module) -> tuple[int, int]:
    """How many numbers a head holds for each class, and how many besides."""
    grows = sum(tensor.numel() // _CLASSES for tensor in classifier.parameters() if _CLASSES in tensor.shape)
    return grows, sum(tensor.numel() for tensor in classifier.parameters() if _CLASSES not in tensor.shape)


class _Written(TorchDispatchMode):
    """Counts the numbers that operations write, views left out."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if isinstance(result, torch.Tensor) and func.overloadpacket.__name__ not in _VIEWS:
            self.numbers += result.numel()
        return result


def _effort(model: nn.Module, size: tuple[int, int, int]) -> tuple[int | None, int | None]:
    """Floating-point operations, and numbers written, for one picture of this size; None where it cannot be tried."""
    model.requires_grad_(False)  # the counter would look for gradients of parameters that a module is given
    counter, written = FlopCounterMode(display=False), _Written()
    try:
        with torch.no_grad(), torch.device("meta"), counter, written:
            model(torch.empty(1, *size))
    except _CANNOT:
        return None, None
    return int(counter.get_total_flops()), written.numbers


def survey(beside: Path, tell: Callable[[str], None] = print) -> dict[str, Any]:
    """Every architecture of the installed timm; what is already in the file `beside` is taken from there."""
    lines = beside.read_text(encoding="utf-8").splitlines() if beside.is_file() else []
    done: dict[str, Any] = dict(json.loads(line) for line in lines)
    names = timm.list_models()
    with beside.open("a", encoding="utf-8") as file:
        for name in names:
            if name not in done:
                done[name] = lay_out(name)
                file.write(json.dumps([name, done[name]]) + "\n")
                file.flush()
                tell(f"{len(done)} of {len(names)}: {name} {done[name].get('refused', '')}")
    return {name: done[name] for name in names}


def write(found: dict[str, Any], file: Path = SHIPPED) -> None:
    """Write the survey down: one architecture a line, each data config once."""
    accuracies = published()
    configs: list[Any] = []

    def numbered(config: dict[str, Any]) -> int:
        values = [config[name] for name in CONFIG]
        if values not in configs:
            configs.append(values)
        return configs.index(values)

    lines = []
    for name, laid_out in found.items():
        record = {**laid_out, "config": numbered(laid_out["config"]), "weights": {}}
        for tag, said in weights_of(name).items():
            record["weights"][tag] = {**said, "config": numbered(said["config"])}
            if accuracy := accuracies.get(f"{name}.{tag}"):
                record["weights"][tag]["accuracy"] = accuracy
        lines.append(f"{json.dumps(name)}: {json.dumps(record, separators=(',', ':'))}")
    top = f'{{"timm": {json.dumps(timm.__version__)},\n"configs": {json.dumps(configs)},\n"backbones": {{\n'
    file.write_text(top + ",\n".join(lines) + "\n}}\n", encoding="utf-8")


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--beside", type=Path, required=True, help="where to keep what was found so far")
    chosen = parser.parse_args()
    logging.getLogger("timm").setLevel(logging.ERROR)
    write(survey(chosen.beside))


if __name__ == "__main__":
    main()
