"""What is known of a backbone without torch: as the survey says it, or as another timm is asked for it."""

import subprocess
import sys
from pathlib import Path

import pytest
import timm

from studio.errors import BackboneError
from studio.model import catalogue, places
from studio.model.catalogue import card, default, embedded
from studio.model.places import downloaded
from studio.model.stages import freeze, trainable
from studio.workspace import Workspace


@pytest.mark.parametrize("backbone", ["test_resnet", "test_vit"])
def test_a_card_counts_what_learns(backbone: str) -> None:
    model = timm.create_model(backbone, num_classes=3)
    found = card(backbone)
    for depth in range(len(found.stages) + 1):
        freeze(model, depth)
        assert found.trainable(depth, 3) == trainable(model)


def test_no_backbone_needs_torch_to_be_described() -> None:
    code = (
        "import sys; from studio.model.catalogue import card, records\n"
        "from studio.model.listing import rows\n"
        "assert all(card(name).parameters for name in list(records())[::40]) and rows()\n"
        "assert 'torch' not in sys.modules and 'timm' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_another_timm_is_asked_once_and_its_answer_kept(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    shipped = card("test_resnet", workspace)
    monkeypatch.setattr(catalogue, "version", lambda package: "9.9.9")
    asked = card("test_resnet", workspace)
    assert asked.stages == shipped.stages and asked.config == shipped.config and asked.flops == shipped.flops
    monkeypatch.setattr(catalogue, "draw", lambda name: pytest.fail("asked again"))
    assert card("test_resnet", workspace) == asked


def test_what_timm_does_not_know_is_named(workspace: Workspace) -> None:
    with pytest.raises(BackboneError, match="resnet9000"):
        card("resnet9000", workspace)
    with pytest.raises(BackboneError, match="no weights 'b9' for resnet18") as refused:
        card("resnet18.b9", workspace)
    assert "a1_in1k" in refused.value.remedy


def test_another_backbones_download_is_not_taken_for_this_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    there = tmp_path / "models--timm--resnet18d.ra2_in1k" / "snapshots" / "0"
    there.mkdir(parents=True)
    (there / "model.safetensors").touch()
    assert downloaded() == {"timm/resnet18d.ra2_in1k"}
    assert card("resnet18d").weights == card("resnet18d.ra2_in1k").weights == "cached"
    assert card("resnet18").weights == "download"


def test_weights_with_an_address_of_their_own_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    assert card("gcvit_xxtiny").weights == "download"
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    (tmp_path / "hub" / "checkpoints" / "gcvit_xxtiny_224_nvidia-d1d86009.pth").touch()
    assert card("gcvit_xxtiny").weights == "cached"


def test_the_default_is_inside_and_others_are_not() -> None:
    assert default().weights == "inside" and embedded()[0] == default().name
    assert places.embedded_package("tf_efficientnet_lite0") and places.embedded_package("resnet18") is None
    assert card("tf_efficientnet_lite0.in1k").weights == "download"  # with a tag, the hub's own are meant
    assert card("convnext_atto_rms").weights == "none" and card("convnext_atto_rms").download_mb == 0
