"""What the shortcuts of the engine are worth, as ratios from one run: `make bench`.

Timings on a shared machine drift, so both ways take turns and medians are compared; nothing here passes or fails by a
clock.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from statistics import median

import pytest

from studio.recipe import DataChoice, FreezePlan, Recipe
from studio.training.events import Finished, Validated
from studio.training.keeper import Keeper
from studio.training.train import train
from tests.bench.peers.turns import CHECKOUT, machine

ROUNDS = 3
WAITS = {  # of OpenMP's threads, for each other
    "asleep at once": {"GOMP_SPINCOUNT": "0"},
    "as the studio says": {},
    "spinning for 3 ms": {"GOMP_SPINCOUNT": "300000"},  # as the library would by itself
}


def epochs(recipe: Recipe) -> tuple[float, float]:
    """(median seconds of an epoch after the first, best accuracy) of one run."""
    events = list(train(recipe))
    seconds = [event.seconds for event in events if isinstance(event, Validated)][1:]
    accuracy = next(event.val_accuracy for event in events if isinstance(event, Finished))
    assert accuracy is not None
    return median(seconds), accuracy


@pytest.mark.parametrize("preset", ["none", "standard"])
def bench_head_only_epochs_with_and_without_kept_features(pictures: Callable[..., Path], preset: str) -> None:
    source = pictures(classes=("a", "b", "c"), each=60, side=256)
    recipe = Recipe(data=DataChoice(source=str(source))).amended({"schedule.epochs": 3, "augment.preset": preset})
    found: dict[str, list[tuple[float, float]]] = {"auto": [], "off": []}
    for _ in range(ROUNDS):
        for cache, runs in found.items():
            runs.append(epochs(recipe.amended({"engine.cache": cache})))
    kept, anew = (median(seconds for seconds, _ in found[cache]) for cache in ("auto", "off"))
    print(
        f"\nhead only, {preset}: {anew:.2f} s an epoch anew, {kept:.4f} s with kept features: {anew / kept:.1f} times"
    )
    assert found["auto"][0][1] == pytest.approx(found["off"][0][1], abs=1e-6), "a shortcut must not change the result"


@pytest.mark.parametrize("backbone", ["tf_efficientnet_lite0", "mobilenetv3_large_100", "vgg11_bn"])
def bench_epochs_of_a_head_whose_best_is_kept(
    pictures: Callable[..., Path], backbone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the end of one epoch to that of the next, where what is frozen is copied with the best, and where not."""
    source = pictures(classes=("a", "b"), each=80, side=256)
    recipe = Recipe.model_validate({"data": {"source": str(source)}, "model": {"backbone": backbone}})
    recipe = recipe.amended({"model.pretrained": False, "schedule.epochs": 16, "schedule.patience": 0})
    found: dict[str, list[float]] = {"not copied": [], "copied": []}
    for _ in range(ROUNDS):
        for how, seconds in found.items():
            with monkeypatch.context() as patch:
                if how == "copied":
                    patch.setattr(Keeper, "freeze", lambda *_: None)
                ends = [time.perf_counter() for event in train(recipe) if isinstance(event, Validated)]
            seconds.append(median(later - sooner for sooner, later in pairwise(ends)))
    shared, copied = (median(seconds) for seconds in found.values())
    print(f"\n{backbone}, a head: {1000 * copied:.1f} ms an epoch, {1000 * shared:.1f} ms: {copied / shared:.1f} times")


@pytest.mark.parametrize("busy", [0, 1, 3])
def bench_threads_that_wait(pictures: Callable[..., Path], tmp_path: Path, busy: int) -> None:
    """Epochs of a network that learns throughout, alone on the machine and beside programs that never rest."""
    source = pictures(classes=("a", "b"), each=24, side=256)
    recipe = Recipe.model_validate({"data": {"source": str(source)}, "model": {"pretrained": False}})
    recipe = recipe.amended({"schedule.epochs": 4, "freeze": FreezePlan(strategy="full")})
    path = tmp_path / "recipe.toml"
    path.write_text(recipe.to_toml(), encoding="utf-8")
    command = [sys.executable, "-m", "studio.cli", "train", str(path), "--json", "--workspace", str(tmp_path / "ws")]
    found: dict[str, list[float]] = {how: [] for how in WAITS}
    subprocess.run(command, cwd=CHECKOUT, capture_output=True, check=True)  # times its layers once, for all of them
    with _busy(busy):
        for _ in range(ROUNDS):
            for how, words in WAITS.items():
                told = subprocess.run(command, cwd=CHECKOUT, env=os.environ | words, capture_output=True, check=True)
                found[how].append(json.loads(told.stdout)["cost"]["phases"][0]["seconds"])
    own = median(found["as the studio says"])
    print(f"\n{machine()}\nbeside {busy} busy programs, s an epoch:")
    for how, seconds in found.items():
        print(f"  {how}: {median(seconds):.2f}, {median(seconds) / own:.2f} times the studio's")


@contextmanager
def _busy(programs: int) -> Iterator[None]:
    """Beside so many programs that never rest."""
    running = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(programs)]
    try:
        yield
    finally:
        for program in running:
            program.kill()
            program.wait()
