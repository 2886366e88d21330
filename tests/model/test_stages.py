"""Stages run from the input to the output; the head is never one of them."""

import pytest
import timm
import torch

from studio.model.stages import freeze, frozen_names, head, stages, trainable

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
