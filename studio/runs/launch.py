"""Starting a run: one Start, one training, in a thread of this process or wherever `execute` is called."""

import logging
import threading
import traceback
from collections.abc import Iterator

from filelock import FileLock, Timeout

from studio.errors import RunError, StudioError
from studio.recipe import Recipe
from studio.runs.run import Run
from studio.runs.store import Store
from studio.training.events import Event, Failed, Prepared
from studio.workspace import Workspace, lock


def begin(store: Store, recipe: Recipe) -> Run:
    """Train a recipe. Asked for twice, even by two sessions at the same moment, it is one run: the one that is live.

    Raises RecipeError naming all of the recipe's problems.
    """
    with lock(store.workspace.root / "begin.lock"):
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
        held = _hold(run)
    except Timeout:
        return False

    def work() -> None:
        try:
            _train(run)
        except RunError as error:
            logging.getLogger(__name__).error("%s", error)
        finally:
            held.release()

    threading.Thread(target=work, name=f"run {run.id}", daemon=True).start()
    return True


def execute(run: Run) -> None:
    """Train `run` here and now; returns when it has ended, well or not: the journal says which.

    Raises RunError where it is being trained already, has ended, or can no longer be written down.
    """
    try:
        held = _hold(run)
    except Timeout as error:
        raise RunError(f"The run {run.id!r} is being trained already.", "Watch it, or start a new run.") from error
    try:
        _train(run)
    finally:
        held.release()


def _hold(run: Run) -> FileLock:
    """The run's lock, held. A short wait, as whoever looks at the run holds it for a moment too."""
    held = run.lock()
    held.acquire(timeout=0.5)
    if run.events():  # nobody else holds the lock, so it has ended, or its process died
        held.release()
        how = "has ended" if run.has_ended() else "was interrupted"
        raise RunError(f"The run {run.id!r} {how}.", "Start a new run with the same recipe.")
    return held


def assist(run: Run) -> None:
    """Train `run` as one more process of torchrun: the main one holds the run and tells what happens.

    Raises RunError for whatever goes wrong here, once it is written down: the others cannot go on without this process.
    """
    try:
        for _ in _events(run):
            pass
    except Exception as error:  # the boundary of a run
        failed = _log_failure(run, error)
        raise RunError(failed.sentence, failed.remedy, f"run {run.id}") from error


def _train(run: Run) -> None:
    """The boundary of a run: whatever goes wrong in it becomes its Failed event."""
    try:
        run.log(Prepared("Waking the engine", 0, 0))
        for event in _events(run):
            run.log(event)
    except Exception as error:  # the boundary of a run: a thread's exception is otherwise invisible
        _log_failure(run, error)
    finally:
        run.withdraw("stop")


def _events(run: Run) -> Iterator[Event]:
    from studio.training.train import train

    workspace = Workspace(run.folder.parent.parent)
    return train(run.recipe, run.folder, workspace, stop=lambda: run.requested("stop"))


def _log_failure(run: Run, error: Exception) -> Failed:
    """Write down why the run could not go on. Raises RunError where even that cannot be written."""
    failed = _failed(run, error)
    try:
        run.log(failed)
    except OSError as trouble:
        raise RunError(
            f"{failed.sentence} Nor can the run's folder be written: {trouble.strerror}.", failed.remedy, run.folder
        ) from error
    return failed


def _failed(run: Run, error: Exception) -> Failed:
    match error:
        case StudioError():
            return Failed(error.what, error.remedy, str(error), _last_good(run))
        case OSError() if error.strerror:
            sentence = f"A file could not be read or written: {error.strerror}."
            remedy = "See that the disk has room and that the run's folder is still there, then start again."
        case _:
            sentence = f"Something went wrong that the studio did not expect: {type(error).__name__}."
            remedy = "Start again; if it happens twice, report it with the details."
    return Failed(sentence, remedy, "".join(traceback.format_exception(error)), _last_good(run))


def _last_good(run: Run) -> str | None:
    found = [name for name in ("best.safetensors", "last.safetensors") if (run.folder / name).is_file()]
    return found[0] if found else None
