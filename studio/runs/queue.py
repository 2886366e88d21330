"""The queue: runs that wait for the one device. What waits is a list of ids in the workspace's queue.json.

A run that waits is a folder like any other, in which nothing has happened yet: as soon as it has begun, by whatever
hand, it waits no more.
"""

import json
import logging
import os
import re
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from itertools import product

from filelock import FileLock

from studio.errors import RecipeError, RunError, StudioError
from studio.recipe import Recipe
from studio.runs.launch import start
from studio.runs.run import Run
from studio.runs.store import Store
from studio.workspace import Workspace, lock, write_text

MOST = 64  # runs that are made of one recipe at once
_LOOK_EVERY = 1.0  # seconds
_NAME = 120  # letters that a recipe's name may have


class Queue:
    """The runs of a workspace that wait, in the order in which they will be trained."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.store = Store(workspace)
        self._path = workspace.root / "queue.json"
        self._seen: tuple[int, int, int] | None = None
        self._ids: list[str] = []
        self._is_damaged = False
        self._at_work: Run | None = None

    @classmethod
    def of(cls, run: Run) -> "Queue":
        """The queue of a run's workspace."""
        return cls(Workspace(run.folder.parent.parent))

    def add(self, run: Run) -> None:
        """Let a run wait that was never started. Raises RunError for any other."""
        if _has_begun(run) or run.is_held():
            raise RunError(f"The run {run.id!r} has begun already.", "Let a new run with its recipe wait.")
        with self._lock():
            self._write([*(id for id in self._fresh() if id != run.id), run.id])

    def line_up(self, recipes: Sequence[Recipe]) -> list[Run]:
        """Make a run of each recipe and let it wait. Raises RecipeError, before any is made, where one has problems."""
        runs = [self.store.create(recipe) for recipe in [recipe.checked() for recipe in recipes]]
        for run in runs:
            self.add(run)
        return runs

    def waiting(self) -> list[Run]:
        """The runs that wait, the next one first."""
        runs = [Run(self.workspace.runs / id) for id in self._read()]
        return [run for run in runs if (run.folder / "recipe.toml").is_file() and not _has_begun(run)]

    def holds(self, id: str) -> bool:
        """Whether the run with this id waits."""
        return any(run.id == id for run in self.waiting())

    def move(self, id: str, place: int) -> None:
        """Give a waiting run another place, counted from 0. Raises RunError for a run that does not wait."""
        with self._lock():
            ids = self._held(id)
            ids.remove(id)
            ids.insert(max(place, 0), id)
            self._write(ids)

    def cancel(self, id: str) -> None:
        """Let a run wait no more; never started, it is deleted. Raises RunError for one that does not wait."""
        with self._lock():
            left = [other for other in self._held(id) if other != id]
            self.store.delete(id)
            self._write(left)

    def advance(self) -> Run | None:
        """Start the first waiting run in the background, if no run of the workspace is being trained; return it.

        However many processes ask, one starts it: the lock is the one under which every Start begins. What cannot be
        started at all waits no more. Raises RunError where the disk is in the way.
        """
        if not self._read() or self._is_busy():
            return None
        with self._lock():
            return None if self._is_busy() else self._start_first()

    def _start_first(self) -> Run | None:
        for run in self.waiting():
            try:
                started = start(run)
            except RunError as error:
                logging.getLogger(__name__).warning("%s", error)
                started = False
            except OSError as error:
                raise RunError(
                    f"The next run cannot be started: its folder takes no file ({error.strerror}).",
                    "Make room on the disk.",
                    run.folder,
                ) from error
            self._write([id for id in self._fresh() if id != run.id])
            if started:
                self._at_work = run
                return run
        return None

    def _is_busy(self) -> bool:
        """Whether any run is being trained; the one that was found last is asked first."""
        if self._at_work is None or not self._at_work.is_held():
            self._at_work = next((run for run in self.store.all() if run.is_held()), None)
        return self._at_work is not None

    def _held(self, id: str) -> list[str]:
        ids = self._fresh()
        waiting = {run.id for run in self.waiting()}
        ids = [id for id in ids if id in waiting]
        if id not in ids:
            raise RunError(f"The run {id!r} does not wait.", "It may have begun: look at the runs.")
        return ids

    def _lock(self) -> FileLock:
        return lock(self.workspace.root / "begin.lock")

    def _fresh(self) -> list[str]:
        """The ids in the file, for whoever holds the lock and will write it. A damaged file is kept beside."""
        self._seen = None
        ids = self._read()
        if self._is_damaged:
            os.replace(self._path, self._path.with_suffix(".damaged.json"))
        return ids

    def _read(self) -> list[str]:
        """The ids in the file, none if it is damaged; while it does not change, at the cost of one look at its time."""
        try:
            stat = self._path.stat()
            seen = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
            if seen == self._seen:
                return list(self._ids)
            document = self._path.read_bytes()
        except OSError:
            self._is_damaged = False
            return []
        ids = _ids(document)
        self._seen, self._ids, self._is_damaged = seen, ids or [], ids is None
        return list(self._ids)

    def _write(self, ids: list[str]) -> None:
        write_text(self._path, json.dumps({"waiting": ids}) + "\n")


def keep_going(queue: Queue) -> threading.Thread:
    """Let a thread start what waits, one run after the other, for as long as this process lives."""
    thread = threading.Thread(target=_keep_going, args=(queue,), name="queue", daemon=True)
    thread.start()
    return thread


def _keep_going(queue: Queue) -> None:
    while True:
        with suppress(StudioError, OSError):  # a full disk, say: it is tried again
            queue.advance()
        time.sleep(_LOOK_EVERY)


def repeat(recipe: Recipe, seeds: Sequence[int] = (), lrs: Sequence[float] = ()) -> list[Recipe]:
    """The recipe with each of these seeds and each of these learning rates, named so that they can be told apart.

    Raises RecipeError for values out of bounds, and for more than 64 recipes.
    """
    some = list(product(dict.fromkeys(lrs) or (None,), dict.fromkeys(seeds) or (None,)))
    if len(some) > MOST:
        raise RecipeError(f"These would be {len(some)} runs; {MOST} is the most.", "Choose fewer seeds or rates.")
    return [_changed(recipe, seed, lr) for lr, seed in some]


def _changed(recipe: Recipe, seed: int | None, lr: float | None) -> Recipe:
    told = [f"seed {seed}"] if seed is not None else []
    told += [f"lr {lr:g}"] if lr is not None else []
    ending = "".join(f" {part}" for part in told)
    asked = {"seed": seed, "optimizer.lr": lr, "name": recipe.name[: _NAME - len(ending)] + ending}
    return recipe.amended({name: value for name, value in asked.items() if value is not None})


def _ids(document: bytes) -> list[str] | None:
    """The ids that the queue's file names, each once; None for a file that is damaged."""
    try:
        ids = json.loads(document)["waiting"]
        return list(dict.fromkeys(id for id in ids if re.fullmatch(r"[\w-]{1,120}", id)))
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _has_begun(run: Run) -> bool:
    return (run.folder / "events.jsonl").exists()
