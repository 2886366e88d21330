"""What a check has recognised a training knows, and the other way round."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from studio.data.intake import read_folder
from studio.errors import BackboneError
from studio.recipe import DataChoice, Recipe, ScheduleChoice
from studio.training.embed import embed
from studio.training.events import Noted
from studio.training.train import train
from studio.training.trim import trim
from studio.workspace import Workspace
from tests.working import done

Pictures = Callable[..., Path]


def notes(root: Path, workspace: Workspace) -> list[str]:
    recipe = Recipe(data=DataChoice(source=str(root)), schedule=ScheduleChoice(epochs=1))
    return [event.sentence for event in train(recipe, workspace=workspace) if isinstance(event, Noted)]


def test_after_a_check_a_training_knows_every_picture(pictures: Pictures, workspace: Workspace) -> None:
    root = pictures(each=10)
    dataset = read_folder(root)
    told, (rows, matrix) = done(embed(dataset, dataset.samples, workspace.cache))
    assert told == sorted(told) and told[-1] == 20
    assert rows.tolist() == list(range(20)) and matrix.shape == (20, 1280) and matrix.dtype == np.float32
    assert any("20 pictures were known" in note for note in notes(root, workspace))


def test_after_a_training_a_check_knows_every_picture(
    pictures: Pictures, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = pictures(each=10)
    assert not any("20 pictures were known" in note for note in notes(root, workspace))
    monkeypatch.setattr("studio.model.frozen.Frozen.__call__", lambda *_: pytest.fail("It looked again."))
    dataset = read_folder(root)
    _, (rows, matrix) = done(embed(dataset, dataset.samples, workspace.cache))
    assert len(rows) == 20 and np.abs(matrix).max() > 0


def test_pictures_that_do_not_open_have_no_row(pictures: Pictures, workspace: Workspace) -> None:
    root = pictures(each=3)
    dataset = read_folder(root)
    (root / dataset.samples[2].path).write_bytes(b"")
    _, (rows, matrix) = done(embed(dataset, dataset.samples, workspace.cache))
    assert rows.tolist() == [0, 1, 3, 4, 5] and len(matrix) == 5


def test_a_backbone_that_nobody_knows_is_an_error(pictures: Pictures, workspace: Workspace) -> None:
    dataset = read_folder(pictures(each=2))
    with pytest.raises(BackboneError):
        done(embed(dataset, dataset.samples, workspace.cache, "no_such_net"))


def test_a_frame_is_taken_off_and_nothing_else_is(pictures: Pictures) -> None:
    with Image.open(next((pictures(each=2, side=200) / "cat").glob("*.jpg"))) as image:
        inside = image.convert("RGB")
    assert trim(inside) is inside
    framed = Image.new("RGB", (240, 230), (255, 255, 255))
    framed.paste(inside, (20, 15))
    width, height = trim(framed).size
    assert 190 <= width <= 200 and 190 <= height <= 200
    blank = Image.new("RGB", (90, 90), (255, 255, 255))
    assert trim(blank).size == (90, 90)


def test_what_was_trimmed_is_another_picture(pictures: Pictures, workspace: Workspace) -> None:
    root = pictures(each=2, side=100)
    for file in root.rglob("*.png"):
        with Image.open(file) as image:
            framed = Image.new("RGB", (140, 140), (255, 255, 255))
            framed.paste(image, (20, 20))
        framed.save(file)
    dataset = read_folder(root)
    _, (_, whole) = done(embed(dataset, dataset.samples, workspace.cache))
    _, (_, inside) = done(embed(dataset, dataset.samples, workspace.cache, trimmed=True))
    changed = np.abs(whole - inside).max(axis=1) > 0.1
    assert changed.tolist() == [sample.path.endswith(".png") for sample in dataset.samples]
