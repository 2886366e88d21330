"""Whatever is done to a run, in whatever order, its folder tells the truth: a machine of random lives."""

import os
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as some
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from PIL import Image

from studio.errors import RunError
from studio.runs.run import Run
from studio.runs.store import Store
from studio.workspace import Workspace
from tests.conftest import striped
from tests.runs.nursery import Nursery, nursery
from tests.training.recipes import tiny

Epoch = tuple[int, int, float, float, float]
STEPS = 3  # of an epoch
MOMENTS = some.floats(0, 0.6)  # seconds: from before the first event of such a run to after its last one


@pytest.fixture(scope="module")
def children() -> Iterator[Nursery]:
    with nursery() as nurse:
        yield nurse


def test_a_life_of_starts_stops_kills_and_deletions_in_any_order(children: Nursery, tmp_path: Path) -> None:
    for kind, label in enumerate(("cat", "dog")):
        (tmp_path / label).mkdir()
        for number in range(6):
            Image.fromarray(striped(kind, number)).save(tmp_path / label / f"{number}.png")

    class Told(Life):
        nurse, source = children, tmp_path

    run_state_machine_as_test(
        Told,
        settings=settings(
            max_examples=12,
            stateful_step_count=12,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )


class Life(RuleBasedStateMachine):
    """One run folder. What is expected of it is kept here; what it says must agree, whoever asks, at any moment."""

    nurse: Nursery
    source: Path

    def __init__(self) -> None:
        super().__init__()
        self.scratch = tempfile.TemporaryDirectory()
        self.store = Store(Workspace.at(Path(self.scratch.name)))
        self.run: Run | None = None
        self.child: int | None = None
        self.name, self.begun, self.stopped = "tiny", False, False
        self.told: list[Epoch] = []  # every whole epoch that was ever told of

    @precondition(lambda self: self.run is None)
    @rule()
    def create(self) -> None:
        self.run = self.store.create(tiny(self.source, schedule__epochs=6))
        self.name, self.begun, self.stopped, self.told = "tiny", False, False, []

    @precondition(lambda self: self.run and not self.child)
    @rule(moment=MOMENTS)
    def start_or_resume(self, moment: float) -> None:
        assert self.run
        self.child = self.nurse.begin(self.run.folder, again=self.begun)
        self.begun, self.stopped = True, False
        time.sleep(moment)

    @precondition(lambda self: self.child)
    @rule()
    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.child or 0, signal.SIGKILL)
        self.gone(-signal.SIGKILL, 0)
        assert self.run and self.run.progress().status in ("created", "interrupted", "finished", "stopped")

    @precondition(lambda self: self.child)
    @rule()
    def stop(self) -> None:
        assert self.run
        self.run.request("stop")
        self.stopped = True
        self.gone(0)
        assert self.run.progress().status in ("stopped", "finished")

    @precondition(lambda self: self.child and not self.stopped)
    @rule()
    def let_it_finish(self) -> None:
        self.gone(0)
        assert self.run and self.run.progress().status == "finished"
        assert len(self.run.progress().validated) == 6

    @precondition(lambda self: self.run)
    @rule(name=some.text(min_size=1, max_size=20))
    def rename(self, name: str) -> None:
        assert self.run
        try:
            self.run.rename(name)
        except RunError as error:
            assert not name.strip(), error
            return
        assert self.run.name
        self.name = self.run.name

    @precondition(lambda self: self.run)
    @rule()
    def delete(self) -> None:
        assert self.run
        if not self.child:
            self.store.delete(self.run.id)
            assert not self.run.folder.exists() and self.store.all() == []
            self.run = None
        elif self.run.is_held() and not self.run.has_ended():
            with suppress(ProcessLookupError):
                os.kill(self.child, signal.SIGSTOP)  # so that it cannot come to its end meanwhile
                if self.run.is_held():
                    with pytest.raises(RunError, match="being trained"):
                        self.store.delete(self.run.id)
                os.kill(self.child, signal.SIGCONT)

    @invariant()
    def the_folder_tells_the_truth(self) -> None:
        if not self.run or not self.run.folder.exists():
            return
        progress = self.run.progress()
        assert progress.status != "failed" and not progress.warnings, progress.sentence
        assert self.run.name == self.name
        assert [run.id for run in self.store.all()] == [self.run.id]
        if not self.begun:
            assert progress.status == "created"
        assert [event.epoch for event in progress.validated] == list(range(1, len(progress.validated) + 1))
        whole = [event for event in progress.validated if event.step == STEPS * event.epoch]  # a stop may cut one short
        now = [(e.epoch, e.step, e.train_loss, e.val_loss, e.lr) for e in whole]
        both = min(len(now), len(self.told))
        assert now[:both] == self.told[:both], "An epoch was told of in two ways."
        self.told = max(now, self.told, key=len)

    @invariant()
    def a_checkpoint_is_whole(self) -> None:
        from safetensors.numpy import load_file

        for path in self.run.folder.glob("*.safetensors") if self.run else ():
            with suppress(FileNotFoundError):
                assert all(np.isfinite(tensor).all() for tensor in load_file(path).values())

    def gone(self, *statuses: int) -> None:
        assert self.nurse.end() in statuses
        self.child = None

    def teardown(self) -> None:
        if self.child:
            with suppress(ProcessLookupError):
                os.kill(self.child, signal.SIGKILL)
            self.nurse.end()
        self.scratch.cleanup()
