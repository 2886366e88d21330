"""The new head is what was chosen, wherever the architecture has its place for it, and all of it learns."""

import pytest
import timm
import torch
from torch import nn

from studio.errors import BackboneError
from studio.model.boundary import cut
from studio.model.heads import fit_head, poolings
from studio.model.pooling import Pooling
from studio.model.stages import freeze, frozen_state, head_modules, new_modules, new_parameters, stages, trainable
from studio.model.weights import build
from studio.recipe import HeadChoice

MAPS = ("avg", "max", "avgmax", "gem", "attention")
PLACES = {  # one architecture for each place that a head may have
    "test_resnet": MAPS,
    "test_vit": ("avg", "max", "avgmax", "attention"),
    "test_convnext": MAPS,
    "test_mambaout": ("avg", "max", "avgmax"),
    "levit_128s": ("avg",),
    "mobilenetv3_small_050": MAPS,
    "deit_tiny_distilled_patch16_224": (),
}


def network(backbone: str, classes: int = 3, **more: object) -> nn.Module:
    torch.manual_seed(0)
    return timm.create_model(backbone, num_classes=classes, **more)


def pictures(side: int) -> torch.Tensor:
    return torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(1))


def side(backbone: str) -> int:
    return 224 if backbone in ("levit_128s", "deit_tiny_distilled_patch16_224") else 160 if "vit" in backbone else 64


@pytest.mark.parametrize("backbone", PLACES)
def test_an_architecture_says_which_poolings_it_has_a_place_for(backbone: str) -> None:
    assert poolings(network(backbone)) == PLACES[backbone]


@pytest.mark.parametrize("backbone", PLACES)
def test_every_head_says_all_classes_and_learns_while_the_rest_is_frozen(backbone: str) -> None:
    for pooling in ("", *PLACES[backbone]):
        model = network(backbone)
        fit_head(model, 3, HeadChoice(kind="mlp", hidden=16, dropout=0.2, activation="gelu", pooling=pooling))
        depth = len(stages(model))
        freeze(model, depth)
        assert trainable(model) == sum(tensor.numel() for tensor in new_parameters(model))
        before = {name: tensor.clone() for name, tensor in frozen_state(model, depth).items()}
        said = model(pictures(side(backbone)))
        assert said.shape == (2, 3)
        said.logsumexp(dim=1).sum().backward()
        assert all(tensor.grad is not None for tensor in new_parameters(model))
        torch.optim.SGD((t for t in model.parameters() if t.requires_grad), lr=0.1).step()
        assert all(torch.equal(tensor, before[name]) for name, tensor in frozen_state(model, depth).items())


def test_a_network_with_two_heads_gets_two_of_the_chosen_kind() -> None:
    model = network("deit_tiny_distilled_patch16_224")
    assert head_modules(model) == ["head", "head_dist"]
    fit_head(model, 3, HeadChoice(kind="mlp", hidden=8))
    for name in head_modules(model):
        assert [type(part) for part in model.get_submodule(name)] == [nn.Linear, nn.ReLU, nn.Linear]


def test_the_usual_head_leaves_the_network_as_timm_makes_it() -> None:
    plain, chosen = network("test_resnet"), network("test_resnet")
    fit_head(chosen, 3, HeadChoice())
    assert plain.state_dict().keys() == chosen.state_dict().keys() and repr(plain) == repr(chosen)


def test_a_pooling_that_has_no_place_is_refused_with_those_that_have() -> None:
    with pytest.raises(BackboneError, match="choose one of avg, or leave it"):
        build("levit_128s", 2, pretrained=False, head=HeadChoice(pooling="gem"))


def test_gem_lies_between_mean_and_maximum_and_attention_begins_as_the_mean() -> None:
    seen = pictures(8)
    mean, most = Pooling("avg", 3)(seen), Pooling("max", 3)(seen)
    gem = Pooling("gem", 3)
    assert ((gem(seen) > mean) & (gem(seen) < most)).all()
    assert torch.allclose(gem(seen), (seen**3).mean(dim=(2, 3)) ** (1 / 3), atol=1e-6)
    assert torch.allclose(Pooling("attention", 3)(seen), mean, atol=1e-6)
    assert torch.allclose(Pooling("avgmax", 3)(seen), (mean + most) / 2)


def test_attention_looks_where_it_learnt_to_look() -> None:
    pooling = Pooling("attention", 4)
    seen = torch.zeros(1, 4, 2, 2)
    seen[0, :, 1, 1] = torch.tensor([4.0, 0.0, 0.0, 0.0])
    with torch.no_grad():
        pooling.matters[0] = 9.0
    assert pooling(seen)[0, 0] > 3.9


@pytest.mark.parametrize(("layout", "shape"), [("NCHW", (2, 5, 3, 4)), ("NHWC", (2, 3, 4, 5)), ("NLC", (2, 12, 5))])
def test_a_layout_changes_nothing_but_the_order(layout: str, shape: tuple[int, ...]) -> None:
    seen = torch.rand(2, 12, 5)
    map_ = seen if layout == "NLC" else seen.reshape(2, 3, 4, 5)
    laid = map_.permute(0, 3, 1, 2) if layout == "NCHW" else map_
    assert laid.shape == shape
    for kind in MAPS:
        assert torch.allclose(Pooling(kind, 5, layout)(laid), Pooling(kind, 5, "NLC")(seen), atol=1e-6)
        kept = Pooling(kind, 5, layout, keep_places=layout != "NLC")(laid)
        assert kept.flatten(1).shape == (2, 5) and (layout == "NLC" or kept.ndim == 4)


def test_what_a_learning_pooling_is_given_can_be_kept() -> None:
    model = network("test_resnet").eval()
    fit_head(model, 3, HeadChoice(pooling="attention"))
    assert [name for name in new_modules(model) if "pool" in name]
    depth, probe = len(stages(model)), torch.rand(3, 3, 64, 64)
    with torch.no_grad():
        halves = cut(model, [depth], probe)
    assert halves is not None and len(halves.boundaries[depth].shapes[0]) == 3, "the map is kept, not its mean"
    assert any(name.endswith("matters") for name, _ in halves.boundaries[depth].rest.named_parameters())


def test_a_head_of_several_layers_is_kept_at_what_it_is_given() -> None:
    model = network("test_resnet").eval()
    fit_head(model, 3, HeadChoice(kind="mlp", hidden=8, dropout=0.5))
    depth = len(stages(model))
    with torch.no_grad():
        halves = cut(model, [depth], torch.rand(3, 3, 64, 64))
    assert halves is not None and halves.boundaries[depth].numbers == 96, "one number a channel"
    assert any(isinstance(part, nn.Dropout) for part in halves.boundaries[depth].rest.modules())
