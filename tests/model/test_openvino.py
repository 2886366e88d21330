"""Where OpenVINO is installed, it sees what the network sees."""

import subprocess
import sys
from importlib.util import find_spec

import pytest
import torch

from studio.model.boundary import cut
from studio.model.frozen import Frozen, half_precision
from tests.model.test_boundary import network

if find_spec("openvino") is None:
    pytest.skip("the extra openvino is not installed", allow_module_level=True)
CPU = torch.device("cpu")
pytestmark = pytest.mark.skipif(half_precision(CPU) is None, reason="this processor has no fast bfloat16")


@pytest.mark.parametrize("backbone", ["tf_efficientnet_lite0", "test_resnet"])
def test_openvino_sees_what_the_exact_network_sees(backbone: str) -> None:
    model, probe = network(backbone)
    halves = cut(model, [3, 99], probe)
    assert halves is not None
    frozen = Frozen(halves.front([3, 99]), CPU, looks=100_000)
    found = frozen(probe)
    assert frozen.way is not None and frozen.way.name == "openvino-bf16"
    with torch.no_grad():
        exact = halves.front([3, 99]).eval()(probe)
    for ours, theirs in zip(found, exact, strict=True):
        cosine = torch.cosine_similarity(ours[0].flatten(1), theirs[0].flatten(1))
        assert ours[0].shape == theirs[0].shape and cosine.mean() >= 0.998


def test_other_numbers_of_pictures_are_seen_too() -> None:
    model, probe = network("test_resnet")
    halves = cut(model, [99], probe)
    assert halves is not None
    frozen = Frozen(halves.front([99]), CPU, looks=100_000)
    ((three,),), ((one,),) = frozen(probe), frozen(probe[:1])
    assert torch.allclose(three[:1], one, atol=0.02 * float(three.abs().max()))


def test_it_does_not_call_home() -> None:
    """OpenVINO reports its use over the network, unless its reporter cannot be imported."""
    code = (
        "import sys, torch; from studio.model.openvino import compiled;"
        "layer = torch.nn.Conv2d(3, 3, 1); compiled(torch.nn.Sequential(layer, Pair()), torch.rand(2, 3, 8, 8));"
        "from openvino.tools.ovc import telemetry_utils;"
        "assert telemetry_utils.tm.__name__.endswith('telemetry_stub'), telemetry_utils.tm"
    )
    pair = "import torch\nclass Pair(torch.nn.Module):\n    def forward(self, x): return ((x,),)\n"
    subprocess.run([sys.executable, "-W", "ignore", "-c", pair + code], check=True, timeout=100)


def test_its_start_is_not_paid_for_a_few_pictures() -> None:
    model, probe = network("test_resnet")
    halves = cut(model, [99], probe)
    assert halves is not None
    frozen = Frozen(halves.front([99]), CPU, looks=100)
    frozen(probe)
    assert frozen.way is not None and not frozen.way.name.startswith("openvino")
