"""A run keeps the decisions that it began with, says so, and goes on under them whatever is decided later."""

import os
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from studio.data.dataset import Dataset
from studio.data.decided import decide
from studio.data.decisions import Decision, Decisions, alike, save_alike
from studio.data.identity import home
from studio.data.intake import open_data
from studio.errors import DataError
from studio.recipe import Recipe
from studio.results.evaluate import Results
from studio.runs import launch
from studio.runs.run import Run
from studio.runs.store import Store
from studio.training import notes
from studio.training.events import Noted
from studio.training.place import CHECKPOINT
from studio.training.prepare import load_data
from studio.training.train import train
from studio.workspace import Workspace
from tests.training.recipes import tiny

Pictures = Callable[..., Path]
NOTE = "Trained under 3 decisions: 2 pictures set aside, 1 moved to another class."


@pytest.fixture
def source(pictures: Pictures) -> Path:
    return pictures(each=10)


def set_aside(source: Path, workspace: Workspace, *paths: str) -> None:
    Decisions(home(source, workspace)).add(decide(open_data(source, workspace), paths, "set-aside"))


def decide_three(source: Path, workspace: Workspace) -> None:
    set_aside(source, workspace, "cat/cat-000.png", "dog/dog-001.jpg")
    moved = decide(open_data(source, workspace), ["cat/cat-002.png"], "move", "dog")
    kept = decide(open_data(source, workspace), ["cat/cat-004.png"], "keep", check="dark")
    Decisions(home(source, workspace)).add([*moved, *kept])
    save_alike(home(source, workspace), [["cat/cat-004.png", "cat/cat-006.png"]])


def sides(dataset: Dataset) -> dict[str, tuple[str, str | None]]:
    return {sample.path: (sample.label, sample.split) for sample in dataset.samples}


def numbers(run: Run) -> list[tuple]:
    return [(e.epoch, e.step, e.train_loss, e.val_loss, e.val_accuracy) for e in run.progress().validated]


def test_a_run_learns_what_was_decided_and_says_so(source: Path, workspace: Workspace) -> None:
    decide_three(source, workspace)
    run = Store(workspace).create(tiny(source, data__val_share=0.5))
    launch.execute(run)
    progress = run.progress()
    assert progress.status == "finished" and progress.notes.count(NOTE) == 1
    assert progress.started and progress.started.train_images + progress.started.val_images == 18
    assert [(one.path, one.action) for one in Decisions(run.folder).all()] == [
        ("cat/cat-000.png", "set-aside"),
        ("cat/cat-002.png", "move"),
        ("cat/cat-004.png", "keep"),
        ("dog/dog-001.jpg", "set-aside"),
    ]
    assert alike(run.folder) == (("cat/cat-004.png", "cat/cat-006.png"),)
    measured = dict(zip(*Results.of(run).frame[["path", "label"]].to_numpy().T, strict=True))
    wanted = {p: label for p, (label, side) in sides(load_data(run.recipe, workspace)).items() if side == "val"}
    assert measured == wanted


@pytest.mark.parametrize("change", ["undo", "more"])
def test_a_run_goes_on_bit_by_bit_whatever_is_decided_later(source: Path, workspace: Workspace, change: str) -> None:
    decide_three(source, workspace)
    store, recipe = Store(workspace), tiny(source)
    whole, run = store.create(recipe), store.create(recipe)
    for one in (whole, run):
        launch.execute(one)
        one.request("epochs", 4)
    launch.execute(whole, again=True)
    before = sides(load_data(recipe, workspace, run.folder))
    if change == "undo":
        while Decisions(home(source, workspace)).undo():
            pass
        save_alike(home(source, workspace), [])
    else:
        set_aside(source, workspace, "dog/dog-002.png", "dog/dog-004.png", "cat/cat-006.png")
        save_alike(home(source, workspace), [[f"dog/dog-00{n}.png" for n in (0, 4, 6, 8)]])
        better = (source / "cat/cat-006.png").read_bytes() + b"0"
        (source / "cat/cat-000.png").write_bytes(better)  # in place of one that was set aside
    assert sides(load_data(recipe, workspace)) != before
    assert sides(load_data(recipe, workspace, run.folder)) == before
    launch.execute(run, again=True)
    assert numbers(run) == numbers(whole) and len(numbers(run)) == 4
    assert run.progress().notes.count(NOTE) == 1
    again = store.create(recipe)
    assert sides(load_data(recipe, workspace, again.folder)) == sides(load_data(recipe, workspace))


