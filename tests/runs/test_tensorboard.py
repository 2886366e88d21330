"""A run's curves as TensorBoard reads them: every number, at its step and its time."""

import struct
import sys
from collections import defaultdict
from pathlib import Path

import pytest
from tensorboardX.crc32c import crc32c
from tensorboardX.proto import event_pb2

from studio.errors import StudioError
from studio.recipe import Recipe
from studio.runs.run import Run
from studio.runs.store import Store
from studio.runs.tensorboard import write_events
from studio.training.events import Event, Resumed, Started, Stepped, Validated
from studio.workspace import Workspace

STARTED = Started("b", "CPU", ["cat", "猫/x"], ["s0"], 0, 10, 10, 80, 20, 32, 10, 20, at=1.0)


def scalars_in(file: Path) -> dict[str, list[tuple[int, float]]]:
    """The (step, value) pairs of every curve in an event file; whoever wrote a wrong checksum is told."""
    data, found = file.read_bytes(), defaultdict(list)
    while data:
        header, (length,) = data[:8], struct.unpack("<Q", data[:8])
        body = data[12 : 12 + length]
        for content, at in ((header, 8), (body, 12 + length)):
            crc = crc32c(content)
            masked = (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF
            assert struct.unpack("<I", data[at : at + 4])[0] == masked
        event = event_pb2.Event.FromString(body)  # type: ignore[attr-defined]
        for value in event.summary.value:
            found[value.tag].append((event.step, value.simple_value))
        data = data[16 + length :]
    return dict(found)


def validated(epoch: int, accuracy: float) -> Validated:
    each = [1.0, None] if epoch == 1 else [0.5, 0.25]
    return Validated(epoch, epoch * 20, 0.5, 0.75, None, accuracy, 1e-3, 100.0, 2.0, each, at=10.0 * epoch)


def stepped(step: int, loss: float) -> Stepped:
    return Stepped(1 + step // 20, step, loss, 0.5, 1e-3, 50.0, at=float(step))


def a_run(workspace: Workspace, *events: Event) -> Run:
    run = Store(workspace).create(Recipe(name="told").amended({"data.source": "x"}))
    for event in events:
        run.log(event)
    return run


def test_every_number_is_there_and_nothing_that_was_undone(workspace: Workspace) -> None:
    run = a_run(
        workspace,
        STARTED,
        stepped(10, 2.0),
        validated(1, 0.5),
        stepped(30, 9.0),
        Resumed(2, 20, again=True, at=40.0),
        stepped(30, 1.0),
        validated(2, 0.75),
    )
    file = write_events(run, run.folder / "tensorboard")
    found = scalars_in(file)
    assert "tfevents" in file.name
    assert found["step/train_loss"] == [(10, 2.0), (30, 1.0)]
    assert found["epoch/val_accuracy"] == [(20, 0.5), (40, 0.75)] and "epoch/val_loss" not in found
    assert found["class_accuracy/cat"] == [(20, 1.0), (40, 0.5)] and found["class_accuracy/猫/x"] == [(40, 0.25)]
    assert {"epoch/train_loss", "epoch/lr", "epoch/images_per_second", "step/lr", "step/images_per_second"} <= set(
        found
    )


def test_written_again_it_replaces_what_was_there(workspace: Workspace) -> None:
    run = a_run(workspace, STARTED, validated(1, 0.5))
    first = write_events(run, run.folder / "tensorboard")
    run.log(validated(2, 0.75))
    assert write_events(run, run.folder / "tensorboard") == first
    assert len(scalars_in(first)["epoch/val_accuracy"]) == 2
    assert list(first.parent.iterdir()) == [first]


def test_a_run_that_told_nothing_makes_a_file_without_curves(workspace: Workspace) -> None:
    run = a_run(workspace)
    assert scalars_in(write_events(run, run.folder / "tensorboard")) == {}


def test_what_is_missing_is_said_in_a_sentence(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = a_run(workspace, STARTED)
    (tmp_path / "file").touch()
    with pytest.raises(StudioError, match="cannot be written"):
        write_events(run, tmp_path / "file" / "x")
    monkeypatch.setitem(sys.modules, "tensorboardX.proto", None)
    with pytest.raises(StudioError, match=r"pip install .*tensorboard"):
        write_events(run, run.folder / "tensorboard")
    assert not (run.folder / "tensorboard").exists()
