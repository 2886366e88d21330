"""The freeze proof tells the truth: nothing changed where nothing did, and what did change by its name."""

from collections.abc import Callable
from pathlib import Path

import pytest
import timm
import torch

from studio.model.stages import freeze, frozen_state, stages
from studio.recipe import FreezePlan, Recipe, ThawAt
from studio.results.summary import outcome
from studio.runs import launch
from studio.runs.store import Store
from studio.training import notes
from studio.training.checkpoint import load
from studio.training.events import Prepared, Proven, Thawed, Validated
from studio.training.place import BEST, CHECKPOINT
from studio.training.proof import Seals, digest
from studio.training.train import train
from studio.training.wishes import Wishes
from studio.workspace import Workspace
from tests.training.recipes import tiny
from tests.training.test_steering import Person, of

Pictures = Callable[..., Path]
PLANS = {
    "head": FreezePlan.head_only(),
    "two-phase": FreezePlan.two_phase(depth=2, head_epochs=1),
    "gradual": FreezePlan.gradual(depth=2, head_epochs=1),
    "full": FreezePlan(strategy="full", depth=3),
    "custom": FreezePlan(strategy="custom", thaws=(ThawAt(epoch=2, depth=3), ThawAt(epoch=4, depth=4))),
    "decay": FreezePlan(strategy="full", depth=1, layer_decay=0.5),
}


@pytest.mark.parametrize("name", PLANS)
def test_after_a_run_nothing_that_was_frozen_has_changed(name: str, pictures: Pictures, workspace: Workspace) -> None:
    recipe = tiny(pictures(), freeze=PLANS[name], schedule__epochs=5, optimizer__lr=0.01)
    events = list(train(recipe, workspace=workspace))
    (proven,) = of(Proven, events)
    model = timm.create_model("test_resnet", num_classes=2)
    depths = [event.depth for event in of(Thawed, events)]
    ever = {tensor for depth in depths for tensor in frozen_state(model, depth)}
    assert proven.tensors == len(ever) > 0 and proven.changed == []
    assert any("running_mean" in tensor for tensor in ever), "statistics are among them"
    assert notes.proven(proven.tensors, proven.changed).startswith(f"0 of {len(ever)} frozen tensors")


def test_a_gradual_plan_thaws_one_stage_at_a_time(pictures: Pictures, workspace: Workspace) -> None:
    recipe = tiny(pictures(), freeze=FreezePlan.gradual(depth=3, head_epochs=1, every=2), schedule__epochs=7)
    assert [(e.epoch, e.depth) for e in of(Thawed, list(train(recipe, workspace=workspace)))] == [
        (1, 5),
        (2, 4),
        (4, 3),
    ]


def test_what_changes_while_frozen_is_told_by_its_name() -> None:
    model = timm.create_model("test_resnet", num_classes=2)
    seals, depth = Seals(model), len(stages(model))
    freeze(model, depth)
    seals.freeze(depth)
    name = next(name for name in frozen_state(model, depth) if name.endswith("running_var"))
    with torch.no_grad():
        model.get_buffer(name).flatten()[0] += 1e-6
    seals.freeze(0)  # it thaws, and is looked at for the last time
    assert seals.proven({}).changed == [name]


def test_what_changed_in_the_kept_weights_alone_is_told_too() -> None:
    model = timm.create_model("test_resnet", num_classes=2)
    seals = Seals(model)
    seals.freeze(2)
    kept = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    assert seals.proven(kept).changed == []
    name = next(iter(frozen_state(model, 2)))
    kept[name].flatten()[0] += 1
    assert seals.proven(kept).changed == [name]


def test_a_hash_sees_every_bit_and_no_layout() -> None:
    tensor = torch.rand(2, 3, 4, 4)
    assert digest(tensor) == digest(tensor.to(memory_format=torch.channels_last))
    assert digest(torch.tensor(0.0)) != digest(torch.tensor(-0.0))
    assert digest(torch.zeros(3)) != digest(torch.zeros(4)) and len(digest(torch.zeros(0))) == 32


def test_an_interrupted_run_proves_all_of_it(pictures: Pictures, workspace: Workspace, tmp_path: Path) -> None:
    plan = FreezePlan.two_phase(depth=2, head_epochs=2)
    recipe = tiny(pictures(each=8), freeze=plan, schedule__epochs=4)
    whole = of(Proven, list(train(recipe, workspace=workspace)))
    list(train(recipe, tmp_path, workspace, Person((5, Wishes(stop=True)))))
    again = of(Proven, list(train(recipe, tmp_path, workspace, again=True)))
    assert [(e.tensors, e.changed) for e in again] == [(e.tensors, e.changed) for e in whole]


def test_a_run_tells_its_proof_and_its_head_in_the_outcome(pictures: Pictures, workspace: Workspace) -> None:
    more = {"head.kind": "mlp", "head.hidden": 8, "head.pooling": "gem", "head.dropout": 0.1}
    recipe: Recipe = tiny(pictures()).amended(more)
    run = Store(workspace).create(recipe)
    launch.execute(run)
    told = outcome(run)
    assert told["frozen_tensors"] > 0 and told["frozen_changed"] == []
    model, card = load(run.folder / BEST, torch.device("cpu"))
    assert card.head == recipe.head and model(torch.rand(2, 3, 32, 32)).shape == (2, 2)


def test_of_many_depths_those_that_fit_are_looked_for_at_once(
    pictures: Pictures, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = FreezePlan.gradual(depth=1, head_epochs=1)
    recipe = tiny(pictures(), freeze=plan, schedule__epochs=5, seed=3)
    at_once = list(train(recipe, workspace=workspace))
    monkeypatch.setattr("studio.training.look.IN_MEMORY", 1)  # byte
    one_by_one = list(train(recipe, workspace=workspace))
    runs = (at_once, one_by_one)
    looks = [sum(e.doing.startswith("Looking at the training") for e in of(Prepared, run)) for run in runs]
    assert looks[0] < looks[1]
    assert [(e.val_loss, e.train_loss) for e in of(Validated, at_once)] == [
        (e.val_loss, e.train_loss) for e in of(Validated, one_by_one)
    ]


def test_a_gradual_run_goes_on_where_it_was_to_the_same_numbers(
    pictures: Pictures, workspace: Workspace, tmp_path: Path
) -> None:
    plan = FreezePlan.gradual(depth=1, head_epochs=1).model_copy(update={"layer_decay": 0.5})
    recipe = tiny(pictures(each=8), freeze=plan, schedule__epochs=5)
    for name in ("whole", "again"):
        (tmp_path / name).mkdir()
    whole = list(train(recipe, tmp_path / "whole", workspace))
    list(train(recipe, tmp_path / "again", workspace, Person((10, Wishes(stop=True)))))
    again = list(train(recipe, tmp_path / "again", workspace, again=True))
    assert of(Validated, again)[-1].val_loss == of(Validated, whole)[-1].val_loss
    kept = [load(tmp_path / name / CHECKPOINT, torch.device("cpu"))[0].state_dict() for name in ("whole", "again")]
    assert all(torch.equal(tensor, kept[1][name]) for name, tensor in kept[0].items())
