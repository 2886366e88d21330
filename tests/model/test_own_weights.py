"""Weights that a user brings: taken where every tensor fits, refused by name where not, and nothing in them is run."""

import pickle
import zipfile
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file

from studio.errors import WeightsError
from studio.model import own_weights
from studio.model.weights import build

BACKBONE = "test_resnet"


@pytest.fixture
def state() -> dict[str, torch.Tensor]:
    torch.manual_seed(1)
    return timm.create_model(BACKBONE, num_classes=7).state_dict()


def loaded(file: Path) -> dict[str, torch.Tensor]:
    return build(BACKBONE, 3, pretrained=True, own=str(file)).state_dict()


def ran(place: str) -> dict:
    """What a hostile file wants to have called."""
    Path(place).touch()
    return {}


class Hostile:
    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> tuple:
        return ran, (str(self.place),)


@pytest.mark.parametrize("kind", ["safetensors", "pth", "wrapped", "of several devices"])
def test_all_but_the_head_is_taken(kind: str, state: dict[str, torch.Tensor], tmp_path: Path) -> None:
    file = tmp_path / ("w.safetensors" if kind == "safetensors" else "w.pth")
    if kind == "safetensors":
        save_file(state, file)
    else:
        named = {f"module.{name}": tensor for name, tensor in state.items()} if "devices" in kind else state
        torch.save(named if kind == "pth" else {"state_dict": named, "epoch": 3}, file)
    found = loaded(file)
    assert found["fc.weight"].shape[0] == 3
    body = [name for name in state if not name.startswith("fc.")]
    assert body and all(torch.equal(found[name], state[name]) for name in body)


def test_tensors_that_do_not_fit_are_named_with_the_reason(state: dict[str, torch.Tensor], tmp_path: Path) -> None:
    first, second, *_ = [name for name in state if name.endswith("weight")]
    state[first] = torch.zeros(1, 2)
    del state[second]
    save_file(state | {"extra.weight": torch.zeros(1)}, tmp_path / "w.safetensors")
    with pytest.raises(WeightsError) as refused:
        loaded(tmp_path / "w.safetensors")
    said = str(refused.value)
    for words in (f"{first} has the shape 1 × 2 instead of", f"{second} is missing", "extra.weight has no place"):
        assert words in said


def test_values_that_are_no_numbers_are_refused(state: dict[str, torch.Tensor], tmp_path: Path) -> None:
    next(iter(state.values())).view(-1)[0] = torch.nan
    save_file(state, tmp_path / "w.safetensors")
    with pytest.raises(WeightsError, match="no numbers"):
        loaded(tmp_path / "w.safetensors")


def test_nothing_in_a_file_is_run(tmp_path: Path) -> None:
    for number, write in enumerate((torch.save, lambda thing, file: file.write_bytes(pickle.dumps(thing)))):
        file = tmp_path / f"{number}.pth"
        write({"state_dict": Hostile(tmp_path / "ran")}, file)
        with pytest.raises(WeightsError, match="without running code"):
            loaded(file)
    assert not (tmp_path / "ran").exists()


def test_a_file_that_grows_when_it_is_read_is_refused(state: dict[str, torch.Tensor], tmp_path: Path) -> None:
    torch.save(state, tmp_path / "w.pth")
    with (
        zipfile.ZipFile(tmp_path / "w.pth") as whole,
        zipfile.ZipFile(tmp_path / "small.pth", "w", zipfile.ZIP_DEFLATED) as small,
    ):
        for entry in whole.namelist():
            small.writestr(entry, whole.read(entry))
    with pytest.raises(WeightsError, match="without running code"):
        loaded(tmp_path / "small.pth")


@pytest.mark.parametrize("name", ["w.pth", "w.safetensors"])
def test_damaged_files_are_refused(name: str, state: dict[str, torch.Tensor], tmp_path: Path) -> None:
    file = tmp_path / name
    save_file(state, file) if name.endswith("safetensors") else torch.save(state, file)
    whole = file.read_bytes()
    for damaged in (b"", whole[:100], whole[: len(whole) // 2], b"\x00" * 500, b"<html>" + whole, whole[200:]):
        file.write_bytes(damaged)
        with pytest.raises(WeightsError):
            loaded(file)


def test_what_is_no_file_of_weights_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "w.pkl").touch()
    save_file({"a": torch.zeros(99)}, tmp_path / "big.safetensors")
    monkeypatch.setattr(own_weights, "MOST", 100)
    for name, said in (("none.pth", "no such file"), ("w.pkl", "no file of weights"), ("big.safetensors", "larger")):
        with pytest.raises(WeightsError, match=said):
            loaded(tmp_path / name)


@pytest.mark.parametrize("classes", [0, 7, 1000])
def test_a_file_tells_which_networks_it_fits_whatever_its_head(classes: int, tmp_path: Path) -> None:
    save_file(timm.create_model(BACKBONE, num_classes=classes).state_dict(), tmp_path / "w.safetensors")
    assert own_weights.fitting(tmp_path / "w.safetensors") == [BACKBONE]


def test_networks_of_the_same_tensors_are_all_found(tmp_path: Path) -> None:
    save_file(timm.create_model("tf_efficientnet_lite0", num_classes=2).state_dict(), tmp_path / "w.safetensors")
    assert set(own_weights.fitting(tmp_path / "w.safetensors")) >= {"tf_efficientnet_lite0", "efficientnet_lite0"}


def test_as_many_weights_of_other_shapes_fit_nothing(state: dict[str, torch.Tensor], tmp_path: Path) -> None:
    turned = {name: tensor.flatten() for name, tensor in state.items()}
    save_file(turned, tmp_path / "w.safetensors")
    assert own_weights.fitting(tmp_path / "w.safetensors") == []
