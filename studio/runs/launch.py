"""Starting a run: one Start, one training, in a thread, in a process of its own, or wherever `execute` is called."""

import logging
import os
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Iterator

from filelock import FileLock, Timeout

from studio.errors import RunError, StudioError
from studio.model.waking import spare_engine, wake
from studio.recipe import Recipe
from studio.runs.requests import Desk
from studio.runs.run import Run
from studio.runs.store import Store
from studio.runs.trouble import Trouble
from studio.training.events import Event, Failed, Finished, Prepared, Resumed
from studio.training.place import CHECKPOINT, place
from studio.workspace import Workspace, lock

_WAKING = 60.0  # seconds that a process of its own may take until it holds the run


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


def start(run: Run, *, again: bool = False) -> bool:
    """Train `run` in the background. False where it is being trained already; this call then changes nothing.

    `again` lets a run that was interrupted, stopped, finished or failed go on from its checkpoint; from the beginning,
    if it had none yet. The lock on the run's folder decides who trains, not a flag: it holds between tabs and
    processes, and dies with its holder. Raises RunError for a run that has ended or was interrupted, without `again`.
    """
    if run.recipe.engine.isolated:
        return _start_apart(run, again)
    try:
        held = _hold(run, again)
    except Timeout:
        return False

    def work() -> None:
        try:
            _train(run, again)
        except RunError as error:
            logging.getLogger(__name__).error("%s", error)
        finally:
            held.release()

    threading.Thread(target=work, name=f"run {run.id}", daemon=True).start()
    return True


def _start_apart(run: Run, again: bool) -> bool:
    """`start` in a process of its own, which goes on when this one ends."""
    try:
        _hold(run, again).release()  # says what is wrong, if anything is
        waking = lock(run.folder / "waking.lock")
        waking.acquire(timeout=0)
    except Timeout:
        return False
    try:
        known = len(run.events())
        _wake(run, again)
        if not run.is_held() and len(run.events()) == known:
            sentence = "The process that should train this run did not begin."
            raise RunError(sentence, "Its process.log says why.", run.folder)
        return True
    finally:
        waking.release()


def _wake(run: Run, again: bool) -> None:
    """Begin the process, and wait until it holds the run."""
    command = [sys.executable, "-m", "studio.runs.apart", str(run.folder), *(["again"] if again else [])]
    with (run.folder / "process.log").open("ab") as output:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
        )
    threading.Thread(target=child.wait, name=f"run {run.id}", daemon=True).start()  # leaves no dead process behind
    began = time.monotonic()
    while child.poll() is None and not run.is_held():
        if time.monotonic() - began > _WAKING:
            child.kill()
            return
        time.sleep(0.05)


def execute(run: Run, *, again: bool = False) -> None:
    """Train `run` here and now; returns when it has ended, well or not: the journal says which.

    Raises RunError where it is being trained already, has ended, or can no longer be written down.
    """
    try:
        held = _hold(run, again)
    except Timeout as error:
        raise RunError(f"The run {run.id!r} is being trained already.", "Watch it, or start a new run.") from error
    try:
        _train(run, again)
    finally:
        held.release()


def _hold(run: Run, again: bool) -> FileLock:
    """The run's lock, held. A short wait, as whoever looks at the run holds it for a moment too."""
    held = run.lock()
    held.acquire(timeout=0.5)
    if run.events() and not again:  # nobody else holds the lock, so it has ended, or its process died
        held.release()
        how = "has ended" if run.has_ended() else "was interrupted"
        raise RunError(f"The run {run.id!r} {how}.", "Let it go on, or start a new run with the same recipe.")
    if again and (run.folder / CHECKPOINT).is_file() and not run.can_go_on():
        held.release()
        sentence = "The checkpoint to go on from cannot be read."
        raise RunError(sentence, "Start a new run with the same recipe.", run.folder / CHECKPOINT)
    if again:
        run.withdraw("stop")  # what was asked in an earlier life; from here on it is this one that is asked
        run.withdraw("pause")
    return held


def assist(run: Run) -> None:
    """Train `run` as one more process of torchrun: the main one holds the run and tells what happens.

    Raises RunError for whatever goes wrong here, once it is written down: the others cannot go on without this process.
    """
    try:
        for _ in _events(run, Desk(run.folder), again=False):
            pass
    except Exception as error:  # the boundary of a run
        failed = _log_failure(run, error)
        raise RunError(failed.sentence, failed.remedy, f"run {run.id}") from error


def _train(run: Run, again: bool) -> None:
    """The boundary of a run: whatever goes wrong in it becomes its Failed event."""
    desk = Desk(run.folder)
    with Trouble(run) as trouble:
        try:
            if again and ((told := run.events()) or place(run.folder)):
                desk.catch_up(told)
                trouble.log(_taken_up(run))
            trouble.log(Prepared("Waking the engine", 0, 0))
            for event in _events(run, desk, again):
                if isinstance(event, Finished):
                    desk.close()  # what is asked from here on is asked of the next life
                trouble.log(event)
                desk.met(event)
        except Exception as error:  # the boundary of a run: a thread's exception is otherwise invisible
            desk.close()
            _log_failure(run, error)


def _taken_up(run: Run) -> Resumed:
    """Where an ended or interrupted run goes on; what its journal lost is brought back from the checkpoint."""
    known = place(run.folder)
    run.mend(known.history if known else ())
    return Resumed(known.epoch, known.step, again=True) if known else Resumed(0, 0, again=True)


def _events(run: Run, desk: Desk, again: bool) -> Iterator[Event]:
    wake()
    from studio.training.train import train

    spare_engine()
    workspace, recipe = Workspace(run.folder.parent.parent), run.recipe
    if again:
        recipe = recipe.amended({"steering": [*recipe.steering, *run.changes()]})
    return train(recipe, run.folder, workspace, desk.wishes, again=again)


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
            remedy = "See that the disk has room and that the run's folder is still there, then let it go on."
        case _:
            sentence = f"Something went wrong that the studio did not expect: {type(error).__name__}."
            remedy = "Start again; if it happens twice, report it with the details."
    return Failed(sentence, remedy, "".join(traceback.format_exception(error)), _last_good(run))


def _last_good(run: Run) -> str | None:
    found = [name for name in ("best.safetensors", "last.safetensors") if (run.folder / name).is_file()]
    return found[0] if found else None
