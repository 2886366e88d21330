"""The demo: from nothing to a trained model, on pictures everybody can read."""

from studio.data.demo import digits
from studio.errors import DataError
from studio.recipe import AugmentChoice, DataChoice, FreezePlan, ModelChoice, OptimizerChoice, Recipe, ScheduleChoice
from studio.workspace import Workspace


def demo_recipe(workspace: Workspace, which: str = "digits") -> Recipe:
    """The recipe of a demo, its pictures laid out in the workspace at first use.

    `digits` shows what thawing is for: the head alone reads about nine digits in ten, thawing brings nearly all of
    them. `inspection` looks for faults in textile. Raises DataError where its package is not installed.
    """
    if which == "inspection":
        return _inspection()
    return Recipe(
        name="Digits demo",
        data=DataChoice(source=str(digits(workspace))),
        model=ModelChoice(image_size=64),
        freeze=FreezePlan(strategy="two-phase", depth=0, head_epochs=3),
        optimizer=OptimizerChoice(lr=4e-3),
        augment=AugmentChoice(preset="gentle"),
        schedule=ScheduleChoice(epochs=8, batch_size=32, warmup=0.25),
    )


def _inspection() -> Recipe:
    from studio.data.demo import inspection

    source = inspection()
    if source is None:
        raise DataError("The inspection demo's pictures are not installed.", "pip install conformal-clip-data")
    return Recipe(name="Inspection demo", data=DataChoice(source=str(source)))
