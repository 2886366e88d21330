"""Kill runs at random moments, let them go on, and look at what is left each time."""

import os
import random
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from studio.recipe import Recipe
from studio.runs.run import Run
from studio.runs.store import Store
from studio.training.events import Stepped, Validated
from studio.training.place import CHECKPOINT
from tests.runs.nursery import Nursery


@dataclass
class Toll:
    """What so many kills cost."""

    kills: int = 0
    finished: int = 0
    unreadable_runs: int = 0
    unreadable_checkpoints: int = 0
    gaps: int = 0
    not_exact: int = 0
    faults: list[str] = field(default_factory=list)


def kill_at_random(
    nursery: Nursery, store: Store, recipe: Recipe, kills: int, seed: int = 0, interval: float = 0.0
) -> Toll:
    """Kill a run of this recipe so often; each time it goes on, and when it has finished a new one begins."""
    whole, lasts = undisturbed(nursery, store, recipe)
    chance, toll = random.Random(seed), Toll()
    run = store.create(recipe)
    while toll.kills < kills:
        child = nursery.begin(run.folder, again=bool(run.events()), interval=interval)
        time.sleep(chance.uniform(0.0, lasts))
        with suppress(ProcessLookupError):  # it has come to its end
            os.kill(child, signal.SIGKILL)
        toll.kills += nursery.end() == -signal.SIGKILL
        look(run, toll)
        if run.has_ended():
            compare(run, whole, toll)
            run = store.create(recipe)
    nursery.begin(run.folder, again=bool(run.events()), interval=interval)
    nursery.end()
    compare(run, whole, toll)
    return toll


def undisturbed(nursery: Nursery, store: Store, recipe: Recipe) -> tuple[Run, float]:
    """A run of this recipe that nothing happened to, and its seconds."""
    _whole(nursery, store, recipe)  # the first one times layers and fills caches
    began = time.monotonic()
    return _whole(nursery, store, recipe), time.monotonic() - began


def _whole(nursery: Nursery, store: Store, recipe: Recipe) -> Run:
    run = store.create(recipe)
    nursery.begin(run.folder)
    assert nursery.end() == 0 and run.progress().status == "finished", run.progress().sentence
    return run


def look(run: Run, toll: Toll) -> None:
    """What is left of a run whose process is gone."""
    progress = run.progress()
    if progress.status not in ("created", "interrupted", "finished") or progress.warnings:
        toll.unreadable_runs += 1
        toll.faults.append(f"{run.id}: {progress.status} {progress.warnings}")
    if (run.folder / CHECKPOINT).exists() and not run.can_go_on():
        toll.unreadable_checkpoints += 1
    epochs = [event.epoch for event in progress.validated]
    if epochs != list(range(1, len(epochs) + 1)):
        toll.gaps += 1
        toll.faults.append(f"{run.id}: epochs {epochs}")


def compare(run: Run, whole: Run, toll: Toll) -> None:
    """Whether a run that was killed again and again came to the very end of one that was not."""
    from safetensors.numpy import load_file

    toll.finished += 1
    numbers: Callable[[Run], list] = lambda each: [  # noqa: E731
        (e.epoch, e.step, e.train_loss, e.val_loss, e.val_accuracy, e.lr) for e in each.progress().validated
    ]
    one, other = load_file(run.folder / CHECKPOINT), load_file(whole.folder / CHECKPOINT)
    same = one.keys() == other.keys() and all(one[name].tobytes() == other[name].tobytes() for name in one)
    if not same or numbers(run) != numbers(whole):
        toll.not_exact += 1
        toll.faults.append(f"{run.id}: {numbers(run)[-1:]} is not {numbers(whole)[-1:]}, weights the same: {same}")
    assert all(not isinstance(event, Stepped | Validated) or event.step for event in run.events())
