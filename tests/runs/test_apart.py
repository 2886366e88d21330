"""A run in a process of its own goes on when the one that started it is killed, and whoever comes next sees it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from studio.runs import launch
from studio.runs.run import Run
from studio.runs.store import Store
from studio.training.events import Finished, Resumed, Stepped, Thawed, Validated
from studio.workspace import Workspace
from tests.training.recipes import tiny

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks for a process there")]
Pictures = Callable[..., Path]
CHECKOUT = Path(__file__).resolve().parents[2]

STARTS = """
import sys, time
from pathlib import Path
from studio.runs.launch import start
from studio.runs.run import Run
assert start(Run(Path(sys.argv[1])))
print("started", flush=True)
time.sleep(1000)
"""
LOOKS = """
import json, sys
from pathlib import Path
from studio.runs.run import Run
progress = Run(Path(sys.argv[1])).progress()
print(json.dumps([progress.status, progress.is_live, list(progress.history["epoch"])]))
"""


@pytest.fixture
def run(workspace: Workspace, pictures: Pictures) -> Iterator[Run]:
    """A long run that is to be trained in a process of its own; whatever is left of it is stopped."""
    run = Store(workspace).create(tiny(pictures(), schedule__epochs=9000, engine__isolated=True))
    yield run
    run.request("stop")
    wait(run, lambda: not run.is_held())


def wait(run: Run, until: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < end, run.progress().sentence + (run.folder / "process.log").read_text()
        time.sleep(0.05)


def python(code: str, run: Run) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", code, str(run.folder)]
    return subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True)


def its_process(run: Run) -> int:
    """The process that trains the run, by the folder in its command line."""
    for folder in Path("/proc").glob("[0-9]*"):
        words = (folder / "cmdline").read_bytes().split(b"\0") if (folder / "cmdline").exists() else []
        if b"studio.runs.apart" in words and os.fsencode(run.folder) in words:
            return int(folder.name)
    raise AssertionError("nobody trains it apart")


def epochs(run: Run) -> list[int]:
    return [event.epoch for event in run.progress().validated]


def test_it_survives_the_one_that_started_it_and_a_new_process_sees_all_of_it(run: Run) -> None:
    starter = python(STARTS, run)
    assert starter.stdout is not None and starter.stdout.readline() == "started\n"
    wait(run, lambda: len(epochs(run)) > 2)
    before = epochs(run)
    starter.send_signal(signal.SIGKILL)
    starter.communicate()

    began = time.monotonic()
    status, is_live, seen = json.loads(python(LOOKS, run).communicate(timeout=30)[0])
    assert time.monotonic() - began < 5, "whoever comes next must see it within 5 s"
    assert is_live and status == "training" and seen[: len(before)] == before

    wait(run, lambda: len(epochs(run)) > len(before) + 2)
    run.request("stop")
    wait(run, lambda: run.has_ended() and not run.is_held())
    assert run.progress().status == "stopped" and epochs(run) == list(range(1, len(epochs(run)) + 1))
    steps = [event.step for event in run.events() if isinstance(event, Stepped | Validated)]
    assert steps == sorted(steps) and not any(isinstance(event, Resumed) for event in run.events())
    assert (run.folder / "process.log").read_text() == ""


def test_killed_itself_it_is_interrupted_and_goes_on_apart_without_a_gap(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(CHECKOUT)
    assert launch.start(run)
    wait(run, lambda: len(epochs(run)) > 1)
    run.request("pause")  # which keeps a checkpoint
    wait(run, lambda: run.progress().status == "paused" and run.can_go_on())
    os.kill(its_process(run), signal.SIGKILL)
    wait(run, lambda: run.progress().status == "interrupted")
    before = epochs(run)

    assert launch.start(run, again=True)
    assert not launch.start(run, again=True), "it is trained once"
    wait(run, lambda: len(epochs(run)) > len(before) + 2)
    assert epochs(run) == list(range(1, len(epochs(run)) + 1))
    depths = [event for event in run.progress().thaws if isinstance(event, Thawed)]
    assert len(depths) == 1


def test_told_to_leave_it_keeps_its_best_weights(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(CHECKOUT)
    assert launch.start(run)
    wait(run, lambda: len(epochs(run)) > 1)
    assert not (run.folder / "best.safetensors").exists(), "or this test shows nothing"
    os.kill(its_process(run), signal.SIGTERM)
    wait(run, lambda: not run.is_held())
    assert (run.folder / "best.safetensors").is_file() and run.progress().status == "interrupted"


def test_it_ends_by_itself_and_says_so(
    workspace: Workspace, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(CHECKOUT)
    run = Store(workspace).create(tiny(pictures(), engine__isolated=True))
    assert launch.start(run)
    wait(run, lambda: run.has_ended() and not run.is_held())
    assert isinstance(run.events()[-1], Finished) and epochs(run) == [1, 2]
