"""Many threads in two processes press Start at the same moment; used by the test and by the bench of it."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from studio.errors import RunError
from studio.recipe import Recipe
from studio.runs import launch
from studio.runs.run import Run
from studio.runs.store import Store
from studio.training.events import Started, Thawed
from studio.workspace import Workspace

THREADS = 25  # in each of the two processes
CHECKOUT = Path(__file__).resolve().parents[2]
_AHEAD = 0.15  # seconds from the word to the moment: by then every thread waits for it


@dataclass
class Presser:
    """A process of its own that presses when it is told to."""

    process: "subprocess.Popen[str]"

    def ask(self, folder: Path, moment: float, threads: int) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps([str(folder), moment, threads]) + "\n")
        self.process.stdin.flush()

    def began(self) -> int:
        """How many of its threads were told that they began a training."""
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())


@contextmanager
def two_pressers() -> Iterator[list[Presser]]:
    """Two processes that have imported what they need."""
    pressers = [
        Presser(
            subprocess.Popen(
                [sys.executable, "-m", "tests.runs.pressing"],
                cwd=CHECKOUT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        )
        for _ in range(2)
    ]
    for presser in pressers:
        assert presser.began() == 0
    yield pressers
    for presser in pressers:
        presser.process.kill()
        presser.process.communicate()


def one_start(pressers: list[Presser], workspace: Workspace, recipe: Recipe, threads: int = THREADS) -> tuple[int, Run]:
    """One round: how many presses began a training, and the run when it has ended."""
    run = Store(workspace).create(recipe)
    moment = time.time() + _AHEAD
    for presser in pressers:
        presser.ask(run.folder, moment, threads)
    began = sum(presser.began() for presser in pressers)
    end = time.monotonic() + 60
    while not run.has_ended() or run.is_held():
        assert time.monotonic() < end, f"{began} began, but it is {run.progress().status}"
        time.sleep(0.02)
    return began, run


def trainings(run: Run) -> tuple[int, int]:
    """How many trainings the journal tells of: by their beginnings, and by their first epochs."""
    events = run.events()
    return sum(isinstance(event, Started) for event in events), sum(isinstance(event, Thawed) for event in events)


def press(folder: Path, moment: float, threads: int) -> int:
    """Press Start with so many threads at `moment`; how many were told that they began it."""
    began: list[bool] = []

    def start() -> None:
        run = Run(folder)
        time.sleep(max(moment - time.time(), 0.0))
        try:
            began.append(launch.start(run))
        except RunError:  # it has begun, or ended already
            began.append(False)

    pressing = [threading.Thread(target=start) for _ in range(threads)]
    for thread in pressing:
        thread.start()
    for thread in pressing:
        thread.join()
    return sum(began)


if __name__ == "__main__":
    import studio.training.train  # noqa: F401  (so that no round waits for it)

    print(0, flush=True)
    for line in sys.stdin:
        folder, moment, threads = json.loads(line)
        print(press(Path(folder), moment, threads), flush=True)
