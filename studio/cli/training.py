"""Commands that train in the foreground: `thaw train`, `demo`, `resume`, `extend`."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from studio.cli.frame import (
    JsonOption,
    NameOption,
    PresetOption,
    RecipeArgument,
    RunArgument,
    SetOption,
    WorkspaceOption,
    app,
    bar,
    document,
    place,
    say,
)
from studio.errors import RunError, StudioError
from studio.recipe import Recipe, Start
from studio.recipe.presets import named
from studio.text import percent
from studio.training import notes
from studio.workspace import Workspace

if TYPE_CHECKING:
    from studio.runs.run import Run

STOPPED = 3  # the exit status of a run that ended before its end because it was asked to


@app.command()
def demo(
    workspace: WorkspaceOption = None,
    json_: JsonOption = False,
    which: Annotated[str, typer.Option(help="digits, or inspection where it is installed.")] = "digits",
) -> None:
    """Train the demo: scanned digits, the head first, then everything thawed."""
    from studio.runs.demo import demo_recipe

    where = place(workspace)
    _train(demo_recipe(where, which), where, json_)


@app.command()
def train(
    data: RecipeArgument,
    workspace: WorkspaceOption = None,
    json_: JsonOption = False,
    backbone: Annotated[str | None, typer.Option(help="A timm backbone.")] = None,
    depth: Annotated[int | None, typer.Option(help="Stages, from the input, that stay frozen. 0: all learn.")] = None,
    strategy: Annotated[
        str | None, typer.Option(help="head, two-phase, gradual or full. With --depth and no strategy: two-phase.")
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Times every picture is seen.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Pictures per change of the weights.")] = None,
    lr: Annotated[float | None, typer.Option(help="Highest learning rate.")] = None,
    image_size: Annotated[int | None, typer.Option(help="Side of the square the model sees, in pixels.")] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed repeats the same run.")] = None,
    name: NameOption = None,
    preset: PresetOption = None,
    scratch: Annotated[
        bool, typer.Option("--scratch", help="Start from nothing: the control that shows what transfer gains.")
    ] = False,
    isolated: Annotated[
        bool, typer.Option("--isolated", help="In a process of its own, which goes on if this terminal is closed.")
    ] = False,
    set_: SetOption = None,
) -> None:
    """Train a model on a folder of pictures, or what a recipe asks for. Ctrl-C ends it kindly, a second one at once."""
    if depth is not None and strategy is None and preset is None and not scratch and not data.lower().endswith(".toml"):
        strategy = "two-phase"
    options = {
        "model.backbone": backbone,
        "freeze.depth": depth,
        "freeze.strategy": strategy,
        "schedule.epochs": epochs,
        "schedule.batch_size": batch_size,
        "optimizer.lr": lr,
        "model.image_size": image_size,
        "seed": seed,
        "name": name,
        "engine.isolated": isolated or None,
    }
    changes: dict[str, Any] = {field: value for field, value in options.items() if value is not None}
    _train(asked(data, changes, set_, preset, "scratch" if scratch else None), place(workspace), json_)


@app.command()
def resume(run: RunArgument, workspace: WorkspaceOption = None, json_: JsonOption = False) -> None:
    """Let a paused run go on; take up one that was interrupted or stopped, or that failed, where it was."""
    from studio.runs.store import Store

    found = Store(place(workspace)).get(run)
    status = found.progress().status
    if status == "finished":
        raise RunError(f"The run {found.id!r} has finished.", "`thaw extend RUN --epochs N` gives it more epochs.")
    if not found.is_held():
        take_up(found, json_)
        return
    if status != "paused" and not found.requested("pause"):
        raise RunError(f"The run {found.id!r} is being trained already, and is not paused.", "There is nothing to do.")
    found.withdraw("pause")
    tell_asked(found, {"pause": False}, "goes on", json_)


@app.command()
def extend(
    run: RunArgument,
    epochs: Annotated[int, typer.Option(min=1, help="So many epochs more.", show_default=False)],
    workspace: WorkspaceOption = None,
    json_: JsonOption = False,
) -> None:
    """Give a run more epochs: a live one goes on longer, one that has ended is taken up again."""
    from studio.runs.store import Store

    found = Store(place(workspace)).get(run)
    total = _epochs(found) + epochs
    found.request("epochs", total)
    if found.is_held():
        tell_asked(found, {"epochs": total}, f"will have {total:,} epochs", json_)
    else:
        take_up(found, json_)


def asked(
    data: str, changes: dict[str, Any], set_: list[str] | None, preset: str | None = None, start: Start | None = None
) -> Recipe:
    """The recipe that a command asks for: what `data` names, changed by a preset, its start, options and --set."""
    recipe = _recipe(data) if preset is None else named(preset).applied(_recipe(data))
    recipe = recipe if start is None else recipe.started(start)
    return recipe.amended(changes | dict(_pair(text) for text in set_ or []))


def take_up(run: "Run", json_: bool) -> None:
    """Train a run from where it is, in the foreground, and tell how it ended."""
    from studio.runs.follow import follow

    with bar("Getting ready") as moved:
        follow(run, lambda progress: moved(progress.share_done, 1.0, progress.sentence), again=True)
    tell_outcome(run, json_)


def tell_asked(run: "Run", what: dict[str, float | bool], words: str, json_: bool) -> None:
    """Say what a live run was asked for."""
    if json_:
        document({"run": run.id, "asked": what})
    else:
        print(f"Asked: the run {run.id} {words}.")


def tell_outcome(run: "Run", json_: bool) -> None:
    """Say how a run ended. Raises RunError where it did not end well, Exit where it was stopped before its end."""
    from studio.results.summary import outcome

    progress = run.progress()
    if progress.failure:
        raise RunError(progress.failure.sentence, progress.failure.remedy, f"run {run.id}")
    if progress.status not in ("finished", "stopped"):
        raise RunError(progress.sentence, f"`thaw resume {run.id}` takes it up.", f"run {run.id}")
    found = outcome(run)
    if json_:
        document(found)
    else:
        say(progress.sentence)
        if progress.val_accuracy is not None:
            say(
                f"95 % interval {percent(found['val_accuracy_low'])} to {percent(found['val_accuracy_high'])}, "
                f"{found['val_images']:,} pictures held back, {found['seconds']:.0f} s."
            )
        if progress.proven is not None:
            say(notes.proven(progress.proven.tensors, progress.proven.changed))
        say(*progress.notes, f"Run: {run.id}")
    if progress.status == "stopped" and int(os.environ.get("WORLD_SIZE", "1")) == 1:
        raise typer.Exit(STOPPED)


def _train(recipe: Recipe, workspace: Workspace, json_: bool) -> None:
    from studio.runs.follow import train_and_follow

    if os.environ.get("RANK", "0") == "0":
        _caution(recipe, workspace)
    with bar("Getting ready") as moved:
        run = train_and_follow(recipe, workspace, lambda progress: moved(progress.share_done, 1.0, progress.sentence))
    if run is not None:  # else a torchrun rank that is not the main one
        tell_outcome(run, json_)


def _caution(recipe: Recipe, workspace: Workspace) -> None:
    """Tell what is possible but seldom wise in the plan of freezing, beside the answer."""
    from studio.model.catalogue import card

    stages = len(card(recipe.model.backbone, workspace).stages)
    for sentence in recipe.freeze.cautions(recipe.schedule.epochs, stages, pretrained=recipe.model.pretrained):
        print(f"Warning: {sentence}", file=sys.stderr)


def _epochs(run: "Run") -> int:
    """The epochs that a run has now: planned or asked for; those it came to, where it ended by itself."""
    from studio.runs.requests import Desk

    progress = run.progress()
    planned = progress.epoch if progress.status == "finished" else progress.epochs
    return Desk(run.folder).wishes().epochs or planned


def _recipe(data: str) -> Recipe:
    """The recipe in a TOML file, its pictures looked for beside it; or a fresh one for a folder, zip or table."""
    path = Path(data).expanduser().resolve()
    if path.suffix.lower() != ".toml":
        return Recipe().amended({"data.source": str(path), "name": path.stem[:120] or "untitled"})
    try:
        recipe = Recipe.from_toml(path.read_text(encoding="utf-8"), where=data)
    except (OSError, UnicodeDecodeError) as error:
        raise StudioError("This recipe cannot be read.", "Check the path.", data) from error
    if not recipe.data.source:
        return recipe
    return recipe.amended({"data.source": str(path.parent / Path(recipe.data.source).expanduser())})


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise typer.BadParameter(f"{text!r} is not of the form key=value.", param_hint="--set")
    return key.strip(), value.strip()
