"""A few steps of a network are timed as they come in a run."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.optim import Optimizer

from studio.model.boundary import cut
from studio.training.loader import Pictures
from studio.training.memory import Watermark
from studio.training.prepare import noise
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


@dataclass
class Watched:
    """The optimizers of all updates, and how many there had been each time that memory began to be watched."""

    updates: list[Optimizer] = field(default_factory=list)
    marks: list[int] = field(default_factory=list)


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Watched:
    found, step, begin = Watched(), Update.__call__, Watermark.begin

    def counted(update: Update, *asked: Any) -> None:
        found.updates.append(update.rule)
        step(update, *asked)

    def marked(device: torch.device) -> Watermark:
        found.marks.append(len(found.updates))
        return begin(device)

    monkeypatch.setattr(Update, "__call__", counted)
    monkeypatch.setattr(Watermark, "begin", marked)
    return found


def test_memory_is_watched_through_a_new_optimizers_updates_and_of_three_times_the_middle_one_counts(
    watch: Stopwatch, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    added = iter([1000, 9000, 1100])
    monkeypatch.setattr(Watermark, "added", lambda mark: 1_000_000 * next(added))
    beside, each = watch.memory(0, None)
    assert watched.marks == [0, 4, 8], "an update, measuring, an update, and this twice"
    assert watched.updates[4] not in watched.updates[:4], "what a new optimizer remembers comes within"
    assert beside + 4 * each == pytest.approx(1_100_000_000)


def test_two_marks_that_are_alike_are_enough(
    watch: Stopwatch, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    added = iter([1000, 1040])
    monkeypatch.setattr(Watermark, "added", lambda mark: 1_000_000 * next(added))
    beside, each = watch.memory(0, None)
    assert watched.marks == [0, 4]
    assert beside + 4 * each == pytest.approx(1_020_000_000)


def test_a_batch_that_would_take_too_long_lies_on_the_line_through_two_smaller_ones(
    watch: Stopwatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    added = iter([1000, 1000, 700])
    monkeypatch.setattr(Watermark, "added", lambda mark: 1_000_000 * next(added))
    watch._batch, watch._picture = 8, 99.0
    beside, each = watch.memory(0, None)
    assert each == pytest.approx((1000 - 700) / 2 * 1_000_000) and beside == pytest.approx(400_000_000)


def test_what_a_first_look_takes_is_all_that_the_process_holds_at_its_highest(
    watch: Stopwatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    halves = cut(watch.job.model, [1], noise(watch.job.geometry, watch.job.world))
    assert halves is not None
    monkeypatch.setattr(Watermark, "added", lambda mark: 500)
    monkeypatch.setattr(Watermark, "begin", lambda device: Watermark(device, 7000))
    assert watch.look(1, halves) == 7500
    monkeypatch.setattr(Watermark, "begin", lambda device: Watermark(device, None))
    assert watch.look(1, halves) == 0, "a system that does not tell"


@pytest.mark.usefixtures("clock")
def test_memory_is_watched_once_where_updates_take_long(watch: Stopwatch, watched: Watched) -> None:
    watch.memory(0, None)
    assert watched.marks == [0] and len(watched.updates) == 2, "a single round"


@pytest.mark.usefixtures("clock")
def test_a_new_optimizers_first_two_updates_do_not_count_they_ask_for_memory(watch: Stopwatch) -> None:
    watch.depth(0, None)
    assert watch.again(0, None) == pytest.approx(1.0, rel=0.01)
