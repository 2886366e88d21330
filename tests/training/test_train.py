"""Training is an iterator of events."""

import gc
import hashlib
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from studio.errors import BackboneError, DataError, RecipeError, StudioError
from studio.model.frozen import Frozen
from studio.model.stages import freeze, frozen_state, stages
from studio.recipe import DataChoice, ModelChoice, Recipe
from studio.training import look, measure
from studio.training import train as engine
from studio.training.checkpoint import load
from studio.training.events import (
    Finished,
    Looked,
    Measured,
    Noted,
    Prepared,
    Proven,
    Saved,
    Spent,
    Started,
    Stepped,
    Thawed,
    Validated,
    Warned,
)
from studio.training.train import train
from studio.training.wishes import Wishes
from studio.workspace import Workspace
from tests.training.recipes import tiny

Pictures = Callable[..., Path]


def of(kind: type, events: list) -> list:
    return [event for event in events if isinstance(event, kind)]


def numbers(events: list) -> list[tuple]:
    return [(event.train_loss, event.val_loss, event.val_accuracy, event.lr) for event in of(Validated, events)]


def test_a_run_tells_its_story_in_order(pictures: Pictures) -> None:
    events = list(train(tiny(pictures())))
    told = [type(event) for event in events if not isinstance(event, (Prepared, Stepped, Noted, Measured))]
    assert told == [Started, Looked, Thawed, Validated, Validated, Spent, Proven, Finished]
    assert events[-1].epochs == 2 and not events[-1].stopped


def test_what_only_looked_is_gone_when_learning_begins(pictures: Pictures, monkeypatch: pytest.MonkeyPatch) -> None:
    looked = list[weakref.ref]()

    def watched(*asked: Any, **wanted: Any) -> Frozen:
        frozen = Frozen(*asked, **wanted)
        looked.extend(weakref.ref(part) for part in (frozen, *frozen.front.modules()))
        return frozen

    monkeypatch.setattr(look, "Frozen", watched)
    gc.disable()
    try:
        for event in train(tiny(pictures())):
            if isinstance(event, Thawed):
                assert looked and not [part() for part in looked if part() is not None]
    finally:
        gc.enable()


def test_the_same_seed_repeats_the_run_exactly_and_another_does_not(pictures: Pictures) -> None:
    source = pictures(each=10)
    recipe = tiny(source, freeze__strategy="full", freeze__depth=0, augment__preset="standard", seed=3)
    first, again, other = (numbers(list(train(r))) for r in (recipe, recipe, recipe.amended({"seed": 4})))
    assert first == again
    assert first != other


@pytest.mark.parametrize("depth", [0, 2, 5])
@pytest.mark.parametrize("backbone", ["test_resnet", "tf_efficientnet_lite0"])
def test_frozen_tensors_and_statistics_do_not_change_and_thawed_ones_do(
    pictures: Pictures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, backbone: str, depth: int
) -> None:
    seen: dict[str, torch.nn.Module] = {}
    build = engine.make_ready

    def spy(*args):
        job = yield from build(*args)
        seen["model"], seen["before"] = job.model, hashes(job.model, depth)
        return job

    monkeypatch.setattr(engine, "make_ready", spy)
    recipe = tiny(
        pictures(),
        model__backbone=backbone,
        freeze__strategy="two-phase",
        freeze__depth=depth,
        freeze__head_epochs=1,
        augment__preset="gentle",
    )
    list(train(recipe))
    # test_resnet keeps dropout-free BatchNorm in every stage; what thawed must have moved, statistics included.
    after = hashes(seen["model"], depth)
    assert after == seen["before"]
    everything = hashes(seen["model"], len(stages(seen["model"])))
    assert depth == len(stages(seen["model"])) or any(name not in after for name in everything)


def hashes(model: torch.nn.Module, depth: int) -> dict[str, str]:
    return {
        name: hashlib.sha256(tensor.detach().contiguous().numpy().tobytes()).hexdigest()
        for name, tensor in frozen_state(model, depth).items()
    }


