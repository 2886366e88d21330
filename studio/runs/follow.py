"""Training in the foreground: a run that the caller waits for, alone, apart, or as one rank of torchrun."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from studio.errors import RunError
from studio.recipe import Recipe
from studio.runs.launch import assist, execute, start
from studio.runs.progress import Progress
from studio.runs.queue import Queue
from studio.runs.run import Run
from studio.runs.store import Store
from studio.workspace import Workspace

Told = Callable[[Progress], object]

_ONE_PRESS = 0.3  # seconds: a launcher that hands Ctrl-C on makes two of one
_AT_ONCE = 2.0  # seconds that a run which is broken off may take to keep its best weights
_LOOK_EVERY = 0.2  # seconds


def train_and_follow(recipe: Recipe, workspace: Workspace, told: Told) -> Run | None:
    """Create a run, `follow` it, and return it when it has ended.

    Under torchrun every rank calls this; the main one returns the run, the others None. Raises RunError where this rank
    cannot go on.
    """
    run, is_main = _create(recipe, workspace)
    if is_main:
        follow(run, told)
        return run
    with kind_interrupt(run):
        assist(run)
    return None


def follow(run: Run, told: Told, *, again: bool = False) -> None:
    """Train `run`, here or in a process of its own as its recipe says, until it has ended; `told` hears of it.

    `again` takes it up where it was. Ctrl-C asks the run to stop kindly, a second one raises KeyboardInterrupt at once.
    Raises RunError where it is being trained already, or cannot be started.
    """
    if again and _is_in_company():
        raise RunError(
            "A run is taken up by one process alone.", "Leave torchrun out: thaw resume RUN.", f"run {run.id}"
        )
    with _telling(run, told), kind_interrupt(run):
        if not run.recipe.engine.isolated or _is_in_company():
            execute(run, again=again)
            return
        if not start(run, again=again):
            raise RunError(f"The run {run.id!r} is being trained already.", "Watch it, or start a new run.")
        _wait(run)
    if not run.events():
        raise RunError("The process that should train this run did not begin.", "Its process.log says why.", run.folder)


def work_off(queue: Queue, told: Told) -> list[Run]:
    """Train what waits, one run after the other, and return those that were trained here.

    Another run that is being trained is waited for. Ctrl-C stops the run at work kindly and leaves the others waiting.
    """
    trained: list[Run] = []
    while queue.waiting():
        run = queue.advance()
        if run is None:
            time.sleep(_LOOK_EVERY)
            continue
        trained.append(run)
        with _telling(run, told), kind_interrupt(run) as pressed:
            _wait(run)
        if pressed.is_set():
            break
    return trained


def _wait(run: Run) -> None:
    while run.is_held():
        time.sleep(_LOOK_EVERY)


@contextmanager
def _telling(run: Run, told: Told) -> Iterator[None]:
    """Let `told` hear of the run's progress now and then."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.3):
            told(run.progress())

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
        told(run.progress())  # however short it was, its end is told
    finally:
        over.set()
        watcher.join()


@contextmanager
def kind_interrupt(run: Run) -> Iterator[threading.Event]:
    """Let Ctrl-C ask the run to stop, and a second one end this process; yields whether the first one came.

    Under torchrun, which hands a Ctrl-C on to every rank and gives them half a minute, each one is kind.
    """
    pressed = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield pressed
        return
    began = 0.0

    def ask(_number: int, _frame: object) -> None:
        nonlocal began
        if not pressed.is_set() or _is_in_company():
            began = time.monotonic()
            pressed.set()
            with suppress(RunError):  # the folder takes no file: a second Ctrl-C is heard all the same
                run.request("stop")
        elif time.monotonic() - began > _ONE_PRESS:
            _end_at_once()

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGINT, before)


def _end_at_once() -> None:
    """End this process with status 130, the way a KeyboardInterrupt does, for certain and soon."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    last = threading.Timer(_AT_ONCE, os._exit, (130,))
    last.daemon = True
    last.start()
    raise KeyboardInterrupt


def _is_in_company() -> bool:
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def _create(recipe: Recipe, workspace: Workspace) -> tuple[Run, bool]:
    """The new run, and whether this process is the one that tells of it; the main rank makes it for all."""
    if not _is_in_company():
        return Store(workspace).create(recipe), True
    from studio.training.world import World

    world = World.join()
    id = world.share(Store(workspace).create(recipe).id if world.is_main else None)
    return Run(workspace.runs / id), world.is_main
