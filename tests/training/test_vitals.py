"""Vital signs are taken beside any loop: what moved, what kept still, what was shown, what was said."""

import itertools
import math

import pandas as pd
import pytest
import torch
from torch import nn

from studio.augment.geometry import Geometry
from studio.training import vitals as module
from studio.training.events import Measured, from_json, to_json
from studio.training.vitals import Stillness, Vitals

GEOMETRY = Geometry(8, 8, "bilinear", (0.5, 0.4, 0.3), (0.2, 0.25, 0.5))
SAID = pd.DataFrame({"label": ["a", "a", "a", "b"], "predicted": ["b", "a", "b", "b"], "loss": 0.5, "confidence": 0.6})


class Net(nn.Module):
    """Two convolutions with a norm between them, which are frozen, and a head."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Conv2d(8, 128, 3))
        self.head = nn.Linear(128, 2)
        self.body.requires_grad_(False)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.head(self.body(inputs).mean(dim=(2, 3)))

    def frozen(self) -> dict[str, torch.Tensor]:
        return {} if self.body[0].weight.requires_grad else dict(self.body.state_dict(keep_vars=True))


@pytest.fixture
def net() -> Net:
    torch.manual_seed(0)
    return Net().eval()


@pytest.fixture
def vitals(net: Net) -> Vitals:
    return Vitals(net, net.frozen, GEOMETRY)


def epoch(vitals: Vitals, *rates: float, number: int = 1) -> Measured:
    for rate in rates:
        vitals.step(rate)
    return vitals.measured(number, len(rates), SAID, 2.0)


def scale(net: Net, factor: float) -> None:
    with torch.no_grad():
        for tensor in net.head.parameters():
            tensor.mul_(factor)


def test_rates_are_the_lowest_and_the_highest_of_the_epoch(vitals: Vitals) -> None:
    assert [(e.lr_low, e.lr_high) for e in (epoch(vitals, 0.1, 0.3, 0.2), epoch(vitals, 0.05))] == [
        (0.1, 0.3),
        (0.05, 0.05),
    ]


def test_an_epoch_without_an_update_has_nothing_to_tell(vitals: Vitals) -> None:
    found = epoch(vitals)
    assert (found.lr_low, found.lr_high, found.moved, found.drifted, found.waiting) == (0.0, 0.0, None, None, None)


def test_what_learns_is_compared_with_the_epochs_start(net: Net, vitals: Vitals) -> None:
    moved = []
    for factor in (1.0, 1.1, 1.0, 0.5):
        vitals.step(0.1)
        scale(net, factor)
        moved.append(epoch(vitals, 0.1).moved)
    assert moved == pytest.approx([0.0, 0.1, 0.0, 0.5], abs=1e-6)


def test_a_head_that_begins_at_nought_is_measured_by_where_it_ends(net: Net, vitals: Vitals) -> None:
    scale(net, 0.0)
    assert epoch(vitals, 0.1).moved == 0.0
    vitals.step(0.1)
    net.head.bias.data += 1
    assert epoch(vitals, 0.1).moved == 1.0


def test_what_is_no_number_is_none_and_every_sign_is_valid_json(net: Net, vitals: Vitals) -> None:
    vitals.step(0.1)
    scale(net, math.nan)
    vitals.saw(torch.full((1, 3, 2, 2), math.inf), torch.full((1, 3, 2, 2), math.nan))
    found = epoch(vitals, 0.1)
    assert (found.moved, found.input_mean, found.wanted_mean) == (None, None, None)
    assert from_json(to_json(found)) == found


def test_frozen_tensors_that_keep_still_have_not_drifted(net: Net, vitals: Vitals) -> None:
    vitals.step(0.1)
    net(torch.rand(4, 3, 8, 8))
    assert epoch(vitals, 0.1).drifted == 0.0


def test_statistics_that_take_up_batches_have_drifted(net: Net, vitals: Vitals) -> None:
    vitals.step(0.1)
    net.train()(torch.rand(4, 3, 8, 8))
    drifted = epoch(vitals, 0.1).drifted
    assert drifted is not None and drifted > 0.05


@pytest.mark.parametrize("layer", [0, 2])
@pytest.mark.parametrize("change", [lambda t: t.mul_(1.01), lambda t: t.add_(0.01), lambda t: t.fill_(math.nan)])
def test_a_changed_tensor_is_found_small_or_large(net: Net, layer: int, change) -> None:
    still = Stillness(net.frozen().values())
    assert still.broken() == 0.0
    with torch.no_grad():
        change(net.body[layer].weight)
    assert still.broken() > 1e-3


def test_what_is_frozen_is_looked_at_only_now_and_then(
    net: Net, vitals: Vitals, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = itertools.count(step=4.0)  # seconds that pass from one look at the clock to the next
    monkeypatch.setattr(module.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(module, "_LOOK_SHARE", 1)
    drifts = [epoch(vitals, 0.1, number=number).drifted for number in range(1, 8)]
    assert drifts[0] == 0.0 and drifts[1] is None and drifts.count(0.0) in (2, 3)


def test_the_frozen_part_is_named_anew_after_a_thaw(net: Net, vitals: Vitals) -> None:
    epoch(vitals, 0.1)
    net.body.requires_grad_(True)
    vitals.step(0.1)
    with torch.no_grad():
        net.body[2].weight.mul_(1.5)
    found = epoch(vitals, 0.1)
    assert found.moved is not None and found.moved > 0.1 and found.drifted == 0.0


def test_a_thaw_within_an_epoch_is_no_drift(net: Net, vitals: Vitals) -> None:
    vitals.step(0.1)
    net.body.requires_grad_(True)
    with torch.no_grad():
        net.body[2].weight.mul_(1.5)
    found = epoch(vitals, 0.1)
    assert (found.moved, found.drifted) == (None, None)
    assert epoch(vitals, 0.1).moved == 0.0


@pytest.mark.parametrize("form", ["bytes, channels last", "fractions, channels first"])
def test_inputs_are_compared_with_the_backbones_own_normalization(vitals: Vitals, form: str) -> None:
    bytes_ = torch.randint(0, 256, (6, 8, 8, 3), dtype=torch.uint8)
    fractions = bytes_.permute(0, 3, 1, 2) / 255
    mean, std = (torch.tensor(numbers).view(1, 3, 1, 1) for numbers in (GEOMETRY.mean, GEOMETRY.std))
    vitals.saw((fractions - mean) / std, bytes_ if form.startswith("bytes") else fractions)
    vitals.saw(torch.zeros(6, 3, 8, 8))  # a later batch, which does not count
    found = epoch(vitals, 0.1)
    assert found.input_mean == pytest.approx(found.wanted_mean, abs=1e-5)
    assert found.input_std == pytest.approx(found.wanted_std, abs=1e-5)


def test_another_normalization_shows(vitals: Vitals) -> None:
    pictures = torch.rand(4, 3, 8, 8)
    vitals.saw((pictures - 0.5) / 0.25, pictures)
    found = epoch(vitals, 0.1)
    assert found.input_std is not None and found.wanted_std is not None
    shares = [given / wanted for given, wanted in zip(found.input_std, found.wanted_std, strict=True)]
    assert shares == pytest.approx([0.2 / 0.25, 1.0, 0.5 / 0.25], rel=1e-4)


def test_inputs_without_their_pictures_are_told_alone(vitals: Vitals) -> None:
    vitals.saw(torch.zeros(2, 3, 8, 8))
    found = epoch(vitals, 0.1)
    assert found.input_mean == [0.0, 0.0, 0.0] and found.wanted_mean is None


def test_waiting_is_a_share_of_the_epoch(vitals: Vitals) -> None:
    vitals.waited(0.25)
    vitals.waited(0.25)
    assert epoch(vitals, 0.1).waiting == 0.25
    assert epoch(vitals, 0.1).waiting is None


def test_the_commonest_answer_and_the_largest_class_are_shares(vitals: Vitals) -> None:
    found = epoch(vitals, 0.1)
    assert (found.commonest, found.largest_class) == (0.75, 0.75)
