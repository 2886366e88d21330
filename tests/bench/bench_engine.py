"""What the engine costs beyond what nobody can avoid, and what its shortcuts do to accuracy: `make bench`.

THAW_BENCH_PICTURES names a folder of photographs in classes; the digits and the 60,000 are made here.
"""

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import mean, median, stdev
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from studio.data.demo import digits
from studio.model.boundary import cut
from studio.model.frozen import Frozen
from studio.model.heap import keep_heap
from studio.recipe import DataChoice, Recipe
from studio.training.events import Finished, Looked, Started, Validated
from studio.training.loader import Pictures, to_input
from studio.training.prepare import load_data, network
from studio.training.train import train
from studio.training.world import World
from studio.workspace import Workspace
from tests.bench.peers.turns import CHECKOUT, ROUNDS, machine

SEEDS = range(5)
CPU = torch.device("cpu")
NOTHING = {"engine.cache": "off", "engine.precision": "float32"}  # no shortcut at all
FLOWN = {"freeze.strategy": "two-phase", "freeze.depth": 0, "model.image_size": 64, "augment.preset": "gentle"}


@pytest.fixture(scope="module")
def photographs() -> Recipe:
    source = os.environ.get("THAW_BENCH_PICTURES")
    if not source:
        pytest.skip("THAW_BENCH_PICTURES names no folder of photographs.")
    return Recipe(data=DataChoice(source=source))


