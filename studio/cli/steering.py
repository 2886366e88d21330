"""Commands that ask something of a run that is being trained, wherever that is: `thaw stop`, `pause`, `thaw`."""

from typing import TYPE_CHECKING, Annotated

import typer

from studio.cli.frame import JsonOption, RunArgument, WorkspaceOption, app, place
from studio.cli.training import tell_asked
from studio.errors import RunError
from studio.workspace import Workspace

if TYPE_CHECKING:
    from studio.runs.requests import Request
    from studio.runs.run import Run


@app.command()
def stop(run: RunArgument, workspace: WorkspaceOption = None, json_: JsonOption = False) -> None:
    """Ask a run to end after this step. The best weights so far are kept."""
    found = _find(run, place(workspace))
    _ask(found, {"stop": None})
    tell_asked(found, {"stop": True}, "ends after this step", json_)


@app.command()
def pause(run: RunArgument, workspace: WorkspaceOption = None, json_: JsonOption = False) -> None:
    """Ask a run to wait. `thaw resume RUN` lets it go on."""
    found = _find(run, place(workspace))
    _ask(found, {"pause": None})
    tell_asked(found, {"pause": True}, "waits after this step", json_)


@app.command()
def thaw(
    run: RunArgument,
    workspace: WorkspaceOption = None,
    json_: JsonOption = False,
    depth: Annotated[int | None, typer.Option(help="Stages, from the input, that stay frozen from now on.")] = None,
    lr: Annotated[float | None, typer.Option(help="Highest learning rate from now on.")] = None,
) -> None:
    """Thaw (or freeze) stages of a run while it learns, or give it another learning rate."""
    wishes: dict[Request, float | None] = {}
    if depth is not None:
        wishes["depth"] = depth
    if lr is not None:
        wishes["lr"] = lr
    if not wishes:
        raise typer.BadParameter("Say what shall change.", param_hint="--depth or --lr")
    found = _find(run, place(workspace))
    _ask(found, wishes)
    kept = f"keeps {depth} stages frozen" if depth is not None else ""
    rate = f"learns at {lr:g} at the highest" if lr is not None else ""
    words = f"{' and '.join(part for part in (kept, rate) if part)} from now on"
    tell_asked(found, {what: value for what, value in wishes.items() if value is not None}, words, json_)


def _find(run: str, workspace: Workspace) -> "Run":
    from studio.runs.store import Store

    return Store(workspace).get(run)


def _ask(run: "Run", wishes: "dict[Request, float | None]") -> None:
    """Leave requests with a run that is being trained. Raises RunError where nobody trains it."""
    _refuse_unless_live(run)
    for what, value in wishes.items():
        run.request(what, value)
    if not run.is_held() and "stop" not in wishes:  # it ended meanwhile, and nobody heard
        for what in wishes:
            run.withdraw(what)
        _refuse_unless_live(run)


def _refuse_unless_live(run: "Run") -> None:
    from studio.runs.queue import Queue

    if run.is_held():
        return
    if Queue.of(run).holds(run.id):
        raise RunError(f"The run {run.id!r} waits in the queue.", "`thaw queue cancel RUN` takes it out.")
    status = run.progress().status
    raise RunError(
        f"The run {run.id!r} is not being trained: it is {'not started' if status == 'created' else status}.",
        "`thaw runs` lists how all runs stand.",
    )
