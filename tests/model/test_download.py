"""Weights are downloaded with progress, resumed after a break, checked, and then nothing is asked of the network."""

import hashlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save

from studio.errors import WeightsError
from studio.model import download
from studio.model.catalogue import card
from studio.model.places import downloaded
from studio.model.weights import build, fetch, is_cached
from studio.recipe import Recipe
from studio.runs.progress import Progress
from studio.training.events import Finished, Prepared
from studio.training.train import train
from studio.training.wishes import Wishes
from tests.model.hub import Hub, hub_with
from tests.training.recipes import tiny

BACKBONE, REPOSITORY = "test_resnet.r160_in1k", "timm/test_resnet.r160_in1k"


@pytest.fixture(scope="module")
def weights() -> bytes:
    torch.manual_seed(3)
    return save(timm.create_model("test_resnet", pretrained=False).state_dict())


@pytest.fixture
def hub(weights: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub with the weights of one backbone, and empty caches; the line is quick to give up."""
    from huggingface_hub import constants

    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(download.time, "sleep", lambda seconds: None)
    monkeypatch.setattr(download, "_TELL_EVERY", 0.0)
    monkeypatch.setattr(download, "_PIECE", 1 << 14)
    with hub_with({f"{REPOSITORY}/model.safetensors": weights}) as running:
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "ENDPOINT", running.url)
        yield running


def kept(tmp_path: Path) -> list[Path]:
    return [file for file in (tmp_path / "hub").rglob("*") if file.is_file()]


def test_it_tells_bytes_until_all_are_there(hub: Hub, weights: bytes) -> None:
    told = list(fetch(BACKBONE))
    assert told[-1] == (len(weights), len(weights)) and len(told) > 3
    assert [here for here, _ in told] == sorted(here for here, _ in told)
    assert is_cached(BACKBONE) and REPOSITORY in downloaded() and card(BACKBONE).weights == "cached"
    hub.asked.clear()
    assert list(fetch(BACKBONE)) == [] and hub.asked == []


def test_what_was_fetched_is_what_the_network_starts_from_and_nothing_more_is_asked(hub: Hub) -> None:
    model = build(BACKBONE, 3, pretrained=True)
    torch.manual_seed(3)
    theirs = timm.create_model("test_resnet", pretrained=False).state_dict()
    body = {name: tensor for name, tensor in model.state_dict().items() if not name.startswith("fc.")}
    assert body and all(torch.equal(tensor, theirs[name]) for name, tensor in body.items())
    hub.asked.clear()
    build(BACKBONE, 5, pretrained=True)
    assert hub.asked == []


def test_the_hubs_own_client_finds_them(hub: Hub, weights: bytes) -> None:
    from huggingface_hub import try_to_load_from_cache

    list(fetch(BACKBONE))
    found = try_to_load_from_cache(REPOSITORY, "model.safetensors", cache_dir=str(download.hub_cache()))
    assert isinstance(found, str) and Path(found).read_bytes() == weights


def test_a_line_that_breaks_again_and_again_still_brings_all(hub: Hub, weights: bytes) -> None:
    hub.cut = len(weights) // 7 + 1
    assert list(fetch(BACKBONE))[-1][0] == len(weights)
    assert len([1 for what, path, _ in hub.asked if what == "GET" and path.startswith("/store/")]) == 7


def test_a_broken_download_goes_on_where_it_stopped(hub: Hub, weights: bytes, tmp_path: Path) -> None:
    half = len(weights) // 2
    hub.cut = half
    coming = fetch(BACKBONE)
    while next(coming)[0] < half // 2:
        pass
    coming.close()  # as a run that is stopped does
    (part,) = (file for file in kept(tmp_path) if file.name.endswith("-part"))
    was = part.stat().st_size
    assert 0 < was < len(weights) and not is_cached(BACKBONE)
    hub.cut = None
    assert next(iter(told := list(fetch(BACKBONE))))[0] == was and told[-1][0] == len(weights)
    assert is_cached(BACKBONE) and not any(file.name.endswith("-part") for file in kept(tmp_path))


def test_a_line_that_brings_nothing_more_is_said_with_what_came(
    hub: Hub, weights: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.cut = 0
    with pytest.raises(WeightsError, match="connection broke after 0 of") as broke:
        list(fetch(BACKBONE))
    assert "goes on where it stopped" in broke.value.remedy


def test_a_server_that_always_begins_at_the_beginning_is_understood(hub: Hub, weights: bytes, tmp_path: Path) -> None:
    blobs = tmp_path / "hub" / f"models--{REPOSITORY.replace('/', '--')}" / "blobs"
    blobs.mkdir(parents=True)
    (blobs / f"{hashlib.sha256(weights).hexdigest()}.thaw-part").write_bytes(b"what came before")
    hub.ranges = False
    list(fetch(BACKBONE))
    assert is_cached(BACKBONE)


def test_what_came_damaged_is_thrown_away(hub: Hub, weights: bytes, tmp_path: Path) -> None:
    blobs = tmp_path / "hub" / f"models--{REPOSITORY.replace('/', '--')}" / "blobs"
    blobs.mkdir(parents=True)
    (blobs / f"{hashlib.sha256(weights).hexdigest()}.thaw-part").write_bytes(b"x" * 1000)
    with pytest.raises(WeightsError, match="damaged"):
        list(fetch(BACKBONE))
    list(fetch(BACKBONE))
    assert is_cached(BACKBONE)


@pytest.mark.parametrize(("status", "said"), [(401, "agreed to its terms"), (403, "agreed"), (500, "answer 500")])
def test_a_refusal_is_explained(hub: Hub, status: int, said: str) -> None:
    hub.refuses = status
    with pytest.raises(WeightsError, match=said):
        list(fetch(BACKBONE))


def test_weights_that_are_gone_are_named(hub: Hub) -> None:
    hub.files.clear()
    with pytest.raises(WeightsError, match="no weights at timm/test_resnet"):
        list(fetch(BACKBONE))


def test_the_key_to_the_hub_is_shown_to_the_hub_alone(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    list(fetch(BACKBONE))
    shown = {("/store/" in path, key) for _, path, key in hub.asked if path != "/"}
    assert shown == {(False, "Bearer hf_secret"), (True, None)}


def test_offline_it_fails_within_five_seconds(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    began = time.monotonic()
    with pytest.raises(WeightsError, match="cannot be reached"):
        list(fetch(BACKBONE))
    assert time.monotonic() - began < 5


def test_weights_with_an_address_of_their_own_come_too(hub: Hub, tmp_path: Path) -> None:
    hub.files["old.pth"] = b"numbers" * 1000
    told = list(download.from_address(f"{hub.url}/store/old.pth"))
    assert told[-1] == (7000, 7000) and (tmp_path / "torch/hub/checkpoints/old.pth").read_bytes() == b"numbers" * 1000


def test_a_run_tells_of_the_download_and_trains_on_it(hub: Hub, pictures, tmp_path: Path) -> None:
    recipe = tiny(pictures(), model__backbone=BACKBONE, model__pretrained=True, schedule__epochs=1)
    events = list(train(recipe))
    came = [event for event in events if isinstance(event, Prepared) and event.unit == "bytes"]
    assert came and came[-1].done == came[-1].total and BACKBONE in came[-1].doing
    assert isinstance(events[-1], Finished) and not events[-1].stopped
    half = Progress.of([Prepared("Downloading", 5_000_000, 10_000_000, unit="bytes")], recipe, held=True)
    assert half.share_done == 0.5 and half.sentence == "Downloading: 5 of 10 MB."


def test_a_run_that_is_stopped_while_it_downloads_ends_kindly(hub: Hub, pictures) -> None:
    recipe = tiny(pictures(), model__backbone=BACKBONE, model__pretrained=True)
    events = list(train(recipe, asked=lambda: Wishes(stop=True)))
    assert isinstance(events[-1], Finished) and events[-1].stopped and not is_cached(BACKBONE)
    assert isinstance(recipe, Recipe)
