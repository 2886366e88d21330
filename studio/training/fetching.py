"""Weights that must be downloaded before a run can begin: told as they come, and given up when the run is stopped."""

import time
from collections.abc import Callable, Generator

from studio.model.weights import fetch
from studio.recipe import Recipe
from studio.training.events import Event, Prepared
from studio.training.world import World

_TELL_EVERY = 0.25  # seconds between two Prepared events at the least


def fetched(recipe: Recipe, world: World, stopped: Callable[[], bool]) -> Generator[Event, None, bool]:
    """See that the published weights are on this computer, if the recipe starts from them; False if it was stopped.

    The main process downloads and the others wait. Raises WeightsError where they cannot be had, within seconds where
    there is no network; BackboneError for a backbone that timm does not know.
    """
    if not recipe.model.pretrained or recipe.model.weights:
        return True
    if not world.is_main:
        while (left := world.share(None)) == "coming":
            pass
        return left == "here"
    doing, told = f"Downloading the weights of {recipe.model.backbone}", 0.0
    coming, left = fetch(recipe.model.backbone), "stopped"
    try:
        for here, whole in coming:
            if world.size == 1 and stopped():
                return False
            if time.monotonic() - told >= _TELL_EVERY or here == whole:
                told = time.monotonic()
                yield Prepared(doing, here, whole, unit="bytes")
                if world.size > 1:
                    if stopped():
                        return False
                    world.share("coming")
        left = "here"
    finally:
        coming.close()
        if world.size > 1:
            world.share(left)
    return True
