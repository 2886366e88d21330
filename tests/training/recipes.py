"""Small recipes for tests: a network made for tests, small pictures, few epochs."""

from pathlib import Path
from typing import Any

from studio.recipe import DataChoice, ModelChoice, Recipe, ScheduleChoice


def tiny(source: Path, **changes: Any) -> Recipe:
    """Two epochs of a tiny untrained network on 32-pixel pictures; `changes` use __ for the dot of a field."""
    recipe = Recipe(
        name="tiny",
        data=DataChoice(source=str(source)),
        model=ModelChoice(backbone="test_resnet", pretrained=False, image_size=32),
        schedule=ScheduleChoice(epochs=2, batch_size=4),
    )
    return recipe.amended({name.replace("__", "."): value for name, value in changes.items()})
