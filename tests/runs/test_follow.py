"""Ctrl-C in the terminal: the first one stops the run kindly, the second one ends the command at once."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from studio.runs.run import Run
from studio.runs.store import Store
from studio.workspace import Workspace
from tests.training.recipes import tiny

pytestmark = pytest.mark.slow
Pictures = Callable[..., Path]
Begin = Callable[..., "subprocess.Popen[str]"]
CHECKOUT = Path(__file__).resolve().parents[2]
DEAF = """
from studio.runs.requests import Desk
from studio.training.wishes import Wishes
Desk.wishes = lambda _: Wishes()
"""


@pytest.fixture
def begin(workspace: Workspace, tmp_path: Path) -> Iterator[Begin]:
    """`begin("train", ...)` is `thaw train ...` in a process of its own; `launcher` and `code` come before it."""
    begun: list[subprocess.Popen[str]] = []

    def start(*arguments: str, launcher: tuple[str, ...] = (), code: str = "") -> "subprocess.Popen[str]":
        script = tmp_path / "command.py"
        script.write_text(f"{code}\nif __name__ == '__main__':\n    from studio.cli import main\n    main()\n")
        environment = os.environ | {"THAW_WORKSPACE": str(workspace.root), "PYTHONPATH": str(CHECKOUT)}
        begun.append(
            subprocess.Popen(
                [sys.executable, *launcher, str(script), *arguments],
                env=environment | {"OMP_NUM_THREADS": "1"},
                cwd=CHECKOUT,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
        )
        return begun[-1]

    yield start
    for process in begun:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


@pytest.fixture
def recipe(pictures: Pictures, tmp_path: Path) -> str:
    """The path of a recipe for a long run."""
    path = tmp_path / "long.toml"
    path.write_text(tiny(pictures(), schedule__epochs=9000).to_toml())
    return str(path)


def learning(workspace: Workspace, process: "subprocess.Popen[str]") -> Run:
    """The run of this process, when it has measured two epochs."""
    end = time.monotonic() + 90
    while not (runs := Store(workspace).all()) or len(runs[0].progress().validated) < 2:
        assert process.poll() is None and time.monotonic() < end, process.communicate()
        time.sleep(0.1)
    return runs[0]


@pytest.mark.parametrize("more", [(), ("--isolated",)])
def test_the_first_stops_it_kindly(begin: Begin, recipe: str, workspace: Workspace, more: tuple[str, ...]) -> None:
    process = begin("train", recipe, "--json", *more)
    run = learning(workspace, process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 3, err
    told = json.loads(out)
    assert told["status"] == "stopped" and Path(told["checkpoint"]).is_file() and not run.is_held()
    assert run.can_go_on() and "Traceback" not in err and "leaked" not in err


def test_the_second_ends_it_at_once_and_it_can_be_taken_up(begin: Begin, recipe: str, workspace: Workspace) -> None:
    process = begin("train", recipe, "--json", code=DEAF)
    run = learning(workspace, process)
    process.send_signal(signal.SIGINT)
    time.sleep(0.05)
    process.send_signal(signal.SIGINT)  # the same press, handed on by a launcher
    time.sleep(1)
    assert process.poll() is None and run.progress().status == "stopping"
    process.send_signal(signal.SIGINT)
    began = time.monotonic()
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130 and out == "" and time.monotonic() - began < 10, err
    assert run.progress().status == "interrupted" and (run.folder / "best.safetensors").is_file()

    process = begin("resume", run.id, "--json")
    epochs = len(run.progress().validated)
    while len(run.progress().validated) <= epochs and process.poll() is None:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 3 and json.loads(out)["run"] == run.id, err
    assert [event.epoch for event in run.progress().validated] == list(range(1, len(run.progress().validated) + 1))


def test_under_torchrun_it_is_kind_too(begin: Begin, recipe: str, workspace: Workspace) -> None:
    launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    process = begin("train", recipe, "--json", launcher=launcher)
    run = learning(workspace, process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    progress = run.progress()
    assert progress.status == "stopped" and progress.checkpoint == "best.safetensors" and run.can_go_on(), err
    assert json.loads(out)["status"] == "stopped" and not run.requested("stop")


def test_in_the_queue_it_stops_the_run_at_work_and_leaves_the_rest(
    begin: Begin, recipe: str, workspace: Workspace
) -> None:
    assert begin("queue", "add", recipe, "--seed", "1", "--seed", "2").wait(60) == 0
    process = begin("queue", "run", "--json")
    end = time.monotonic() + 90
    while not any(run.progress().validated for run in Store(workspace).all()):
        assert process.poll() is None and time.monotonic() < end
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    (told,) = json.loads(out)
    assert process.returncode == 3 and told["status"] == "stopped", err
    process = begin("queue", "--json")
    (left,) = json.loads(process.communicate(timeout=60)[0])
    assert left["run"] != told["run"]
