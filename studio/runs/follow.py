"""Training in the foreground: a run that the caller waits for, alone or as one rank of torchrun."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from studio.recipe import Recipe
from studio.runs.launch import assist, execute
from studio.runs.progress import Progress
from studio.runs.run import Run
from studio.runs.store import Store
from studio.workspace import Workspace


def train_and_follow(recipe: Recipe, workspace: Workspace, told: Callable[[Progress], object]) -> Run | None:
    """Create a run, train it, and return it when it has ended; `told` hears of its progress now and then.

    Ctrl-C asks the run to stop kindly, a second one ends the process. Under torchrun every rank calls this; the main
    one returns the run, the others None. Raises RunError where this rank cannot go on.
    """
    run, is_main = _create(recipe, workspace)
    if not is_main:
        assist(run)
        return None
    over = threading.Event()
    watcher = threading.Thread(target=_watch, args=(run, over, told), daemon=True)
    watcher.start()
    try:
        with _kind_interrupt(run):
            execute(run)
    finally:
        over.set()
        watcher.join()
    return run


def _watch(run: Run, over: threading.Event, told: Callable[[Progress], object]) -> None:
    while not over.wait(0.3):
        told(run.progress())


@contextmanager
def _kind_interrupt(run: Run) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGINT)

    def ask(_number: int, _frame: object) -> None:
        run.request("stop")
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, ask)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _create(recipe: Recipe, workspace: Workspace) -> tuple[Run, bool]:
    """The new run, and whether this process is the one that tells of it; the main rank makes it for all."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return Store(workspace).create(recipe), True
    from studio.training.world import World

    world = World.join()
    id = world.share(Store(workspace).create(recipe).id if world.is_main else None)
    return Run(workspace.runs / id), world.is_main
