"""Stages run from the input to the output; the head is never one of them."""

import pytest
import timm
import torch

from studio.model import catalogue
from studio.model.catalogue import card, draw_card, names
from studio.model.stages import freeze, frozen_names, head, stages, trainable
from studio.training.features import Trunk
from studio.workspace import Workspace

FAMILIES = [
    "test_resnet",
    "test_vit",
    "tf_efficientnet_lite0",
    "mobilenetv3_small_050",
    "convnext_atto",
    "vgg11",
    "regnetx_002",
    "poolformer_s12",
    "pit_ti_224",
    "densenet121",
    "swin_tiny_patch4_window7_224",
    "ghostnet_050",
]


@pytest.mark.parametrize("backbone", FAMILIES)
def test_stages_and_head_share_out_every_parameter_once(backbone: str) -> None:
    with torch.device("meta"):
        model = timm.create_model(backbone, num_classes=7)
    in_stages = [name for stage in stages(model) for name in stage.parameters]
    in_head = {id(tensor) for tensor in head(model).parameters()}
    expected = {name for name, tensor in model.named_parameters() if id(tensor) not in in_head}
    assert len(in_stages) == len(set(in_stages)) and set(in_stages) == expected
    assert len(stages(model)) >= 4
    assert len({stage.name for stage in stages(model)}) == len(stages(model))


@pytest.mark.parametrize("backbone", FAMILIES)
def test_every_depth_freezes_exactly_its_stages(backbone: str) -> None:
    with torch.device("meta"):
        model = timm.create_model(backbone, num_classes=7)
    for depth in range(len(stages(model)) + 1):
        freeze(model, depth)
        still = {name for name, tensor in model.named_parameters() if not tensor.requires_grad}
        assert still == frozen_names(model, depth)
    assert trainable(model) == sum(tensor.numel() for tensor in head(model).parameters())


@pytest.mark.parametrize(
    "backbone", ["test_resnet", "test_vit", "tf_efficientnet_lite0", "convnext_atto", "mobilenetv3_small_050"]
)
def test_the_head_on_caught_features_says_what_the_whole_network_says(backbone: str) -> None:
    model = timm.create_model(backbone, num_classes=4)
    size = timm.data.resolve_data_config({}, model=model)["input_size"][-1]
    trunk, inputs = Trunk(model), torch.randn(2, 3, size, size)
    assert trunk.can_split(inputs)
    modes = [module.training for module in model.modules()]
    with torch.no_grad():
        expected = model.eval()(inputs)
        model.train()
        assert torch.allclose(trunk.head.eval()(trunk(inputs)), expected, atol=1e-5)
    trunk.head.train()
    assert [module.training for module in model.modules()] == modes


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


def test_features_are_kept_only_where_the_same_picture_gives_the_same_ones() -> None:
    inputs, flat = torch.randn(2, 3, 4, 4), torch.nn.Flatten()
    dropping = torch.nn.Sequential(torch.nn.Dropout(0.5), torch.nn.Linear(48, 3))
    assert Trunk(Small(flat, dropping).train()).can_split(inputs)
    assert not Trunk(Small(Noise(), torch.nn.Linear(48, 3))).can_split(inputs)

    aside = Small(flat, torch.nn.Linear(48, 3))
    aside.forward = lambda inputs: torch.nn.functional.linear(inputs.flatten(1), aside.head.weight)  # type: ignore
    assert not Trunk(aside).can_split(inputs)


def test_a_head_that_drops_is_measured_without_dropping() -> None:
    from studio.training.sources import OnFeatures

    dropping = torch.nn.Sequential(torch.nn.Dropout(0.5), torch.nn.Linear(48, 3))
    trunk, features = Trunk(Small(torch.nn.Flatten(), dropping).train()), torch.randn(5, 48)
    source = OnFeatures(trunk, None, None, features)  # type: ignore[arg-type]
    assert torch.equal(source.logits(), dropping[1](features).detach()) and dropping.training


def test_another_backbones_download_is_not_taken_for_this_one(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    there = tmp_path / "models--timm--resnet18d.ra2_in1k" / "snapshots" / "0"
    there.mkdir(parents=True)
    (there / "model.safetensors").touch()
    assert catalogue._downloaded("resnet18d") and not catalogue._downloaded("resnet18")


@pytest.mark.parametrize("backbone", ["tf_efficientnet_lite0", "tf_efficientnet_lite1", "tf_efficientnet_lite2"])
def test_the_shipped_cards_say_what_timm_says(backbone: str) -> None:
    shipped, drawn = card(backbone), draw_card(backbone)
    assert [stage.name for stage in shipped.stages] == [stage["name"] for stage in drawn["stages"]]
    assert {name: list(value) if isinstance(value, tuple) else value for name, value in shipped.config.items()} == {
        name: drawn[name] for name in shipped.config
    }
    assert shipped.parameters == drawn["parameters"] and shipped.features == drawn["features"]


def test_a_card_counts_what_learns(workspace: Workspace) -> None:
    model = timm.create_model("test_resnet", num_classes=3)
    found = card("test_resnet", workspace)
    for depth in range(len(found.stages) + 1):
        freeze(model, depth)
        assert found.trainable(depth, 3) == trainable(model)
    assert card("test_resnet", workspace) == found  # the second time from the cache


def test_embedded_backbones_are_listed_first(workspace: Workspace) -> None:
    found = names("efficientnet_lite", workspace)
    assert found[0] == "tf_efficientnet_lite0" and "tf_efficientnet_lite4" in found
    assert names("mobilenetv3_*_050", workspace) == ["mobilenetv3_small_050"]
    assert len(names("", workspace)) > 1000