def test_what_thaws_learns_statistics_included(pictures: Pictures, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    recipe = tiny(pictures(), freeze__strategy="full", freeze__depth=0)
    list(train(recipe, folder))
    trained, _ = load(folder / "last.safetensors", torch.device("cpu"))
    from studio.training.prepare import network
    from studio.training.world import World

    fresh, _ = network(recipe, 2, World(0, 1, torch.device("cpu")))
    moved = {name for name, tensor in trained.state_dict().items() if not torch.equal(tensor, fresh.state_dict()[name])}
    assert moved >= {name for name, _ in fresh.named_parameters()}
    assert any("running_mean" in name for name in moved)


def test_two_phase_trains_the_head_alone_first(pictures: Pictures) -> None:
    recipe = tiny(pictures(), freeze__strategy="two-phase", freeze__depth=3, freeze__head_epochs=1)
    first, second = of(Thawed, list(train(recipe)))
    assert (first.epoch, first.learning) == (1, [])
    assert second.epoch == 2 and second.depth == 3 and second.learning == first.frozen[3:]
    assert second.trainable_parameters > first.trainable_parameters


def test_kept_features_change_the_speed_and_not_the_result(pictures: Pictures) -> None:
    recipe = tiny(pictures(), model__backbone="tf_efficientnet_lite0", model__pretrained=True)
    exactly = recipe.amended({"engine.precision": "float32"})
    kept, anew = (numbers(list(train(exactly.amended({"engine.cache": mode})))) for mode in ("auto", "off"))
    for row, other in zip(kept, anew, strict=True):
        assert row == pytest.approx(other, rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("depth", [3, 7])
def test_features_kept_at_any_depth_change_the_speed_and_not_the_result(pictures: Pictures, depth: int) -> None:
    recipe = tiny(
        pictures(),
        model__backbone="tf_efficientnet_lite0",
        model__pretrained=True,
        model__image_size=64,
        freeze__strategy="two-phase",
        freeze__depth=depth,
        freeze__head_epochs=1,
        schedule__epochs=3,
        engine__precision="float32",
    )
    kept, anew = (numbers(list(train(recipe.amended({"engine.cache": mode})))) for mode in ("auto", "off"))
    for row, other in zip(kept, anew, strict=True):
        assert row == pytest.approx(other, rel=2e-3, abs=2e-3)


def test_fixed_variations_are_the_same_kept_or_made_anew(pictures: Pictures) -> None:
    recipe = tiny(
        pictures(), augment__preset="standard", augment__views=2, schedule__epochs=4, engine__precision="float32"
    )
    kept, anew = (list(train(recipe.amended({"engine.cache": mode}))) for mode in ("auto", "off"))
    for row, other in zip(numbers(kept), numbers(anew), strict=True):
        assert row == pytest.approx(other, rel=1e-4, abs=1e-5)
    assert any("already seen" in event.sentence for event in of(Noted, kept)) and not of(Noted, anew)


def test_a_second_run_reads_what_the_first_one_kept(pictures: Pictures, workspace: Workspace) -> None:
    source = pictures()
    recipe = tiny(source, model__backbone="tf_efficientnet_lite0", model__pretrained=True)
    first = list(train(recipe, workspace=workspace))
    again = list(train(recipe, workspace=workspace))
    other_rate = list(train(recipe.amended({"optimizer.lr": 1e-3}), workspace=workspace))
    assert numbers(first) == numbers(again)
    for events in (again, other_rate):
        assert "known from an earlier run or check" in of(Noted, events)[0].sentence
    assert "known from an earlier run or check" not in of(Noted, first)[0].sentence


def test_what_changed_since_is_looked_at_again(pictures: Pictures, workspace: Workspace) -> None:
    source = pictures()
    recipe = tiny(source, model__backbone="tf_efficientnet_lite0", model__pretrained=True)
    list(train(recipe, workspace=workspace))
    swapped = source / "cat" / "cat-000.png"
    swapped.write_bytes(next((source / "dog").iterdir()).read_bytes())
    events = list(train(recipe, workspace=workspace))
    fresh = list(train(recipe))
    for row, other in zip(numbers(events), numbers(fresh), strict=True):
        assert row == pytest.approx(other, rel=1e-4, abs=1e-5)
    known = int(of(Noted, events)[0].sentence.split()[0])
    assert known >= len(list(source.rglob("*.png"))) - 2


@pytest.mark.parametrize("harm", ["cut off", "flip", "empty"])
def test_a_damaged_cache_is_noticed_and_made_anew(pictures: Pictures, workspace: Workspace, harm: str) -> None:
    source = pictures()
    recipe = tiny(source, model__backbone="tf_efficientnet_lite0", model__pretrained=True)
    first = list(train(recipe, workspace=workspace))
    for file in (workspace.cache / "features").rglob("*.rows"):
        data = bytearray(file.read_bytes())
        data[100] ^= 255
        file.write_bytes({"cut off": data[:-7], "flip": data, "empty": b""}[harm])
    again = list(train(recipe, workspace=workspace))
    assert numbers(first) == numbers(again)


def test_other_weights_sizes_and_depths_share_nothing(pictures: Pictures, workspace: Workspace) -> None:
    source = pictures()
    recipe = tiny(source, model__backbone="tf_efficientnet_lite0", model__pretrained=True)
    list(train(recipe, workspace=workspace))
    for change in (
        {"model.pretrained": False},
        {"model.image_size": 64},
        {"freeze.strategy": "full", "freeze.depth": 4},
        {"engine.precision": "float32"},
        {"augment.preset": "standard", "augment.views": 1},
    ):
        events = list(train(recipe.amended(change), workspace=workspace))
        assert not any(
            "earlier run" in event.sentence and event.sentence.startswith("6 ") for event in of(Noted, events)
        )


def test_a_stop_keeps_the_best_weights(pictures: Pictures, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    looks: list[bool] = []

    def asked() -> Wishes:
        looks.append(True)
        return Wishes(stop=len(looks) > 4)

    events = list(train(tiny(pictures(), schedule__epochs=500), folder, asked=asked))
    assert events[-1].stopped and events[-1].epochs < 500
    model, card = load(folder / "best.safetensors", torch.device("cpu"))
    assert card.classes == ("cat", "dog") and not model.training


def test_checkpoints_and_predictions_reach_the_folder(pictures: Pictures, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    events = list(train(tiny(pictures()), folder))
    assert {event.which for event in of(Saved, events)} == {"best", "last"}
    written = {"best.safetensors", "last.safetensors", "predictions.json", "decisions.json"}
    assert {path.name for path in folder.iterdir()} == written


def test_a_broken_picture_is_left_out_and_named(pictures: Pictures) -> None:
    source = pictures()
    broken = source / "cat" / "cat-000.png"
    broken.write_bytes(broken.read_bytes()[:60])
    events = list(train(tiny(source, data__val_share=0.3)))
    (warning,) = of(Warned, events)
    assert warning.pictures == ["cat/cat-000.png"] and "cat/cat-000.png" in warning.sentence
    assert isinstance(events[-1], Finished)


def test_what_could_not_be_opened_is_not_counted_and_leaves_no_empty_batch(pictures: Pictures) -> None:
    source = pictures(split=("train", "val"))
    for broken in ("train/cat/cat-train000.png", "val/dog/dog-val000.png"):
        (source / broken).write_bytes((source / broken).read_bytes()[:60])
    events = list(train(tiny(source, schedule__batch_size=1)))
    assert [(look.train_images, look.val_images, look.steps_per_epoch) for look in of(Looked, events)] == [(11, 11, 11)]
    assert of(Validated, events)[-1].step == 22


def test_a_picture_alone_in_its_batch_trains_a_network_with_norms(pictures: Pictures) -> None:
    recipe = tiny(pictures(each=3), model__backbone="tf_efficientnet_lite0", freeze__strategy="full")
    assert isinstance(list(train(recipe.amended({"schedule.batch_size": 1})))[-1], Finished)


def test_a_stop_is_heard_while_the_pictures_are_looked_at(pictures: Pictures, tmp_path: Path) -> None:
    looks: list[bool] = []

    def asked() -> Wishes:
        looks.append(True)
        return Wishes(stop=len(looks) > 2)

    folder = tmp_path / "run"
    folder.mkdir()
    events = list(train(tiny(pictures(each=60)), folder, asked=asked))
    assert not of(Looked, events) and not of(Validated, events) and len(looks) == 3
    end = events[-1]
    assert (end.stopped, end.best_epoch, end.val_accuracy, end.checkpoint) == (True, None, None, None)
    assert [path.name for path in folder.iterdir()] == ["decisions.json"]


def test_a_stop_asked_while_an_epoch_is_measured_begins_no_other(pictures: Pictures) -> None:
    asked = [False]
    events = []
    for event in train(tiny(pictures(), schedule__epochs=5), asked=lambda: Wishes(stop=asked[0])):
        events.append(event)
        asked[0] = asked[0] or isinstance(event, Validated)
    assert len(of(Validated, events)) == 1 and events[-1].stopped


def test_a_validation_that_is_not_a_number_is_never_the_best(
    pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = measure.predictions
    monkeypatch.setattr(measure, "predictions", lambda *given: said(*given).assign(loss=float("nan")))
    with pytest.raises(StudioError, match="lower learning rate"):
        list(train(tiny(pictures())))


def test_a_disk_that_takes_no_checkpoint_is_named(pictures: Pictures, tmp_path: Path) -> None:
    with pytest.raises(StudioError, match="checkpoint cannot be written"):
        list(train(tiny(pictures()), tmp_path / "gone"))


def test_a_rate_that_explodes_ends_with_a_sentence(pictures: Pictures) -> None:
    recipe = tiny(
        pictures(),
        freeze__strategy="full",
        freeze__depth=0,
        optimizer__lr=10,
        optimizer__name="sgd",
        optimizer__momentum=0.99,
        freeze__thaw_lr_factor=1,
        schedule__epochs=60,
        schedule__warmup=0,
    )
    with pytest.raises(StudioError, match="lower learning rate"):
        list(train(recipe))


def test_a_recipe_with_problems_never_starts() -> None:
    with pytest.raises(RecipeError, match="no pictures"):
        next(train(Recipe()))


def test_a_size_that_the_network_cannot_take_is_explained(pictures: Pictures) -> None:
    with pytest.raises(BackboneError, match="16 pixels"):
        list(train(tiny(pictures(), model__backbone="densenet121", model__image_size=16)))


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nowhere"):
        list(train(tiny(tmp_path / "nowhere")))


def test_a_head_on_good_features_learns(pictures: Pictures, workspace: Workspace) -> None:
    source = pictures(classes=("red", "blue", "green"), each=20)
    recipe = Recipe(data=DataChoice(source=str(source)), model=ModelChoice(image_size=64))
    events = list(train(recipe, workspace=workspace))
    assert events[-1].val_accuracy >= 0.9


def test_a_thaw_does_not_shake_what_the_head_learnt(pictures: Pictures) -> None:
    recipe = tiny(
        pictures(each=20),
        model__backbone="tf_efficientnet_lite0",
        model__pretrained=True,
        freeze__strategy="two-phase",
        freeze__head_epochs=6,
        schedule__epochs=8,
        optimizer__lr=4e-3,
    )
    events = of(Validated, list(train(recipe)))
    before, after = events[5], events[6]
    assert before.train_accuracy == 1.0 and after.train_accuracy >= 0.9 and after.val_accuracy >= before.val_accuracy


def test_frozen_modules_neither_drop_nor_drift() -> None:
    import timm

    model = timm.create_model("tf_efficientnet_lite0", drop_rate=0.5, drop_path_rate=0.3, num_classes=3)
    freeze(model, 9)
    frozen = [name for name, module in model.named_modules() if not module.training]
    assert "bn1" in frozen and "blocks.6.0.drop_path" in frozen and "bn2" in frozen
    assert model.get_classifier().training
