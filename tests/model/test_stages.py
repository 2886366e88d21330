"""Stages run from the input to the output; the head is never one of them."""

import pytest
import timm
import torch

from studio.model import catalogue
from studio.model.catalogue import card, draw_card, names
from studio.model.stages import freeze, frozen_names, head, stages, trainable
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
