"""A run is steered while it goes, each change is an event, and what comes of it can be had again."""

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from studio.errors import StudioError
from studio.recipe import Recipe, Steer
from studio.training import losses
from studio.training.checkpoint import load
from studio.training.events import Event, Finished, Paused, Resumed, Steered, Stepped, Thawed, Validated, Warned
from studio.training.train import train
from studio.training.wishes import Wishes
from studio.workspace import Workspace
from tests.training.recipes import tiny

Pictures = Callable[..., Path]


def of(kind: type[Any], events: list[Event]) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


def curve(events: list[Event]) -> list[tuple[object, ...]]:
    return [(e.epoch, e.step, e.train_loss, e.val_loss, e.val_accuracy, e.lr) for e in of(Validated, events)]


class Person:
    """Wishes for something once so many updates were made."""

    def __init__(self, *wishes: tuple[int, Wishes]) -> None:
        self.wishes, self.looks = wishes, 0

    def __call__(self) -> Wishes:
        self.looks += 1
        return next((wish for after, wish in reversed(self.wishes) if self.looks > after), Wishes())


@pytest.fixture
def recipe(pictures: Pictures) -> Recipe:
    """Twelve pictures to learn from, three updates an epoch, four stages."""
    return tiny(pictures(each=8), schedule__epochs=4, optimizer__lr=0.01)


def updates(events: list[Event]) -> list[int]:
    return [event.step for event in of(Steered, events)]


def test_a_depth_asked_for_holds_from_the_next_update_on(recipe: Recipe, workspace: Workspace) -> None:
    events = list(train(recipe, workspace=workspace, asked=Person((13, Wishes(depth=2)))))
    (steered,) = of(Steered, events)
    first, second = of(Thawed, events)
    assert steered.depth == 2 and steered.step % 4 != 0, "in the middle of an epoch"
    assert (first.step, second.step, second.depth) == (0, steered.step, 2) and len(second.learning) == 3
    assert len(of(Validated, events)) == 4 and of(Validated, events)[-1].step == 16


def test_what_was_steered_can_be_had_again_from_a_recipe(recipe: Recipe, workspace: Workspace) -> None:
    person = Person((10, Wishes(depth=3)), (14, Wishes(lr=0.002)), (18, Wishes(depth=1, epochs=6)))
    live = list(train(recipe, workspace=workspace, asked=person))
    changes = [Steer(step=e.step, depth=e.depth, lr=e.lr, epochs=e.epochs) for e in of(Steered, live)]
    assert len(changes) == 3 and of(Validated, live)[-1].epoch == 6
    again = Recipe.from_toml(recipe.amended({"steering": changes}).to_toml())
    assert curve(list(train(again, workspace=workspace))) == curve(live)


def test_a_stage_that_is_frozen_again_stays_as_it_has_become(recipe: Recipe, workspace: Workspace) -> None:
    steering = [Steer(step=3, depth=0), Steer(step=9, depth=99)]
    recipe = recipe.amended({"engine.precision": "float32"})
    kept = list(train(recipe.amended({"steering": steering}), workspace=workspace))
    anew = list(train(recipe.amended({"steering": steering, "engine.cache": "off"}), workspace=workspace))
    for one, other in zip(of(Validated, kept), of(Validated, anew), strict=True):
        assert one.val_loss == pytest.approx(other.val_loss, rel=1e-3)


def test_a_rate_asked_for_is_the_highest_from_then_on(recipe: Recipe, workspace: Workspace) -> None:
    plain, less = (
        list(train(each, workspace=workspace))
        for each in (recipe, recipe.amended({"steering": [Steer(step=4, lr=0.001)]}))
    )
    ratios = [b.lr / a.lr for a, b in zip(of(Validated, plain), of(Validated, less), strict=True) if a.lr]
    assert ratios == pytest.approx([1.0, 0.1, 0.1])


def test_epochs_added_while_it_goes_stretch_the_curve(recipe: Recipe, workspace: Workspace) -> None:
    events = list(train(recipe, workspace=workspace, asked=Person((9, Wishes(epochs=7)))))
    validated, plan = of(Validated, events), of(Validated, list(train(recipe.amended({"schedule.epochs": 7}))))
    assert [event.epoch for event in validated] == list(range(1, 8)) and not events[-1].stopped
    assert [event.lr for event in validated][3:] == pytest.approx([event.lr for event in plan][3:])


def test_a_pause_waits_and_changes_nothing(recipe: Recipe, workspace: Workspace) -> None:
    plain = list(train(recipe, workspace=workspace))
    paused = list(train(recipe, workspace=workspace, asked=Person((8, Wishes(pause=True)), (10, Wishes()))))
    (began,), (ended,) = of(Paused, paused), of(Resumed, paused)
    assert began.step == ended.step and ended.at - began.at > 0.09 and not ended.again
    assert curve(paused) == curve(plain)


def test_a_stop_is_heard_in_a_pause(recipe: Recipe, workspace: Workspace) -> None:
    person = Person((8, Wishes(pause=True)), (10, Wishes(stop=True, pause=True)))
    assert list(train(recipe, workspace=workspace, asked=person))[-1].stopped


def test_patience_ends_a_run_that_gets_no_better(recipe: Recipe, workspace: Workspace) -> None:
    dead = recipe.amended({"optimizer.lr": 1e-12, "schedule.epochs": 50, "schedule.patience": 3})
    events = list(train(dead, workspace=workspace))
    end = events[-1]
    assert isinstance(end, Finished) and end.early and not end.stopped and end.epochs == end.best_epoch + 3 < 50


