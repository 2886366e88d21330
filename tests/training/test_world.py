"""Two processes train one model: one run, one document, every held-back picture counted once, nobody left waiting."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from studio.results.evaluate import Results
from studio.runs.run import Run
from studio.runs.store import Store
from studio.workspace import Workspace

pytestmark = pytest.mark.slow
Torchrun = Callable[..., "subprocess.Popen[str]"]
CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture
def torchrun(workspace: Workspace, tmp_path: Path) -> Iterator[Torchrun]:
    """`torchrun(source, "--epochs", "2")` is `thaw train` of a tiny network in two processes, just begun."""
    begun: list[subprocess.Popen[str]] = []

    def begin(source: Path, *more: str, code: str = "") -> "subprocess.Popen[str]":
        script = tmp_path / "rank.py"
        script.write_text(f"{code}\nif __name__ == '__main__':\n    from studio.cli import main\n    main()\n")
        launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", str(script)]
        network = ["--backbone", "test_resnet", "--set", "model.pretrained=false", "--image-size", "32"]
        asked = ["train", str(source), *network, "--batch-size", "4", "--json", *more]
        begun.append(
            subprocess.Popen(
                [*launcher, *asked],
                env=os.environ
                | {"OMP_NUM_THREADS": "1", "THAW_WORKSPACE": str(workspace.root), "PYTHONPATH": str(CHECKOUT)},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
        )
        return begun[-1]

    yield begin
    for process in begun:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


def cut_off(picture: Path) -> None:
    picture.write_bytes(picture.read_bytes()[:60])


def the_run(workspace: Workspace) -> Run:
    (run,) = Store(workspace).all()
    return run


def test_two_processes_make_one_run_and_one_document(
    torchrun: Torchrun, workspace: Workspace, pictures: Callable[..., Path]
) -> None:
    source = pictures(each=12)
    cut_off(source / "cat" / "cat-000.png")
    asked = ("--strategy", "two-phase", "--set", "freeze.head_epochs=1", "--epochs", "2", "--set", "data.val_share=0.3")
    out, err = (process := torchrun(source, *asked)).communicate(timeout=100)
    assert process.returncode == 0, err
    told = json.loads(out)
    results = Results.of(the_run(workspace))
    assert told["status"] == "finished" and told["epochs"] == 2 and Path(told["checkpoint"]).is_file()
    assert told["train_images"] + told["val_images"] == 23 and results.images == told["val_images"] >= 6
    assert results.accuracy == told["val_accuracy"] and results.frame["path"].is_unique
    (warning,) = the_run(workspace).progress().warnings
    assert warning.pictures == ["cat/cat-000.png"]


def test_a_stop_is_heard_by_all(torchrun: Torchrun, workspace: Workspace, pictures: Callable[..., Path]) -> None:
    process = torchrun(pictures(), "--epochs", "9000")
    end = time.monotonic() + 60
    while not (runs := Store(workspace).all()) or not runs[0].progress().validated:
        assert process.poll() is None and time.monotonic() < end
        time.sleep(0.2)
    runs[0].request("stop")
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert json.loads(out)["status"] == "stopped" and not runs[0].requested("stop")


FAILS = """
import os
from studio.errors import DataError
from studio.training.sources import OnFeatures
def fail(self):
    raise DataError("The cable was pulled.", "Plug it in.")
if os.environ["RANK"] == "1":
    OnFeatures.logits = fail
"""


def test_where_one_fails_all_end_and_its_reason_is_told(
    torchrun: Torchrun, workspace: Workspace, pictures: Callable[..., Path]
) -> None:
    process = torchrun(pictures(), "--epochs", "3", code=FAILS)
    out, err = process.communicate(timeout=100)
    assert process.returncode != 0 and out == "" and "The cable was pulled" in err
    progress = the_run(workspace).progress()
    assert progress.status == "failed" and progress.failure and progress.failure.sentence == "The cable was pulled."


def test_too_few_pictures_for_the_processes_is_said(
    torchrun: Torchrun, workspace: Workspace, pictures: Callable[..., Path]
) -> None:
    source = pictures(split=("train", "val"), each=1)
    cut_off(source / "val" / "cat" / "cat-val000.png")
    process = torchrun(source)
    _, err = process.communicate(timeout=100)
    assert process.returncode != 0 and "too few pictures for 2 processes" in err
