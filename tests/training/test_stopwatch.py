"""A few steps of a network are timed as they come in a run."""

from collections import Counter
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from torch.optim import Optimizer

from studio.training.loader import Pictures
from studio.training.stopwatch import Stopwatch
from studio.training.update import Update
from studio.workspace import Workspace
from tests.training.recipes import ready, tiny


@pytest.fixture
def watch(pictures: Callable[..., Path], workspace: Workspace) -> Stopwatch:
    job = ready(tiny(pictures(each=4)), workspace)
    seen = Pictures(job.dataset, job.dataset.split("train"), job.geometry, keep=True)
    list(seen.look())
    return Stopwatch(job, seen)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seconds go by in updates: nine in each of an optimizer's first two, one in each later one."""
    updates = Counter[Optimizer]()
    now, step = count(0.0, 1e-6), Update.__call__
    spent = [0.0]

    def timed(update: Update, *asked: Any) -> None:
        updates[update.rule] += 1
        spent[0] += 9.0 if updates[update.rule] <= 2 else 1.0
        step(update, *asked)

    monkeypatch.setattr(Update, "__call__", timed)
    monkeypatch.setattr("studio.training.stopwatch.time.perf_counter", lambda: next(now) + spent[0])


@pytest.mark.usefixtures("clock")
def test_a_new_optimizers_first_two_updates_do_not_count_they_ask_for_memory(watch: Stopwatch) -> None:
    watch.depth(0, None)
    assert watch.again(0, None) == pytest.approx(1.0, rel=0.01)
