"""What the shortcuts of the engine are worth, as ratios from one run: `make bench`.

Timings on a shared machine drift, so both ways take turns and medians are compared; nothing here passes or fails by a
clock.
"""

from collections.abc import Callable
from pathlib import Path
from statistics import median

import pytest

from studio.recipe import DataChoice, Recipe
from studio.training.events import Finished, Validated
from studio.training.train import train

ROUNDS = 3


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