def test_patience_waits_for_a_thaw_that_is_planned(recipe: Recipe, workspace: Workspace) -> None:
    plan = {"freeze.strategy": "two-phase", "freeze.head_epochs": 6, "schedule.epochs": 9, "schedule.patience": 1}
    events = list(train(recipe.amended(plan | {"optimizer.lr": 1e-12}), workspace=workspace))
    assert of(Thawed, events)[-1].epoch == 7


def test_too_little_memory_makes_pieces_of_a_batch_and_the_recipe_means_the_same(
    recipe: Recipe, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = curve(list(train(recipe, workspace=workspace)))
    real = losses.F.cross_entropy

    def small(outputs: torch.Tensor, *rest: object, **more: object) -> torch.Tensor:
        if len(outputs) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return real(outputs, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(losses, "F", SimpleNamespace(cross_entropy=small))
    events = list(train(recipe, workspace=workspace))
    (warning,) = of(Warned, events)
    assert "2 pieces" in warning.sentence
    for one, other in zip(curve(events), plain, strict=True):
        assert one[2:5] == pytest.approx(other[2:5], rel=1e-4)


def test_memory_for_not_even_one_picture_is_said(recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object, **__: object) -> torch.Tensor:
        raise torch.OutOfMemoryError("out of memory")

    monkeypatch.setattr(losses, "F", SimpleNamespace(cross_entropy=none))
    with pytest.raises(StudioError, match="not|even one picture"):
        list(train(recipe))


def test_a_loss_that_explodes_leaves_no_such_weights_behind(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = losses.F.cross_entropy, []

    def bursting(*given: Any, **more: Any) -> torch.Tensor:
        calls.append(True)
        return real(*given, **more) * (float("inf") if len(calls) > 6 else 1.0)

    monkeypatch.setattr(losses, "F", SimpleNamespace(cross_entropy=bursting))
    monkeypatch.setattr("studio.training.keeper.INTERVAL", 0.0)
    with pytest.raises(StudioError, match="stopped being a number"):
        list(train(recipe, tmp_path))
    found = list(tmp_path.glob("*.safetensors"))
    assert len(found) == 2
    for path in found:
        model, _ = load(path, torch.device("cpu"))
        assert all(torch.isfinite(tensor).all() for tensor in model.state_dict().values())


# Going on from a checkpoint.


class Killed(Exception):
    pass


def until(events: Iterator[Event], when: Callable[[Event], bool]) -> list[Event]:
    """What happened until the process was killed: nothing is tidied up afterwards."""
    told = []
    for event in events:
        told.append(event)
        if when(event):
            return told
    raise AssertionError("it never came")


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"freeze__strategy": "full", "freeze__depth": 0},
        {"freeze__strategy": "two-phase", "freeze__depth": 2, "freeze__head_epochs": 2},
        {"freeze__strategy": "full", "freeze__depth": 0, "optimizer__name": "sgd", "augment__preset": "standard"},
        {"augment__preset": "gentle"},
        {"steering": [Steer(step=2, depth=1), Steer(step=9, lr=0.1, epochs=5)]},
    ],
)
@pytest.mark.parametrize("killed_at", [5, 8])
def test_a_run_goes_on_with_the_very_numbers_that_it_would_have_had(
    changes: dict,
    killed_at: int,
    pictures: Pictures,
    workspace: Workspace,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recipe = tiny(pictures(each=8), **({"schedule__epochs": 4} | changes))
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    whole.mkdir()
    cut.mkdir()
    undisturbed = list(train(recipe, whole, workspace))
    monkeypatch.setattr("studio.training.keeper.INTERVAL", 0.0)  # a checkpoint between any two updates
    monkeypatch.setattr("studio.training.loop._TELL_EVERY", 0.0)
    first = until(train(recipe, cut, workspace), lambda e: isinstance(e, Stepped) and e.step == killed_at)
    second = list(train(recipe, cut, workspace, again=True))
    seen = {row[0]: row for row in curve(first)} | {row[0]: row for row in curve(second)}
    assert list(seen.values()) == curve(undisturbed)
    one, _ = load(whole / "last.safetensors", torch.device("cpu"))
    other, _ = load(cut / "last.safetensors", torch.device("cpu"))
    assert all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), other.state_dict().values(), strict=True))
    assert (whole / "predictions.json").read_text() == (cut / "predictions.json").read_text()


def test_without_a_checkpoint_it_begins_anew(recipe: Recipe, workspace: Workspace, tmp_path: Path) -> None:
    assert curve(list(train(recipe, tmp_path, workspace, again=True))) == curve(list(train(recipe)))


def test_a_finished_run_can_be_given_more_epochs(recipe: Recipe, workspace: Workspace, tmp_path: Path) -> None:
    list(train(recipe, tmp_path, workspace))
    more = list(train(recipe, tmp_path, workspace, lambda: Wishes(epochs=6), again=True))
    assert [event.epoch for event in of(Validated, more)] == [5, 6]
    assert of(Steered, more)[0].epochs == 6 and more[-1].epochs == 6


def test_other_pictures_than_before_are_refused(pictures: Pictures, workspace: Workspace, tmp_path: Path) -> None:
    source = pictures(each=8)
    list(train(tiny(source), tmp_path, workspace))
    for path in sorted(source.rglob("*.png"))[:6]:
        path.unlink()
    with pytest.raises(StudioError, match="not those"):
        list(train(tiny(source), tmp_path, workspace, lambda: Wishes(epochs=6), again=True))


def test_a_checkpoint_that_is_damaged_is_said_and_left_alone(
    recipe: Recipe, workspace: Workspace, tmp_path: Path
) -> None:
    list(train(recipe, tmp_path, workspace))
    path = tmp_path / "last.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(StudioError, match="cannot be read"):
        list(train(recipe, tmp_path, workspace, again=True))
