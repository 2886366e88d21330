"""The embedded weights are the real ones, in the right places, and everything else fails plainly when offline."""

import time

import numpy as np
import pytest
import timm
import torch
from skimage import data as photographs

from studio.augment.geometry import Geometry
from studio.errors import BackboneError, WeightsError
from studio.model import download, weights
from studio.model.catalogue import card, embedded, embedded_package
from studio.model.weights import build
from studio.training.loader import to_input


@pytest.mark.parametrize("backbone", ["tf_efficientnet_lite0", "tf_efficientnet_lite1"])
def test_a_cat_is_a_cat_and_a_coffee_is_a_coffee(backbone: str) -> None:
    package = embedded_package(backbone)
    assert package, f"the test extras install the package with the weights of {backbone}"
    model = timm.create_model(backbone)
    weights._load_in_order(model, weights.package_file(package))
    geometry = Geometry.of(card(backbone).config)
    assert seen(model.eval(), geometry, photographs.chelsea()) in range(281, 286)
    assert seen(model, geometry, photographs.coffee()) == 967


def seen(model: torch.nn.Module, geometry: Geometry, picture: np.ndarray) -> int:
    centre = torch.from_numpy(geometry.centre(geometry.base(picture)).copy())[None]
    with torch.inference_mode():
        return int(model(to_input(centre, geometry, torch.device("cpu"))).argmax())


def test_the_backbone_keeps_its_weights_and_gets_a_new_head() -> None:
    a, b = (build("tf_efficientnet_lite0", classes, pretrained=True).state_dict() for classes in (3, 5))
    assert all(torch.equal(a[name], b[name]) for name in a if not name.startswith("classifier"))
    assert a["classifier.weight"].shape == (3, 1280) and b["classifier.weight"].shape == (5, 1280)


def test_the_default_backbone_is_embedded() -> None:
    assert embedded()[0] == "tf_efficientnet_lite0"


def test_offline_another_backbone_fails_within_five_seconds_and_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", "http://192.0.2.1")  # a documentation address: nobody answers there

    def hangs(*_: object, **__: object) -> None:
        time.sleep(60)
        raise OSError("Nobody answers.")

    monkeypatch.setattr(download.urllib.request, "urlopen", hangs)
    began = time.monotonic()
    with pytest.raises(WeightsError, match="tf_efficientnet_lite0"):
        build("resnet18", 2, pretrained=True)
    assert time.monotonic() - began < 5


def test_an_unknown_tag_is_named_with_those_there_are() -> None:
    with pytest.raises(BackboneError, match="no weights 'a9_in1k' for resnet18") as refused:
        build("resnet18.a9_in1k", 2, pretrained=False)
    assert "a1_in1k" in refused.value.remedy and "more" in refused.value.remedy


def test_a_tag_decides_how_pictures_are_shown_to_it() -> None:
    google, plain = card("vit_base_patch16_224.orig_in21k_ft_in1k"), card("vit_base_patch16_224.augreg_in1k")
    assert google.crop_pct == plain.crop_pct and google.mean == (0.5, 0.5, 0.5)
    assert card("regnety_160.sw_in12k_ft_in1k").mean != (0.5, 0.5, 0.5) and card("resnet50").name == "resnet50"
    assert build("test_resnet.r160_in1k", 2, pretrained=False).num_classes == 2


def test_an_unknown_backbone_is_named() -> None:
    with pytest.raises(BackboneError, match="resnet9000"):
        build("resnet9000", 2, pretrained=False)


def test_weights_that_do_not_fit_are_refused() -> None:
    package = embedded_package("tf_efficientnet_lite0")
    assert package
    with pytest.raises(WeightsError, match="do not fit"):
        weights._load_in_order(timm.create_model("test_resnet"), weights.package_file(package))
