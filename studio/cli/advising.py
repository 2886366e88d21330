"""Commands that advise, by what they measure on one's own pictures: `thaw audition`, `thaw advise`."""

from collections.abc import Generator
from pathlib import Path
from typing import Annotated, Any

import typer

from studio.cli.frame import JsonOption, RecipeArgument, SetOption, WorkspaceOption, app, bar, document, place, say
from studio.cli.frame import write_out as write
from studio.cli.training import asked
from studio.text import percent

SizeOption = Annotated[
    int | None, typer.Option(min=16, max=1024, help="Side in pixels; default: the size each backbone was made for.")
]


@app.command()
def audition(
    data: RecipeArgument,
    budget: Annotated[float, typer.Option(min=5, help="About how many seconds it may take.")] = 30.0,
    backbone: Annotated[
        list[str] | None, typer.Option(help="One to hear; may be given several times. Default: all at hand.")
    ] = None,
    image_size: SizeOption = None,
    workspace: WorkspaceOption = None,
    json_: JsonOption = False,
    set_: SetOption = None,
) -> None:
    """Rank the backbones at hand by how well each, frozen, tells your pictures apart."""
    from studio.advice.audition import audition as hear
    from studio.recipe import ModelChoice

    recipe = asked(data, {"model.image_size": image_size} if image_size else {}, set_)
    size = recipe.model.image_size
    models = [ModelChoice(backbone=name, image_size=size) for name in backbone] if backbone else None
    found = _told(hear(recipe, place(workspace), budget, models), "Hearing the backbones")
    if json_:
        document(found.as_dict())
        return
    say(found.sentence)
    for each in found.heard:
        tie = "tied for the best" if each.tied else f"behind by {100 * each.behind:.1f} points"
        pace = f", {each.pace:,.0f} pictures/s" if each.pace else ""
        say(f"  {each.name}: {_share(each)}, LogME {each.logme:.3f}{pace}, {tie}, {each.pictures:,} pictures")
    say(f"  colours alone: {_share(found.baseline)}; always the largest class: {percent(found.common)}")
    say(*(f"  {name}: not heard. {reason}" for name, reason in found.left_out))


@app.command()
def advise(
    data: RecipeArgument,
    budget: Annotated[float, typer.Option(min=10, help="About how many seconds it may take.")] = 60.0,
    image_size: SizeOption = None,
    out: Annotated[
        Path | None, typer.Option(metavar="RECIPE.toml", help="Write the advised recipe, for `thaw train`.")
    ] = None,
    workspace: WorkspaceOption = None,
    json_: JsonOption = False,
    set_: SetOption = None,
) -> None:
    """Advise a recipe: backbone, depth, variation, epochs and balance, each with its reason and its number."""
    from studio.advice import depths
    from studio.advice.advisor import advise as consult
    from studio.data.intake import open_data

    recipe = asked(data, {"model.image_size": image_size} if image_size else {}, set_)
    found = _told(consult(recipe, place(workspace), budget), "Measuring")
    advised = found.followed(recipe)
    if out is not None:
        write(out, advised.to_toml())
    if json_:
        tried = depths.kept(advised, open_data(recipe.data.source, place(workspace)), place(workspace))
        told = {"depths": tried.as_dict() if tried else None, "recipe": advised.model_dump(mode="json")}
        document(found.as_dict() | told)
        return
    for each in found.counsels:
        say(f"{each.title}: {each.choice}", f"  {each.reason} ({each.number})")
    say(found.similarity.sentence, *([f"Written: {out}"] if out else []))


def _told(work: Generator[Any, None, Any], doing: str) -> Any:
    """What comes of work that tells how far it is."""
    with bar(doing) as moved:
        while True:
            try:
                told = next(work)
            except StopIteration as end:
                return end.value
            moved(told.done, told.total, told.what)


def _share(heard: Any) -> str:
    return f"{percent(heard.accuracy)} ({percent(heard.low)} to {percent(heard.high)})"
