"""The progress of the runs that somebody looks at, kept: a look costs only what has happened since the last one."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from studio.recipe import Recipe
from studio.runs.journal import Follower
from studio.runs.progress import Progress
from studio.training.events import Event, Prepared, Saved, Stepped

_KEPT = 128  # runs; one of a thousand epochs takes about a megabyte

_folds: dict[Path, "_Fold"] = {}
_lock = threading.Lock()


@dataclass(frozen=True)
class Look:
    """How far a journal was read, in bytes: the progress so far, and the events but for those that come all the time.

    `damaged` is how many lines could not be read.
    """

    progress: Progress
    events: Sequence[Event]
    damaged: int
    read: int


@dataclass
class _Fold:
    follower: Follower
    progress: Progress
    events: list[Event] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def look(self) -> Look:
        with self.lock:
            for event in self.follower.fresh():
                self.progress.add(event)
                if not isinstance(event, Stepped | Prepared | Saved):
                    self.events.append(event)
            return Look(self.progress.copy(), tuple(self.events), self.follower.damaged, self.follower.read)


def look(journal: Path, recipe: Recipe) -> Look:
    """How far the run of this recipe is, as its journal tells it."""
    with _lock:
        fold = _folds.pop(journal, None)
        if fold is None or fold.follower.is_lost():
            fold = _Fold(Follower(journal), Progress.begun(recipe))
        _folds[journal] = fold  # the one that was looked at last goes last
        while len(_folds) > _KEPT:
            del _folds[next(iter(_folds))]
    return fold.look()
