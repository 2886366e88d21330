"""Starting a run: one Start, one training, in a thread of this process or wherever `execute` is called."""

import threading
import traceback

from filelock import FileLock, Timeout

from studio.errors import RunError, StudioError
from studio.recipe import Recipe
from studio.runs.run import Run
from studio.runs.store import Store
from studio.training.events import Failed, Finished, Prepared
from studio.workspace import Workspace


def begin(store: Store, recipe: Recipe) -> Run:
    """Train a recipe. Asked for twice, even by two sessions at the same moment, it is one run: the one that is live.

    Raises RecipeError naming all of the recipe's problems.
    """
    with FileLock(store.workspace.root / "begin.lock", thread_local=False):
        for run in store.all():
            if _trains(run, recipe):
                return run
        run = store.create(recipe)
        start(run)
        return run


def _trains(run: Run, recipe: Recipe) -> bool:
    """Whether this run is being trained now, by this very recipe."""
    if not run.is_held():
        return False
    try:
        return run.recipe == recipe
    except RunError:
        return False


def start(run: Run) -> bool:
    """Train `run` in a background thread. False where it is being trained already; this call then changes nothing.

    The lock on the run's folder decides, not a flag: it holds between tabs and processes, and dies with its holder.
    Raises RunError for a run that has ended.
    """
    try:
        lock = _hold(run)
    except Timeout:
        return False

    def work() -> None:
        try:
            _train(run)
        finally:
            lock.release()

    threading.Thread(target=work, name=f"run {run.id}", daemon=True).start()
    return True


def execute(run: Run) -> None:
    """Train `run` here and now; returns when it has ended, well or not: the journal says which.

    Raises RunError where it is being trained already, or has ended.
    """
    try:
        lock = _hold(run)
    except Timeout as error:
        raise RunError(f"The run {run.id!r} is being trained already.", "Watch it, or start a new run.") from error
    try:
        _train(run)
    finally:
        lock.release()


def _hold(run: Run) -> FileLock:
    """The run's lock, held. A short wait, as whoever looks at the run holds it for a moment too."""
    lock = run.lock()
    lock.acquire(timeout=0.5)
    if any(isinstance(event, (Finished, Failed)) for event in run.events()):
        lock.release()
        raise RunError(f"The run {run.id!r} has ended.", "Start a new run with the same recipe.")
    return lock


def _train(run: Run) -> None:
    """The boundary of a run: whatever goes wrong in it becomes its Failed event."""
    try:
        run.log(Prepared("Waking the engine", 0, 0))
        from studio.training.train import train

        workspace = Workspace(run.folder.parent.parent)
        for event in train(run.recipe, run.folder, workspace, stop=lambda: run.requested("stop")):
            run.log(event)
    except StudioError as error:
        run.log(Failed(error.what, error.remedy, str(error), _last_good(run)))
    except Exception as error:  # the boundary of a run: a thread's exception is otherwise invisible
        run.log(
            Failed(
                f"Something went wrong that the studio did not expect: {type(error).__name__}.",
                "Start again; if it happens twice, report it with the details.",
                traceback.format_exc(),
                _last_good(run),
            )
        )
    finally:
        run.withdraw("stop")


def _last_good(run: Run) -> str | None:
    found = [name for name in ("best.safetensors", "last.safetensors") if (run.folder / name).is_file()]
    return found[0] if found else None
