"""What a reader of the engine found: requests and numbers at the edges of pausing, stopping and going on."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from studio.errors import RunError
from studio.model.boundary import cut
from studio.recipe import Recipe
from studio.runs import launch
from studio.runs.store import Store
from studio.training.checkpoint import read_card
from studio.training.events import Finished, Paused, Resumed, Steered
from studio.training.place import BEST, CHECKPOINT
from studio.training.train import train
from studio.training.wishes import Wishes
from studio.workspace import Workspace
from tests.training.recipes import tiny
from tests.training.test_steering import Person, of

Pictures = Callable[..., Path]


@pytest.fixture
def recipe(pictures: Pictures) -> Recipe:
    return tiny(pictures(each=8), schedule__epochs=4, optimizer__lr=0.01)


def test_a_network_is_cut_while_another_one_computes() -> None:
    import timm

    busy, other = (timm.create_model("test_resnet", num_classes=2).eval() for _ in range(2))
    over, faults = threading.Event(), []
    inputs = torch.zeros(1, 3, 32, 32)

    def compute() -> None:
        with torch.no_grad():
            while not over.is_set():
                try:
                    busy(inputs)
                except NameError as error:
                    faults.append(error)

    thread = threading.Thread(target=compute)
    thread.start()
    for _ in range(5):
        with torch.no_grad():
            assert cut(other, [2], torch.rand(3, 3, 32, 32)) is not None
    over.set()
    thread.join()
    assert not faults


def test_a_pause_is_heard_where_an_epoch_has_one_update(recipe: Recipe, workspace: Workspace) -> None:
    one = recipe.amended({"schedule.batch_size": 64, "schedule.epochs": 20})
    events = list(train(one, workspace=workspace, asked=Person((12, Wishes(pause=True)), (16, Wishes()))))
    assert len(of(Paused, events)) == 1 and events[-1].epochs == 20


def test_a_stop_while_it_is_taken_up_keeps_what_it_had(recipe: Recipe, workspace: Workspace, tmp_path: Path) -> None:
    list(train(recipe, tmp_path, workspace))
    end = list(train(recipe, tmp_path, workspace, lambda: Wishes(stop=True, epochs=9), again=True))[-1]
    assert isinstance(end, Finished) and end.stopped and end.checkpoint == BEST
    assert end.best_epoch == read_card(tmp_path / BEST).epoch and end.val_accuracy is not None


def test_what_the_end_tells_is_what_the_best_file_holds(recipe: Recipe, workspace: Workspace, tmp_path: Path) -> None:
    for stop_after in (5, 9, 14):
        folder = tmp_path / str(stop_after)
        folder.mkdir()
        list(train(recipe, folder, workspace, Person((stop_after + 8, Wishes(stop=True)))))
        end = list(train(recipe, folder, workspace, again=True))[-1]
        card = read_card(folder / BEST)
        assert (end.best_epoch, end.val_accuracy) == (card.epoch, card.val_accuracy)


def test_a_best_file_that_is_gone_is_not_named(recipe: Recipe, workspace: Workspace, tmp_path: Path) -> None:
    list(train(recipe, tmp_path, workspace))
    (tmp_path / BEST).unlink()
    assert list(train(recipe, tmp_path, workspace, again=True))[-1].checkpoint is None


def test_more_epochs_for_an_early_end_count_patience_anew(recipe: Recipe, workspace: Workspace, tmp_path: Path) -> None:
    dead = recipe.amended({"optimizer.lr": 1e-12, "schedule.epochs": 50, "schedule.patience": 3})
    first = list(train(dead, tmp_path, workspace))[-1]
    assert first.early
    more = list(train(dead, tmp_path, workspace, lambda: Wishes(epochs=60), again=True))[-1]
    assert more.early and more.epochs == first.epochs + 3
    assert not list(train(dead.amended({"schedule.epochs": 4})))[-1].early, "the plan's last epoch is no early end"


def test_epochs_given_to_an_ended_run_survive_its_next_death(recipe: Recipe, workspace: Workspace) -> None:
    run = Store(workspace).create(recipe)
    launch.execute(run)
    run.log(Resumed(4, run.progress().step, again=True))  # taken up, given more, and killed before a checkpoint
    run.log(Steered(5, run.progress().step, epochs=6))
    launch.execute(run, again=True)
    assert [event.epoch for event in run.progress().validated] == [1, 2, 3, 4, 5, 6]


def test_a_run_whose_journal_is_lost_gets_it_back_from_its_checkpoint(recipe: Recipe, workspace: Workspace) -> None:
    run = Store(workspace).create(recipe)
    launch.execute(run)
    (run.folder / "events.jsonl").unlink()
    run.request("epochs", 6)
    launch.execute(run, again=True)
    assert [event.epoch for event in run.progress().validated] == [1, 2, 3, 4, 5, 6]


def test_a_checkpoint_without_a_place_changes_nothing(recipe: Recipe, workspace: Workspace) -> None:
    run = Store(workspace).create(recipe)
    launch.execute(run)
    (run.folder / CHECKPOINT).write_bytes((run.folder / BEST).read_bytes())  # as an older studio left it
    with pytest.raises(RunError, match="checkpoint"):
        launch.execute(run, again=True)
    assert run.progress().status == "finished" and len(run.progress().validated) == 4


def test_a_stop_asked_right_after_a_start_is_heard(recipe: Recipe, workspace: Workspace) -> None:
    run = Store(workspace).create(recipe.amended({"schedule.epochs": 3000}))
    run.request("stop")
    launch.execute(run)
    assert launch.start(run, again=True)
    run.request("stop")
    with run.lock().acquire(timeout=60):
        assert run.progress().status == "stopped"
