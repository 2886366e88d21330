"""What each freezing depth is predicted to cost, beside what it then costs, for ten architectures: `make bench`.

For each: the prediction as the Model page makes it, then real runs of the command line whose phases are compared with
it. Time an epoch is to be within 20 %, memory at its peak within 15 %; the table says which are not. The weights are
random, read from a file as a person's own are, so that no network is needed.

Prediction and run stand minutes apart, and a machine that is busy with something else in one of them and not in the
other shows that, and nothing else. So a yardstick (one fixed convolution) is timed before and after each of them, and
where these four differ the comparison is told as disturbed, whatever came of it, and made once more.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch.nn import functional as F

from studio.model.catalogue import card
from studio.model.weights import build
from studio.recipe import FreezePlan, Recipe
from studio.workspace import Workspace
from tests.bench.peers.turns import CHECKOUT, machine

ARCHITECTURES = (
    "tf_efficientnet_lite0",
    "mobilenetv3_large_100",
    "resnet18",
    "resnet50",
    "regnety_004",
    "densenet121",
    "convnext_atto",
    "vit_tiny_patch16_224",
    "swin_tiny_patch4_window7_224",
    "vgg11_bn",
)
TIME, MEMORY = 0.20, 0.15
HEAD, THAWED = 5, 4  # epochs of each phase; an epoch of the head takes some milliseconds, so that one is not enough
UNSTEADY, TURNS = 0.2, 3  # by how much yardsticks of a comparison may differ, and how often it is made at the most
CHOSEN = os.environ.get("THAW_BENCH_BACKBONES", ",".join(ARCHITECTURES)).split(",")


@pytest.fixture(scope="module")
def rows() -> Iterator[list[dict[str, Any]]]:
    """A row a comparison; the table is printed at the end, and every miss named."""
    found: list[dict[str, Any]] = []
    print(f"\n{machine()}")
    yield found
    for what, limit in (("time", TIME), ("memory", MEMORY)):
        all_ = [row for row in found if row["what"] == what]
        within = [row for row in all_ if abs(row["actual"] / row["predicted"] - 1) <= limit]
        steady = sum(row["steady"] for row in all_)
        print(f"{what}: {len(within)} of {len(all_)} within {limit:.0%}; {len(all_) - steady} of them disturbed")


@pytest.mark.parametrize("backbone", CHOSEN)
def bench_predicted_and_actual(
    backbone: str, pictures: Callable[..., Path], tmp_path: Path, rows: list[dict[str, Any]]
) -> None:
    source = os.environ.get("THAW_BENCH_PICTURES") or str(pictures(each=160, side=256))
    stages = len(card(backbone).stages)
    recipe = Recipe.model_validate({"name": backbone, "data": {"source": source}, "model": {"backbone": backbone}})
    recipe = recipe.amended({"model.weights": str(_weights(backbone, tmp_path)), "schedule.epochs": HEAD + THAWED})
    lacking = list(dict.fromkeys((stages // 2, 0)))
    for turn in range(TURNS):
        folder = tmp_path / str(turn)
        folder.mkdir()
        workspace = str(Workspace.at(folder / "workspace").root)
        took, _, timing = _between_yardsticks([*_PACING, str(_file(recipe, folder)), workspace])
        print(f"\n{backbone}: timed in {took:.0f} s")
        for depth in list(lacking):
            planned = recipe.amended({"freeze": FreezePlan.two_phase(depth=depth, head_epochs=HEAD)})
            train = [*_TRAIN, str(_file(planned, folder)), "--json", "--workspace", workspace]
            _, told, running = _between_yardsticks(train)
            marks = [1e3 * mark for mark in (*timing, *running)]
            steady = max(marks) <= min(marks) * (1 + UNSTEADY)
            print("  yardsticks", *(f"{mark:.1f}" for mark in marks), "ms" if steady else "ms: disturbed")
            found = [row | {"steady": steady} for row in _rows(json.loads(told)["cost"])]
            print("\n".join(f"  depth {row['depth']!s:>4} of {stages}: {row['told']}" for row in found))
            if steady or turn == TURNS - 1:
                rows += found
                lacking.remove(depth)
        if not lacking:
            return


_PACING = [sys.executable, "-m", "studio.training.pacing"]
_TRAIN = [sys.executable, "-m", "studio.cli", "train"]


def _between_yardsticks(command: list[str]) -> tuple[float, str, tuple[float, float]]:
    """Seconds that a command took, what it said, and the yardsticks before and after it."""
    before, began = _yardstick(), time.monotonic()
    told = _run(command)
    took = time.monotonic() - began
    return took, told, (before, _yardstick())


def _rows(cost: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for phase in cost["phases"]:
        yield _row("time", phase["depth"], phase["predicted"], phase["seconds"], 1.0, "s an epoch")
    yield _row("memory", "–", cost["predicted_bytes"], cost["peak_bytes"], 1e6, "MB")


def _row(what: str, depth: object, predicted: float, actual: float, unit: float, words: str) -> dict[str, Any]:
    told = f"predicted {predicted / unit:.4g}, was {actual / unit:.4g} {words} ({actual / predicted - 1:+.0%})"
    return {"what": what, "depth": depth, "predicted": predicted, "actual": actual, "told": told}


def _weights(backbone: str, folder: Path) -> Path:
    """Random weights as a file of one's own."""
    torch.manual_seed(0)
    path = folder / f"{backbone}.safetensors"
    tensors = build(backbone, 1000, pretrained=False).state_dict()
    save_file({name: tensor.contiguous().clone() for name, tensor in tensors.items()}, path)
    return path


def _file(recipe: Recipe, folder: Path) -> Path:
    path = folder / "recipe.toml"
    path.write_text(recipe.to_toml(), encoding="utf-8")
    return path


def _run(command: list[str]) -> str:
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def _yardstick() -> float:
    """Seconds of a fixed piece of work: the middle one of several."""
    inputs, weight = torch.rand(8, 64, 56, 56), torch.rand(64, 64, 3, 3)
    found = []
    for _ in range(60):
        began = time.perf_counter()
        F.conv2d(inputs, weight, padding=1)
        found.append(time.perf_counter() - began)
    return median(found[3:])
