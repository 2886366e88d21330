"""A disk that takes nothing: the run waits, says so, keeps the last good checkpoint, and goes on when there is room."""

import resource
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from studio.errors import RunError
from studio.runs import launch
from studio.runs.run import Run
from studio.runs.store import Store
from studio.training.checkpoint import load
from studio.workspace import Workspace
from tests.runs.nursery import Nursery, nursery
from tests.training.recipes import tiny

Pictures = Callable[..., Path]
EVERYTHING = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)


@pytest.fixture(scope="module")
def children() -> Iterator[Nursery]:
    with nursery() as nurse:
        yield nurse


def numbers(run: Run) -> list[tuple]:
    return [(e.epoch, e.train_loss, e.val_loss, e.val_accuracy) for e in run.progress().validated]


def told(run: Run, seconds: float = 10.0) -> str:
    """What every page says of the run, once something is in its way."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        progress = run.progress()
        if progress.hindered or (not progress.is_live and progress.status != "created"):
            return str(progress.as_dict()["hindered"] or "")
        time.sleep(0.05)
    raise AssertionError(f"nothing was said in {seconds} s: {run.progress().sentence}")


@pytest.mark.parametrize("most", [1_100, 2_000, 6_000, 100_000])
def test_a_run_without_room_waits_and_then_comes_to_the_same_end(
    most: int, children: Nursery, workspace: Workspace, pictures: Pictures
) -> None:
    recipe = tiny(pictures(each=8), schedule__epochs=8)
    undisturbed, run = Store(workspace).create(recipe), Store(workspace).create(recipe)
    children.begin(undisturbed.folder)
    assert children.end() == 0
    child = children.begin(run.folder, most=most)
    sentence = told(run)
    if sentence:  # a small file's room may be enough for all there is to say
        assert "room" in sentence and "Traceback" not in sentence and run.progress().is_live
    for path in run.folder.glob("*.safetensors"):
        load(path, torch.device("cpu"))
    resource.prlimit(child, resource.RLIMIT_FSIZE, EVERYTHING)
    assert children.end() == 0
    progress = run.progress()
    assert progress.status == "finished" and not progress.hindered and not progress.warnings
    assert numbers(run) == numbers(undisturbed)
    load(run.folder / "best.safetensors", torch.device("cpu"))


def test_a_folder_that_is_deleted_under_a_run_ends_it_without_a_trace(
    workspace: Workspace, pictures: Pictures, caplog: pytest.LogCaptureFixture
) -> None:
    run = Store(workspace).create(tiny(pictures(), schedule__epochs=9000))
    assert launch.start(run)
    while not run.progress().validated:
        time.sleep(0.02)
    end = time.monotonic() + 10
    while run.folder.exists():  # the run may put a file there while the folder is being emptied
        shutil.rmtree(run.folder, ignore_errors=True)
        assert time.monotonic() < end, "the run made its folder anew"
    while not caplog.messages and time.monotonic() < end:
        time.sleep(0.05)
    assert "folder" in caplog.messages[0] and "Traceback" not in caplog.messages[0]
    with pytest.raises(RunError, match="no run"):
        Store(workspace).get(run.id)


def test_a_run_goes_on_after_a_checkpoint_could_not_be_written(
    workspace: Workspace, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    from studio.training import checkpoint

    real, refused = checkpoint.save_file, []

    def full(*given: object, **more: object) -> None:
        if len(refused) < 3:
            refused.append(True)
            raise OSError(28, "No space left on device")
        real(*given, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(checkpoint, "save_file", full)
    monkeypatch.setattr("studio.training.keeper.INTERVAL", 0.0)
    run = Store(workspace).create(tiny(pictures(), schedule__epochs=4))
    launch.execute(run)
    kinds = [type(event).__name__ for event in run.events()]
    assert len(refused) == 3 and kinds.count("Hindered") >= 1 and kinds[-1] == "Finished"
    assert not run.progress().hindered and run.can_go_on()
