"""The command that shows what a pipeline does to one's own pictures."""

from pathlib import Path
from typing import Annotated, Any

import typer

from studio.cli.frame import DataArgument, JsonOption, WorkspaceOption, app, bar, document, place, say
from studio.errors import DataError, RecipeError


@app.command()
def augment(
    data: DataArgument,
    preset: Annotated[
        str, typer.Option(help="none, gentle, standard, strong, documents, microscopy, faces.")
    ] = "standard",
    out: Annotated[Path, typer.Option(metavar="PNG", help="Where to write the grid.")] = Path("augmented.png"),
    pipeline: Annotated[
        Path | None,
        typer.Option(metavar="JSON", help="A pipeline that albumentations.save wrote, instead of a preset."),
    ] = None,
    strength: Annotated[float, typer.Option(help="From 0 to 2; 1: as written.")] = 1.0,
    pictures: Annotated[int, typer.Option(min=1, max=64, help="How many pictures, from all classes.")] = 4,
    variants: Annotated[int, typer.Option(min=1, max=32, help="How many variants of each.")] = 6,
    seed: Annotated[int, typer.Option(min=0, help="The same seed shows the same variants.")] = 0,
    image_size: Annotated[
        int | None, typer.Option(min=16, max=1024, help="Side in pixels; default: the backbone's.")
    ] = None,
    workspace: WorkspaceOption = None,
    json_: JsonOption = False,
) -> None:
    """Draw pictures beside their variants, as training would show them, into one PNG file."""
    from studio.augment.cost import measure
    from studio.augment.grid import grid
    from studio.augment.pipeline import Pipeline
    from studio.data.ahead import THREADS

    if out.suffix.lower() != ".png":
        raise RecipeError("The grid is written as a PNG file.", "Name it like grid.png.", out)
    choice = {"augment.preset": preset, "augment.strength": strength, "model.image_size": image_size, "seed": seed}
    if pipeline is not None:
        choice |= {"augment.preset": "custom", "augment.steps": _steps(pipeline)}
    with bar("Varying the pictures"):
        recipe, geometry, chosen = _chosen(data, choice, pictures, workspace)
        varied = Pipeline(recipe.augment, geometry.size)
        bases, places = [base for _, _, base in chosen], [index for _, index, _ in chosen]
        _write(out, grid(varied, geometry, bases, places, recipe.seed, variants))
        cost = measure(varied, bases, THREADS)
    if json_:
        steps = [step.model_dump() for step in varied.steps]
        paths = [path for path, _, _ in chosen]
        shown = {"out": str(out), "pictures": paths, "variants": variants, "steps": steps}
        document({**shown, "images_per_second": cost.pace, "shares": [list(pair) for pair in cost.shares]})
        return
    say(f"Written: {out} ({len(chosen)} pictures, {variants} variants of each)", cost.sentence())


def _steps(path: Path) -> Any:
    from studio.augment.portable import MOST_BYTES, from_json

    try:
        with path.open("rb") as file:
            return from_json(file.read(MOST_BYTES + 1))
    except OSError as error:
        raise RecipeError(f"The pipeline cannot be read: {error.strerror}.", "Name a file.", path) from error


def _chosen(data: str, changes: dict[str, Any], count: int, workspace: Path | None) -> Any:
    """The recipe, its geometry, and path, number in training and base of some pictures that open, from all classes."""
    from studio.augment.geometry import Geometry
    from studio.data.picture import open_image
    from studio.errors import PictureError
    from studio.model.catalogue import card
    from studio.recipe import Recipe
    from studio.training.prepare import load_data

    where = place(workspace)
    recipe = Recipe().amended({"data.source": data, **changes})
    dataset = load_data(recipe, where)
    geometry = Geometry.of(card(recipe.model.backbone, where).config, recipe.model.image_size)
    learnt = dataset.split("train")
    turns: dict[str, int] = {}
    order = []
    for index, sample in enumerate(learnt):
        turns[sample.label] = turns.get(sample.label, 0) + 1
        order.append((turns[sample.label], index))
    found = []
    for _, index in sorted(order):
        path = learnt[index].path
        try:
            found.append((path, index, geometry.base(open_image(dataset.root / path, at_least=geometry.base_size))))
        except PictureError:
            continue
        if len(found) == count:
            break
    if not found:
        raise DataError("None of these pictures can be opened.", "Run the check to see why.", dataset.root)
    return recipe, geometry, found


def _write(out: Path, picture: Any) -> None:
    from PIL import Image

    from studio.workspace import replace_file

    try:
        replace_file(out, lambda path: Image.fromarray(picture).save(path, "PNG"))
    except OSError as error:
        raise RecipeError(f"The grid cannot be written: {error.strerror}.", "Choose another place.", out) from error
