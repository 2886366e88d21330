"""Small recipes for tests: a network made for tests, small pictures, few epochs; and one made ready."""

from pathlib import Path
from typing import Any

from studio.recipe import DataChoice, ModelChoice, Recipe, ScheduleChoice
from studio.training.prepare import Job, make_ready
from studio.training.world import World
from studio.workspace import Workspace
from tests.working import done


def tiny(source: Path, **changes: Any) -> Recipe:
    """Two epochs of a tiny untrained network on 32-pixel pictures; `changes` use __ for the dot of a field."""
    recipe = Recipe(
        name="tiny",
        data=DataChoice(source=str(source)),
        model=ModelChoice(backbone="test_resnet", pretrained=False, image_size=32),
        schedule=ScheduleChoice(epochs=2, batch_size=4),
    )
    return recipe.amended({name.replace("__", "."): value for name, value in changes.items()})


def ready(recipe: Recipe, workspace: Workspace) -> Job:
    """The recipe's network as a run has it before its first look at the pictures."""
    return done(make_ready(recipe, workspace, World.join()))[1]
