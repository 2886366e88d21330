"""Nothing is lost when the process that trains is killed."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from studio.runs import launch
from studio.runs.requests import Desk
from studio.runs.run import Run
from studio.runs.store import Store
from studio.training.events import Event, Steered, Validated
from studio.workspace import Workspace
from tests.runs.killing import kill_at_random
from tests.runs.nursery import nursery
from tests.training.recipes import tiny

KILLS = 6  # bench_faults.py does two hundred, or as many as it is told


@pytest.mark.timeout(300)
def test_a_run_killed_at_random_moments_goes_on_to_the_very_same_end(
    workspace: Workspace, pictures: Callable[..., Path]
) -> None:
    recipe = tiny(
        pictures(each=8), schedule__epochs=12, freeze__strategy="two-phase", freeze__depth=1, freeze__head_epochs=6
    )
    with nursery() as children:
        toll = kill_at_random(children, Store(workspace), recipe, KILLS)
    assert toll.kills == KILLS and toll.finished
    assert not toll.faults and not toll.unreadable_checkpoints, toll


def test_a_change_made_after_the_last_checkpoint_is_made_again(
    workspace: Workspace, pictures: Callable[..., Path]
) -> None:
    store = Store(workspace)
    run = store.create(tiny(pictures(each=8), schedule__epochs=600, augment__preset="gentle"))
    with nursery() as children:
        child = children.begin(run.folder, interval=1e9)
        wait(lambda: run.progress().step > 40)
        run.request("depth", 3)
        wait(lambda: bool(run.progress().steered))
        run.request("epochs", run.progress().epoch + 20)
        wait(lambda: len(run.progress().steered) == 2)
        before = run.progress().steered
        os.kill(child, signal.SIGKILL)
        children.end()
        assert not run.can_go_on() and not run.has_ended()
        children.begin(run.folder, again=True)
        assert children.end() == 0
        same = store.create(run.as_steered())
        children.begin(same.folder)
        assert children.end() == 0
    assert [(e.step, e.depth, e.epochs) for e in run.progress().steered] == [
        (e.step, e.depth, e.epochs) for e in before
    ]
    assert numbers(run) == numbers(same)


def test_a_change_that_was_written_down_by_a_run_that_died_at_once_is_not_made_twice(
    workspace: Workspace, pictures: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Store(workspace).create(tiny(pictures(each=8), schedule__epochs=4))

    def met(desk: Desk, event: Event) -> None:
        if isinstance(event, Validated) and event.epoch == 2:
            run.request("epochs", 6)
        if isinstance(event, Steered):
            raise SystemExit  # as if it was killed: the change is in the journal, and still asked for

    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(Desk, "met", met)
        launch.execute(run)
    (before,) = run.progress().steered
    assert before.step > 0 and before.epochs == 6
    launch.execute(run, again=True)
    assert [(e.step, e.epochs) for e in run.progress().steered] == [(before.step, before.epochs)]
    assert len(run.progress().validated) == 6 and not run.requested("epochs")


def numbers(run: Run) -> list[tuple]:
    return [(e.epoch, e.step, e.train_loss, e.val_loss, e.lr) for e in run.progress().validated]


def wait(until: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < end
        time.sleep(0.02)
