"""`thaw queue`: runs that wait for the one device."""

from typing import TYPE_CHECKING, Annotated

import typer

from studio.cli.frame import (
    JsonOption,
    NameOption,
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
from studio.cli.training import STOPPED, asked
from studio.errors import RunError
from studio.workspace import Workspace

if TYPE_CHECKING:
    from studio.runs.queue import Queue
    from studio.runs.run import Run

line = typer.Typer(invoke_without_command=True, help="Runs that wait for the device. Without a command: list them.")
app.add_typer(line, name="queue")


@line.callback()
def waiting(context: typer.Context, workspace: WorkspaceOption = None, json_: JsonOption = False) -> None:
    if context.invoked_subcommand is None:
        _tell(_queue(place(workspace)), json_)


@line.command()
def add(
    data: RecipeArgument,
    workspace: WorkspaceOption = None,
    json_: JsonOption = False,
    seed: Annotated[list[int] | None, typer.Option(help="A seed; may be repeated, for a run each.")] = None,
    lr: Annotated[list[float] | None, typer.Option(help="A learning rate; may be repeated, for a run each.")] = None,
    name: NameOption = None,
    set_: SetOption = None,
) -> None:
    """Let a recipe wait, or one for each seed and learning rate."""
    from studio.runs.queue import repeat

    recipe = asked(data, {"name": name} if name else {}, set_)
    added = _queue(place(workspace)).line_up(repeat(recipe, seeds=seed or (), lrs=lr or ()))
    if json_:
        document(_rows(added))
    else:
        print("\n".join(f"Waits: {run.id}" for run in added))


@line.command()
def move(
    run: RunArgument,
    to: Annotated[int, typer.Argument(min=1, metavar="PLACE", help="1 is next.", show_default=False)],
    workspace: WorkspaceOption = None,
    json_: JsonOption = False,
) -> None:
    """Give a waiting run another place in the queue."""
    queue = _queue(place(workspace))
    queue.move(queue.store.get(run).id, to - 1)
    _tell(queue, json_)


@line.command()
def cancel(run: RunArgument, workspace: WorkspaceOption = None, json_: JsonOption = False) -> None:
    """Take a run out of the queue. One that was never started is deleted."""
    queue = _queue(place(workspace))
    queue.cancel(queue.store.get(run).id)
    _tell(queue, json_)


@line.command()
def run(workspace: WorkspaceOption = None, json_: JsonOption = False) -> None:
    """Train what waits, one after the other, until nothing waits. Ctrl-C stops the run at work and leaves the rest."""
    from studio.results.summary import outcome
    from studio.runs.follow import work_off

    with bar("Waiting") as moved:
        queue = _queue(place(workspace))
        trained = work_off(queue, lambda progress: moved(progress.share_done, 1.0, progress.sentence))
    if json_:
        document([outcome(run) for run in trained])
    for run in trained if not json_ else ():
        say(f"{run.id}: {run.progress().sentence}")
    if not trained and not json_:
        print("Nothing waits. `thaw queue add` puts something in.")
    found = [run.progress().status for run in trained]
    if bad := len(found) - found.count("finished") - found.count("stopped"):
        raise RunError(f"{bad} of {len(found)} runs did not end well.", "`thaw show RUN` says why.")
    if "stopped" in found:
        raise typer.Exit(STOPPED)


def _queue(workspace: Workspace) -> "Queue":
    from studio.runs.queue import Queue

    return Queue(workspace)


def _tell(queue: "Queue", json_: bool) -> None:
    rows = _rows(queue.waiting())
    if json_:
        document(rows)
        return
    for row in rows:
        say(f"{row['place']:>3}  {row['run']:<50} {row['name']}")
    if not rows:
        print("Nothing waits. `thaw queue add` puts something in.")


def _rows(runs: list["Run"]) -> list[dict[str, object]]:
    return [{"place": number, "run": run.id, "name": run.name} for number, run in enumerate(runs, start=1)]
