"""What the recipe says of learning is what happens: sampling, clipping, L1, running means, and going on with them."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from studio.recipe import Recipe
from studio.training import optimize
from studio.training.checkpoint import load
from studio.training.ema import Average
from studio.training.events import Validated
from studio.training.place import BEST, CHECKPOINT
from studio.training.train import train
from studio.training.update import Update
from studio.training.wishes import Wishes
from studio.workspace import Workspace
from tests.training.recipes import tiny
from tests.training.test_steering import Person, curve, of

Pictures = Callable[..., Path]

RICH = {
    "optimizer__ema": 0.9,
    "optimizer__clip": 0.5,
    "optimizer__l1": 0.01,
    "loss__kind": "focal",
    "loss__balance": "sampling",
    "schedule__curve": "plateau",
    "schedule__step_every": 1,
    "schedule__step_factor": 0.5,
    "freeze__strategy": "two-phase",
    "freeze__head_epochs": 2,
    "schedule__epochs": 5,
}


@pytest.fixture
def source(pictures: Pictures) -> Path:
    return pictures(each=8)


@pytest.mark.parametrize(("name", "after"), [("adamw", 6), ("lamb", 17)])
def test_a_run_with_everything_on_goes_on_bit_for_bit(
    name: str, after: int, source: Path, workspace: Workspace, tmp_path: Path
) -> None:
    recipe = tiny(source, optimizer__name=name, **RICH)
    folders = [tmp_path / "whole", tmp_path / "parted"]
    for folder in folders:
        folder.mkdir()
    whole = list(train(recipe, folders[0], workspace))
    parted = list(train(recipe, folders[1], workspace, Person((after, Wishes(stop=True)))))
    assert of(Validated, parted)[-1].step < of(Validated, whole)[-1].step, "it was stopped on its way"
    again = list(train(recipe, folders[1], workspace, again=True))
    assert curve(again)[-1] == curve(whole)[-1]
    for file in (CHECKPOINT, BEST):
        ours, theirs = (load_file(folder / file) for folder in folders)
        assert ours.keys() == theirs.keys() and all(torch.equal(ours[key], theirs[key]) for key in ours)


def test_a_plateau_lowers_the_rate_of_the_run(source: Path, workspace: Workspace) -> None:
    dead = tiny(source, schedule__epochs=6, schedule__curve="plateau", schedule__step_every=2, optimizer__lr=1e-9)
    rates = [event.lr for event in of(Validated, list(train(dead, workspace=workspace)))]
    assert rates[0] == 1e-9 and rates[-1] == pytest.approx(1e-11)


def test_the_running_mean_is_what_is_measured_and_kept(source: Path, workspace: Workspace, tmp_path: Path) -> None:
    recipe = tiny(source, optimizer__ema=0.9999, optimizer__lr=0.05, freeze__strategy="full", schedule__epochs=1)
    list(train(recipe, tmp_path, workspace))
    last, best = load_file(tmp_path / CHECKPOINT), load_file(tmp_path / BEST)
    means = {name.removeprefix("thaw.average."): mean for name, mean in last.items() if "average" in name}
    assert means and all(torch.equal(best[name], mean) for name, mean in means.items())
    assert any(not torch.equal(last[name], best[name]) for name in means), "the last weights are the weights' own"
    load(tmp_path / CHECKPOINT, torch.device("cpu"))


def test_a_mean_follows_what_learns_and_forgets_what_freezes_again() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    average = Average(model, 0.5)
    average.follow()
    with torch.no_grad():
        model[0].bias.add_(8.0)
    before = model[0].bias.clone()
    average.update(1000)
    with average.shown():
        assert torch.allclose(model[0].bias, before - 4.0), "half way"
    assert torch.equal(model[0].bias, before) and "1.running_mean" in average.state()
    model[0].requires_grad_(False)
    average.follow()
    assert set(average.state()) == {"1.weight", "1.bias", "1.running_mean", "1.running_var"}
    with average.shown():
        assert torch.equal(model[0].bias, before), "what is frozen is what it is"


def test_a_mean_is_quick_to_leave_where_it_began() -> None:
    layer = nn.Linear(1, 1)
    average = Average(layer, 0.9999)
    average.follow()
    with torch.no_grad():
        layer.bias.fill_(1.0)
    for step in range(30):
        average.update(step)
    assert average.state()["bias"].item() > 0.9


def test_l1_moves_weights_to_zero_and_no_further_and_spares_biases() -> None:
    layer = nn.Linear(3, 1)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[0.5, -0.001, 0.01]]))
        layer.bias.fill_(0.25)
    layer(torch.ones(1, 3)).sum().backward()
    rule = torch.optim.SGD([{"params": list(layer.parameters()), "scale": 1.0}], lr=0.1)
    optimize.shrink(rule, Recipe().amended({"optimizer.l1": 0.05}))
    assert torch.allclose(layer.weight, torch.tensor([[0.495, 0.0, 0.005]])) and layer.bias.item() == 0.25


def test_l1_leaves_a_head_with_weights_that_are_nought(source: Path, workspace: Workspace, tmp_path: Path) -> None:
    list(train(tiny(source, optimizer__l1=1.0, optimizer__lr=0.01, schedule__epochs=3), tmp_path, workspace))
    head = load_file(tmp_path / CHECKPOINT)["fc.weight"]
    assert float((head == 0).float().mean()) > 0.3


def test_gradients_are_shortened_to_the_bound(source: Path, workspace: Workspace) -> None:
    lengths: list[float] = []
    original = Update._move

    def watched(self: Update, step: int) -> None:
        original(self, step)
        found = [tensor.grad for group in self.rule.param_groups for tensor in group["params"]]
        lengths.append(float(torch.stack([grad.norm() for grad in found if grad is not None]).norm()))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Update, "_move", watched)
        list(train(tiny(source, optimizer__clip=0.01, schedule__epochs=1), workspace=workspace))
    assert lengths and max(lengths) <= 0.01 + 1e-6


@pytest.mark.parametrize("kind", ["focal", "bce"])
def test_the_loss_that_is_told_is_a_cross_entropy_whatever_is_learnt(
    kind: str, source: Path, workspace: Workspace
) -> None:
    still = {"optimizer__lr": 1e-12, "schedule__epochs": 1, "schedule__batch_size": 64}
    told = [
        of(Validated, list(train(tiny(source, loss__kind=name, **still), workspace=workspace)))[0].train_loss
        for name in ("cross-entropy", kind)
    ]
    assert told[0] == pytest.approx(told[1], rel=1e-5)


def test_even_sampling_is_what_a_run_is_shown(tmp_path: Path, pictures: Pictures, workspace: Workspace) -> None:
    source = pictures(each=12)
    rare = sorted(next(iter(sorted(path for path in source.iterdir() if path.is_dir()))).iterdir())
    for path in rare[:9]:
        path.unlink()
    shown: Counter[int] = Counter()
    original = Update.__call__

    def watched(self: Update, module: nn.Module, batch: tuple, *rest: object) -> object:
        shown.update(batch[1].tolist())
        return original(self, module, batch, *rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Update, "__call__", watched)
        events = list(train(tiny(source, loss__balance="sampling"), workspace=workspace))
    assert max(shown.values()) - min(shown.values()) <= 2, shown
    assert of(Validated, events)


def test_weighted_errors_move_the_head_towards_the_rare_class() -> None:
    recipe = Recipe().amended({"loss.balance": "weights"})
    job = SimpleNamespace(
        recipe=recipe,
        dataset=SimpleNamespace(
            classes=("a", "b"), split=lambda _: [SimpleNamespace(label=label) for label in "a" * 9 + "b"]
        ),
        world=SimpleNamespace(device=torch.device("cpu")),
        model=nn.Linear(2, 2),
    )
    criterion = Update(job, torch.optim.SGD(job.model.parameters(), lr=0.1))._criterion  # type: ignore[arg-type]
    outputs = torch.zeros(10, 2, requires_grad=True)
    criterion(outputs, torch.tensor([0] * 9 + [1])).backward()
    assert outputs.grad is not None
    common, rare = float(outputs.grad[:9, 0].sum()), float(outputs.grad[9:, 1].sum())
    assert common == pytest.approx(rare, rel=1e-5), "nine of one class pull as hard as one of the other"


@pytest.mark.parametrize("name", ["adafactor", "muon"])
def test_other_optimizers_train_a_network_whole(name: str, source: Path, workspace: Workspace) -> None:
    recipe = tiny(source, optimizer__name=name, freeze__strategy="full", schedule__epochs=1)
    assert of(Validated, list(train(recipe, workspace=workspace)))