def test_a_run_without_decisions_keeps_none(source: Path, workspace: Workspace) -> None:
    run = Store(workspace).create(tiny(source))
    launch.execute(run)
    before = sides(load_data(run.recipe, workspace, run.folder))
    decide_three(source, workspace)
    assert sides(load_data(run.recipe, workspace, run.folder)) == before
    assert not [note for note in run.progress().notes if "decision" in note]


def test_a_run_of_an_older_studio_goes_on_without_decisions(source: Path, workspace: Workspace) -> None:
    run = Store(workspace).create(tiny(source))
    launch.execute(run)
    before = sides(load_data(run.recipe, workspace, run.folder))
    (run.folder / "decisions.json").unlink()
    assert (run.folder / CHECKPOINT).is_file()
    decide_three(source, workspace)
    run.request("epochs", 3)
    launch.execute(run, again=True)
    assert len(run.progress().validated) == 3 and sides(load_data(run.recipe, workspace, run.folder)) == before


def test_a_run_that_could_not_begin_keeps_nothing_and_begins_once_that_is_mended(
    source: Path, workspace: Workspace
) -> None:
    cats = [sample.path for sample in open_data(source, workspace).samples if sample.label == "cat"]
    set_aside(source, workspace, *cats)
    run = Store(workspace).create(tiny(source))
    launch.execute(run)
    failure = run.progress().failure
    assert failure and "fewer than two classes" in failure.sentence and "Undo" in failure.remedy
    Decisions(home(source, workspace)).undo()
    launch.execute(run, again=True)
    assert run.progress().status == "finished"


def test_decisions_that_became_unreadable_end_a_run_with_a_sentence(source: Path, workspace: Workspace) -> None:
    run = Store(workspace).create(tiny(source))
    (home(source, workspace)).mkdir()
    (home(source, workspace) / "decisions.json").write_text("{")
    launch.execute(run)
    failure = run.progress().failure
    assert failure and "list of decisions cannot be understood" in failure.sentence and failure.remedy


def test_training_without_a_folder_learns_what_was_decided_too(source: Path, workspace: Workspace) -> None:
    decide_three(source, workspace)
    events = list(train(tiny(source, schedule__epochs=1), workspace=workspace))
    assert NOTE in [event.sentence for event in events if isinstance(event, Noted)]


def test_two_that_read_at_once_read_the_same(source: Path, workspace: Workspace, tmp_path: Path) -> None:
    decide_three(source, workspace)
    recipe, found = tiny(source), []
    (tmp_path / "run").mkdir()
    load_data(recipe, workspace, tmp_path / "run")  # as the main process does, before the others may
    deciding = threading.Thread(target=lambda: [set_aside(source, workspace, f"cat/cat-00{n}.png") for n in (4, 6, 8)])
    deciding.start()
    for _ in range(5):
        found.append(sides(load_data(recipe, workspace, tmp_path / "run")))
    deciding.join()
    assert all(one == found[0] for one in found)


def test_pictures_in_a_zip_are_trained_under_decisions(source: Path, workspace: Workspace) -> None:
    packed = source.with_suffix(".zip")
    with zipfile.ZipFile(packed, "w") as target:
        for path in source.rglob("*.*"):
            target.write(path, path.relative_to(source))
    set_aside(packed, workspace, "cat/cat-000.png")
    dataset = load_data(Recipe().amended({"data.source": str(packed)}), workspace)
    assert len(dataset.samples) == 19 and os.fspath(dataset.root).startswith(os.fspath(workspace.root))


@pytest.mark.parametrize(
    ("aside", "moved", "words"),
    [
        (0, 0, ""),
        (1, 0, "Trained under 1 decision: 1 picture set aside."),
        (0, 2, "Trained under 2 decisions: 2 pictures moved to another class."),
        (10, 2, "Trained under 12 decisions: 10 pictures set aside, 2 moved to another class."),
        (1200, 1, "Trained under 1,201 decisions: 1,200 pictures set aside, 1 moved to another class."),
    ],
)
def test_decisions_are_counted_in_words(aside: int, moved: int, words: str) -> None:
    some = [Decision("a", "set-aside")] * aside + [Decision("b", "move", "c")] * moved
    assert notes.decided([*some, Decision("d", "keep", check="dark")]) == words


def test_nothing_left_is_told_before_anything_is_pinned(source: Path, workspace: Workspace, tmp_path: Path) -> None:
    set_aside(source, workspace, *(sample.path for sample in open_data(source, workspace).samples))
    (tmp_path / "run").mkdir()
    with pytest.raises(DataError, match="fewer than two classes"):
        load_data(tiny(source), workspace, tmp_path / "run")
    assert list((tmp_path / "run").iterdir()) == []
