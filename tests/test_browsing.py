"""`thaw backbones`: the list of the Model page, with its filters, for people and as JSON."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import timm
from safetensors.torch import save_file

from studio import cli
from studio.model import listing, pace
from studio.workspace import Workspace

Backbones = Callable[..., tuple[int, str, str]]


@pytest.fixture
def backbones(workspace: Workspace, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Backbones:
    """`backbones("resnet", "--json")` is (exit status, stdout, stderr)."""
    monkeypatch.setenv("THAW_WORKSPACE", str(workspace.root))

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["thaw", "backbones", *arguments])
        with pytest.raises(SystemExit) as left:
            cli.main()
        out, err = capfd.readouterr()
        return int(left.value.code or 0), out, err

    return run


def found(answer: tuple[int, str, str]) -> list[dict[str, Any]]:
    status, out, err = answer
    assert status == 0, err
    return json.loads(out)


def test_it_is_the_list_of_the_page(backbones: Backbones) -> None:
    told = found(backbones("--json", "--family", "mobilenet", "--most-parameters", "6", "--order", "accuracy"))
    wanted = listing.Wanted(families=("mobilenet",), most_parameters=6e6, order="accuracy")
    assert [row["name"] for row in told] == [row.name for row in listing.choose(listing.rows(), wanted)]
    assert len(told) > 20 and told[0]["accuracy"] > 0.75
    assert all(row["family"] == "mobilenet" and row["parameters"] <= 6e6 and row["pace_is"] is None for row in told)


def test_every_filter_reaches_it(backbones: Backbones) -> None:
    told = found(
        backbones(
            "--json", "--every", "--where", "download", "--licence", "free", "--size", "200-224", "--most-work", "2"
        )
    )
    assert told and all(
        row["weights"] == "download" and row["allows"] == "free" and 200 <= row["size"] <= 224 and row["flops"] <= 2e9
        for row in told
    )
    assert {row["name"] for row in found(backbones("--json", "--where", "inside"))} >= {"tf_efficientnet_lite0"}


def test_networks_that_a_file_fits_are_among_them(backbones: Backbones, tmp_path: Path) -> None:
    file = tmp_path / "mine.safetensors"
    save_file(timm.create_model("test_resnet", num_classes=5).state_dict(), file)
    names = [row["name"].partition(".")[0] for row in found(backbones("--json", "--fits", str(file)))]
    assert names == ["test_resnet"]
    both = {row["weights"] for row in found(backbones("--json", "--fits", str(file), "--where", "inside"))}
    assert "inside" in both and len(both) == 2
    status, _, err = backbones("--fits", str(tmp_path / "none.pth"))
    assert status == 1 and "There is no such file" in err and "Traceback" not in err


def test_what_was_measured_and_what_is_estimated_are_told_apart(backbones: Backbones, workspace: Workspace) -> None:
    lite = listing.find("tf_efficientnet_lite0", listing.rows())
    assert lite
    pace.keep(workspace, lite, 200.0)
    told = {row["name"]: row for row in found(backbones("--json", "*lite0"))}
    assert told["tf_efficientnet_lite0"]["pictures_per_second"] == 200
    assert told["tf_efficientnet_lite0"]["pace_is"] == "measured"
    other = told["efficientnet_lite0.ra_in1k"]  # as much work, with another padding
    assert other["pace_is"] == "estimated"
    assert 100 < other["pictures_per_second"] < 400


def test_for_people_it_is_a_table(backbones: Backbones) -> None:
    status, out, _ = backbones("resnet50", "--every")
    lines = out.splitlines()
    assert status == 0 and len(lines) > 15
    assert any(
        "resnet50.tv_in1k" in line and "76.2 %" in line and "25.6 M" in line and "102 MB away" in line for line in lines
    )
    assert backbones("nothing-like-it")[1] == "No backbone is like that.\n"


@pytest.mark.parametrize(
    ("option", "value"), [("--family", "cats"), ("--order", "taste"), ("--where", "moon"), ("--size", "big")]
)
def test_what_there_is_not_is_said(backbones: Backbones, option: str, value: str) -> None:
    status, out, err = backbones(option, value)
    assert status == 1 and out == "" and value in err and "Traceback" not in err
