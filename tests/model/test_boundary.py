"""A network cut at its frozen boundary says what the whole network says: for any family, at any depth."""

import pytest
import timm
import torch

from studio.model.boundary import cut
from studio.model.frozen import Frozen, folded
from studio.model.graph import Wiring
from studio.model.stages import freeze, stages

# One small member each of families that are built differently.
FAMILIES = [
    "test_byobnet", "convit_tiny", "test_convnext", "cpubone_nano", "crossvit_tiny_240", "cs3darknet_focus_s",
    "cspnext_tiny", "deit_tiny_patch16_224", "densenet121", "dla46x_c", "dpn48b", "edgenext_xx_small",
    "test_efficientnet", "efficientvim_m1", "efficientvit_b0", "efficientvit_m0", "vit_tiny_patch16_dinov3_qkvb",
    "fasternet_t0", "fastvit_t8", "gcvit_xxtiny", "ghostnet_050", "hardcorenas_b", "hgnetv2_b0", "iformer_t",
    "inception_next_atto", "lcnetv2_small", "test_mambaout", "test_coatnet", "poolformerv2_s12", "gmlp_ti16_224",
    "lcnet_035", "mobilevit_xxs", "test_nfnet", "pit_ti_224", "pvt_v2_b0", "regnetx_002", "repghostnet_050",
    "repvit_m1", "resnest14d", "test_resnet", "resnetv2_18", "rexnet_100", "legacy_seresnet18", "shvit_s1",
    "skresnet18", "starnet_s050", "tiny_vit_5m_224", "visformer_tiny", "test_vit", "vit_tiny_r_s16_p8_224",
    "test_vit_relpos", "ese_vovnet19b_slim_dw", "mobilenetv3_small_050", "tf_efficientnet_lite0",
]  # fmt: skip
# These drop out by a function of the mode, or decide their way by what they see: no one graph says what they do.
ONLY_AT_THE_HEAD = {"ghostnet_050", "repghostnet_050", "legacy_seresnet18", "vit_tiny_patch16_dinov3_qkvb"}
assert len(FAMILIES) >= 50