@pytest.fixture(scope="module")
def digits_recipe(tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    folder = digits(Workspace(tmp_path_factory.mktemp("digits")))
    return Recipe(data=DataChoice(source=str(folder)))


@pytest.fixture(scope="module", autouse=True)
def told() -> Iterator[None]:
    print(f"\n{machine()}")
    yield


def best(recipe: Recipe, workspace: Workspace | None = None) -> float:
    accuracy = next(e.val_accuracy for e in train(recipe, workspace=workspace) if isinstance(e, Finished))
    assert accuracy is not None
    return accuracy


def bench_no_shortcut_costs_accuracy_on_photographs(photographs: Recipe, workspace: Workspace) -> None:
    """Five seeds each. Features of a picture are kept between the seeds, which is one of the shortcuts."""
    exact = {"engine.precision": "float32"}
    last = {"freeze.strategy": "full", "freeze.depth": 7, "schedule.epochs": 4}
    varied = {"augment.preset": "standard"}
    ways: dict[str, dict[str, Any]] = {
        "head: kept features, float32": exact,
        "head: kept features, bfloat16": {},
        "head: new variations every epoch, bfloat16": varied,
        "head: 2 fixed variations, kept, bfloat16": varied | {"augment.views": 2},
        "last stages: kept features, float32": last | exact,
        "last stages: kept features, bfloat16, planned": last,
    }
    compare(photographs, ways, workspace)


def bench_no_shortcut_costs_accuracy_on_digits(digits_recipe: Recipe, workspace: Workspace) -> None:
    ways = {
        "head: whole network every step, float32": NOTHING | {"model.image_size": 64},
        "head: kept features, bfloat16": {"model.image_size": 64},
        "thawed: whole network every step, float32": NOTHING | FLOWN,
        "thawed: bfloat16, planned": FLOWN,
    }
    compare(digits_recipe, ways, workspace)


def compare(recipe: Recipe, ways: dict[str, dict[str, Any]], workspace: Workspace) -> None:
    print("\n| way | best val accuracy, mean of 5 seeds | standard deviation | seeds |\n|---|---|---|---|")
    for what, changes in ways.items():
        found = [best(recipe.amended({**changes, "seed": seed}), workspace) for seed in SEEDS]
        print(f"| {what} | {mean(found):.4f} | {stdev(found):.4f} | {', '.join(f'{one:.4f}' for one in found)} |")


def bench_share_of_a_cold_run_that_is_decode_and_frozen_forward(photographs: Recipe, tmp_path: Path) -> None:
    """The floor is measured by itself, in turns with the run: the same pictures decoded, the same front run."""
    floors, runs = [], []
    for turn in range(ROUNDS):
        floors.append(floor(photographs, Workspace(tmp_path / f"floor-{turn}")))
        began = time.perf_counter()
        best(photographs, Workspace(tmp_path / f"run-{turn}"))
        runs.append(time.perf_counter() - began)
    decode, forward = median(one for one, _ in floors), median(other for _, other in floors)
    share = (decode + forward) / median(runs)
    print(f"\ncold run {median(runs):.2f} s; decode {decode:.2f} s + frozen forward {forward:.2f} s: share {share:.2f}")


def floor(recipe: Recipe, workspace: Workspace) -> tuple[float, float]:
    """Seconds to decode every picture of a recipe, and to run its frozen front over all of them."""
    keep_heap()
    dataset = load_data(recipe, workspace)
    model, geometry = network(recipe, len(dataset.classes), World(0, 1, CPU))
    pictures = Pictures(dataset, dataset.samples, geometry)
    began = time.perf_counter()
    squares = torch.cat(list(pictures.walk(64)))
    decode = time.perf_counter() - began
    noise = torch.rand(3, 3, geometry.size, geometry.size)
    with torch.no_grad():
        halves = cut(model, [99], noise)
        assert halves is not None
        frozen = Frozen(halves.front([99]), CPU, looks=len(squares))
        frozen(to_input(squares[:16], geometry, CPU))
        began = time.perf_counter()
        for part in squares.split(16):
            frozen(to_input(part, geometry, CPU))
    return decode, time.perf_counter() - began


def bench_a_second_run_with_another_rate(photographs: Recipe, workspace: Workspace) -> None:
    """From the call of `train` to the end of the first epoch, with torch imported, as in a server that ran before."""
    best(photographs, workspace)
    firsts = []
    for turn in range(ROUNDS):
        began = time.perf_counter()
        for event in train(photographs.amended({"optimizer.lr": 1e-3 * (turn + 1)}), workspace=workspace):
            if isinstance(event, Validated):
                firsts.append(time.perf_counter() - began)
                break
    print(f"\na second run, to the end of its first epoch: {median(firsts):.2f} s (asked: 1.5)")


def bench_sixty_thousand(tmp_path: Path) -> None:
    """Peak memory of a process that learns on so many pictures, and what a picture costs as their number grows."""
    print("\n| pictures | seconds of the first look | ms a picture | s an epoch | peak memory |\n|---|---|---|---|---|")
    for count in (1_000, 10_000, 60_000):
        source = many(tmp_path / str(count), count)
        done = subprocess.run(
            [sys.executable, "-m", "tests.bench.bench_engine", str(source)],
            cwd=CHECKOUT,
            capture_output=True,
            text=True,
            check=True,
        )
        told = json.loads(done.stdout.splitlines()[-1])
        print(
            f"| {count:,} | {told['look']:.1f} | {1000 * told['look'] / count:.2f} | {told['epoch']:.3f} "
            f"| {told['memory'] / 2**30:.2f} GiB |"
        )


def many(folder: Path, count: int) -> Path:
    """JPEGs of noise over a colour, 160 × 120 pixels, in ten classes."""
    chance = np.random.default_rng(0)
    for number in range(count):
        place = folder / f"class-{number % 10}"
        place.mkdir(parents=True, exist_ok=True)
        small = chance.integers(0, 256, (6, 8, 3), np.uint8) // 2 + np.uint8(12 * (number % 10))
        Image.fromarray(small).resize((160, 120)).save(place / f"{number:06d}.jpg", quality=80)
    return folder


def main() -> None:
    """One run on a folder: seconds from the network being ready to all pictures seen, of an epoch, peak memory."""
    recipe = Recipe(data=DataChoice(source=sys.argv[1])).amended({"model.image_size": 64, "schedule.epochs": 3})
    marks: dict[str, float] = {}
    epochs = []
    for event in train(recipe):
        if isinstance(event, (Started, Looked)):
            marks[type(event).__name__] = time.perf_counter()
        elif isinstance(event, Validated):
            epochs.append(event.seconds)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"look": marks["Looked"] - marks["Started"], "epoch": median(epochs), "memory": memory}))


if __name__ == "__main__":
    main()
