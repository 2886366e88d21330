"""Each part of a convolution takes its fastest way, and all ways compute the same."""

import json
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from studio.model.frozen import half_precision
from studio.training import precision
from studio.training.convolution import FORWARD, FULL, HALF, INPUT, THREES, WEIGHT, Convolution
from studio.training.precision import Plan, Precision

CPU = torch.device("cpu")
needs_bfloat16 = pytest.mark.skipif(half_precision(CPU) is None, reason="this processor has no fast bfloat16")
SHAPES = [
    # channels in, out, kernel, stride, padding, groups, side
    (8, 16, 1, 1, 0, 1, 14),
    (3, 8, 3, 2, 1, 1, 15),
    (8, 8, 3, 1, 1, 8, 14),
    (8, 8, 5, 1, 2, 8, 14),
    (8, 8, 5, 2, 0, 8, 17),
    (8, 8, 5, 2, 2, 8, 15),
    (8, 8, 7, 1, 3, 8, 9),
    (8, 16, 3, 1, 1, 2, 9),
]


def made(shape: tuple[int, ...]) -> tuple[Convolution, torch.Tensor, torch.Tensor]:
    ins, outs, kernel, stride, padding, groups, side = shape
    chance = torch.Generator().manual_seed(0)
    inputs = torch.randn(4, ins, side, side, generator=chance).to(memory_format=torch.channels_last)
    weight = torch.randn(outs, ins // groups, kernel, kernel, generator=chance)
    what = Convolution((ins, side, side), tuple(weight.shape), (stride,) * 2, (padding,) * 2, (1, 1), groups)
    return what, inputs, weight


@pytest.mark.parametrize("shape", SHAPES)
def test_every_way_of_every_part_computes_what_autograd_does(shape: tuple[int, ...]) -> None:
    what, inputs, weight = made(shape)
    learning = inputs.clone().requires_grad_(), weight.clone().requires_grad_()
    output = F.conv2d(*learning, None, what.stride, what.padding, what.dilation, what.groups)
    onto = torch.randn(output.shape, generator=torch.Generator().manual_seed(1))
    output.backward(onto)
    onto = onto.to(memory_format=torch.channels_last)
    for part, exact in ((FORWARD, output.detach()), (INPUT, learning[0].grad), (WEIGHT, learning[1].grad)):
        assert exact is not None
        for way in what.ways(part):
            found = {
                FORWARD: lambda way=way: what.output(inputs, weight, way),
                INPUT: lambda way=way: what.input_gradient(onto, inputs, weight, way),
                WEIGHT: lambda way=way: what.weight_gradient(onto, inputs, weight, way),
            }[part]().float()
            close = 1e-5 if way in (FULL, THREES) and part != FORWARD else 2e-2
            assert (found - exact).abs().max() <= close * exact.abs().max(), (part, way)


def test_only_odd_depthwise_kernels_are_taken_in_threes() -> None:
    assert [THREES in made(shape)[0].ways(WEIGHT) for shape in SHAPES] == [False] * 3 + [True] * 4 + [False]


@needs_bfloat16
def test_a_planned_network_learns_like_an_exact_one() -> None:
    torch.manual_seed(0)
    layers = torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3, 2, 1),
        torch.nn.BatchNorm2d(8),
        torch.nn.ReLU(),
        torch.nn.Conv2d(8, 8, 5, 1, 2, groups=8),
    )
    network = torch.nn.Sequential(layers, torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(8, 3))
    inputs, labels = torch.randn(16, 3, 32, 32), torch.randint(0, 3, (16,))

    def gradient(how: Precision) -> torch.Tensor:
        network.zero_grad()
        with how.learning():
            outputs = network(inputs).float()
        F.cross_entropy(outputs, labels).backward()
        return torch.cat([tensor.grad.flatten() for tensor in network.parameters() if tensor.grad is not None])

    planned, exact = gradient(Precision(CPU, plan=Plan(choices={}))), gradient(Precision(CPU, exactly=True))
    assert len(planned) == len(exact) and not torch.equal(planned, exact)
    assert torch.cosine_similarity(planned, exact, dim=0) > 0.995


@needs_bfloat16
def test_a_machine_keeps_its_choices_so_that_a_run_can_be_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precision, "_MEMORY", {})
    what, inputs, weight = made(SHAPES[3])
    plan = Plan.of(tmp_path)
    ways = plan.of_convolution(what, inputs, weight)
    plan.save()
    monkeypatch.setattr(precision, "_MEMORY", {})
    monkeypatch.setattr(precision, "_timed", lambda *_: pytest.fail("timed again"))
    assert Plan.of(tmp_path).of_convolution(what, inputs, weight) == ways


@pytest.mark.parametrize("text", ["", "no json", "[1]", '{"a": 1}', '{"a": {"forward": "rm -rf"}}'])
def test_a_damaged_plan_is_made_anew(tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "_MEMORY", {})
    what, inputs, weight = made(SHAPES[0])
    Plan.of(tmp_path).of_convolution(what, inputs, weight)
    file = Plan.of(tmp_path).file
    assert file is not None
    file.write_text(text.replace('"a"', json.dumps(repr(what))))
    monkeypatch.setattr(precision, "_MEMORY", {})
    ways = Plan.of(tmp_path).of_convolution(what, inputs, weight)
    assert set(ways) == {FORWARD, INPUT, WEIGHT} and set(ways.values()) <= {FULL, HALF}


def test_exact_precision_plans_nothing() -> None:
    how = Precision(CPU, exactly=True)
    layer, inputs = torch.nn.Conv2d(3, 4, 3), torch.randn(2, 3, 8, 8)
    with how.learning():
        assert layer(inputs).dtype == torch.float32
    assert how.words == ""