def network(backbone: str) -> tuple[torch.nn.Module, torch.Tensor]:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = timm.create_model(backbone, num_classes=5)
        for buffer in model.buffers():  # statistics that a fresh network does not have yet
            if buffer.is_floating_point() and buffer.ndim == 1:
                buffer.add_(torch.rand_like(buffer) * 0.1)
    size = timm.data.resolve_data_config({}, model=model)["input_size"][-1]
    return model, torch.rand(3, 3, size, size, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("backbone", FAMILIES)
def test_split_and_whole_agree(backbone: str) -> None:
    model, probe = network(backbone)
    depths = [len(stages(model)) // 2, len(stages(model))]
    halves = cut(model, depths, probe) or cut(model, depths[1:], probe)
    assert halves is not None
    assert list(halves.boundaries) == (depths[1:] if backbone in ONLY_AT_THE_HEAD else depths)
    inputs = torch.rand(2, *probe.shape[1:], generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        whole = model.eval()(inputs)
        for depth, kept in zip(halves.boundaries, halves.front(list(halves.boundaries))(inputs), strict=True):
            boundary = halves.boundaries[depth]
            assert [tensor.shape[1:] for tensor in kept] == list(boundary.shapes)
            alone = [boundary.rest(*(tensor[row : row + 1] for tensor in kept)) for row in (1, 0)]
            assert float((torch.cat(alone)[[1, 0]] - whole).abs().max()) <= 1e-5 * max(1.0, float(whole.abs().max()))


@pytest.mark.parametrize("backbone", ["test_resnet", "test_vit", "tf_efficientnet_lite0", "convnext_atto"])
def test_every_depth_has_what_is_frozen_before_the_cut_and_what_learns_behind_it(backbone: str) -> None:
    model, probe = network(backbone)
    for depth in range(1, len(stages(model)) + 1):
        halves = cut(model, [depth], probe)
        assert halves is not None
        freeze(model, depth)
        front = {id(tensor) for tensor in halves.front([depth]).parameters()}
        rest = {id(tensor) for tensor in halves.boundaries[depth].rest.parameters()}
        learning = {id(tensor) for tensor in model.parameters() if tensor.requires_grad}
        assert not front & learning and rest >= learning


def test_cutting_leaves_the_network_as_it_was() -> None:
    model, probe = network("test_resnet")
    freeze(model, 2)
    modes = [module.training for module in model.modules()]
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    cut(model, [2], probe)
    assert [module.training for module in model.modules()] == modes
    assert all(torch.equal(tensor, state[name]) for name, tensor in model.state_dict().items())


def test_the_rest_learns_the_networks_own_weights() -> None:
    model, probe = network("test_resnet")
    halves = cut(model, [3], probe)
    assert halves is not None
    freeze(model, 3)
    ((kept,),) = halves.front([3])(probe)
    halves.boundaries[3].rest(kept).sum().backward()
    assert all((tensor.grad is not None) == tensor.requires_grad for tensor in model.parameters())


class Small(torch.nn.Module):
    """A network whose body and head are given."""

    def __init__(self, body: torch.nn.Module, head: torch.nn.Module) -> None:
        super().__init__()
        self.body, self.head = body, head

    def get_classifier(self) -> torch.nn.Module:
        return self.head

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.head(self.body(inputs))


class Noise(torch.nn.Module):
    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return inputs.flatten(1) + torch.rand_like(inputs.flatten(1))


class Choosy(torch.nn.Module):
    """Goes another way for bright pictures: it has no one graph."""

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return inputs.flatten(1) if inputs.mean() > 0 else -inputs.flatten(1)


def test_features_are_kept_only_where_the_same_picture_gives_the_same_ones() -> None:
    probe = torch.rand(3, 3, 4, 4)
    body = torch.nn.Sequential(torch.nn.Conv2d(3, 3, 1), torch.nn.Flatten())
    dropping = torch.nn.Sequential(torch.nn.Dropout(0.5), torch.nn.Linear(48, 3))
    assert cut(Small(body, dropping), [1], probe) is not None
    assert (
        cut(Small(torch.nn.Sequential(torch.nn.Conv2d(3, 3, 1), Noise()), torch.nn.Linear(48, 3)), [1], probe) is None
    )

    aside = Small(body, torch.nn.Linear(48, 3))
    aside.forward = lambda inputs: torch.nn.functional.linear(body(inputs) / inputs.mean(), aside.head.weight)  # type: ignore
    assert cut(aside, [1], probe) is None


def test_what_chance_leaves_out_lies_behind_the_cut_where_it_acts() -> None:
    body = torch.nn.Sequential(torch.nn.Conv2d(3, 3, 1), torch.nn.Flatten())
    probe = torch.rand(3, 3, 4, 4)
    acts = cut(Small(body, torch.nn.Sequential(torch.nn.Dropout(0.5), torch.nn.Linear(48, 3))), [1], probe)
    assert acts is not None and drops(acts.boundaries[1].rest)
    pooled = torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())
    body = torch.nn.Sequential(torch.nn.Conv2d(3, 3, 1), torch.nn.Dropout(0.5), *pooled)
    frozen = cut(Small(body, torch.nn.Linear(3, 3)), [1], probe)  # there freezing has switched it off
    assert frozen is not None and frozen.boundaries[1].numbers == 3


def drops(module: torch.nn.Module) -> bool:
    return any(isinstance(one, torch.nn.Dropout) for one in module.modules())


def test_the_frozen_part_of_a_swin_ends_at_its_head_though_its_blocks_drop_paths() -> None:
    model = timm.create_model("swin_tiny_patch4_window7_224", num_classes=3).eval()
    halves = cut(model, [99], torch.rand(3, 3, 224, 224))
    assert halves is not None and halves.boundaries[99].numbers == 768


def test_a_network_without_one_graph_is_cut_at_its_head_alone() -> None:
    model = Small(torch.nn.Sequential(torch.nn.Conv2d(3, 3, 1), Choosy()), torch.nn.Linear(48, 3))
    probe = torch.rand(3, 3, 4, 4)
    halves = cut(model, [1], probe)
    assert halves is not None and cut(model, [0, 1], probe) is None
    with torch.no_grad():
        ((kept,),) = halves.front([1])(probe)
        assert torch.allclose(halves.boundaries[1].rest(kept), model.eval()(probe))


@pytest.mark.parametrize("backbone", ["test_resnet", "tf_efficientnet_lite0", "test_nfnet", "test_convnext"])
def test_folding_changes_nothing_that_is_seen(backbone: str) -> None:
    model, probe = network(backbone)
    halves = cut(model, [99], probe)
    assert halves is not None
    front = halves.front([99]).eval()
    with torch.no_grad():
        exact, faster = front(probe)[0][0], folded(front)(probe)[0][0]
    assert torch.allclose(exact, faster, atol=1e-4 * float(exact.abs().max()))
    norms = [module for module in folded(front).modules() if isinstance(module, torch.nn.BatchNorm2d)]
    assert backbone != "tf_efficientnet_lite0" or not norms


@pytest.mark.parametrize("exactly", [True, False])
def test_the_frozen_part_is_fast_only_where_it_sees_the_same(exactly: bool) -> None:
    model, probe = network("tf_efficientnet_lite0")
    halves = cut(model, [99], probe)
    assert halves is not None
    frozen = Frozen(halves.front([99]), torch.device("cpu"), exactly=exactly)
    with torch.no_grad():
        exact = halves.front([99]).eval()(probe)[0][0].flatten(1)
    cosine = torch.cosine_similarity(frozen(probe)[0][0].flatten(1), exact).mean()
    assert frozen.way is not None and cosine >= (0.99999 if exactly else 0.998)
    assert not exactly or frozen.way.name == "folded"


def test_a_way_that_sees_something_else_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    model, probe = network("test_resnet")
    halves = cut(model, [99], probe)
    assert halves is not None
    frozen = Frozen(halves.front([99]), torch.device("cpu"))
    monkeypatch.setattr(Frozen, "_folded", lambda self, dtype: lambda inputs: ((torch.zeros(len(inputs), 3),),))
    ((kept,),) = frozen(probe)
    assert frozen.way is not None and frozen.way.name == "exact" and kept.any()


def test_a_thaw_does_not_move_what_was_frozen_before() -> None:
    model, probe = network("test_resnet")
    halves = cut(model, [99], probe)
    assert halves is not None
    frozen = Frozen(halves.front([99]), torch.device("cpu"))
    ((before,),) = frozen(probe)
    with torch.no_grad():
        for tensor in model.parameters():
            tensor.mul_(2)
    ((after,),) = frozen(probe)
    assert torch.equal(before, after)


def test_a_network_that_was_cut_does_not_keep_what_its_layers_said() -> None:
    wiring = Wiring.of(*network("test_resnet"))
    values = [value for value in (*wiring.many.values(), *wiring.few.values()) if isinstance(value, torch.Tensor)]
    assert len(values) > 20 and all(value.is_meta for value in values)
