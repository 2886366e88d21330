"""The command line: one JSON document on stdout, one sentence for a user's error, three exit statuses."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from studio import cli
from studio.recipe import Recipe
from studio.runs.run import Run
from studio.runs.store import Store
from studio.workspace import Workspace

Thaw = Callable[..., tuple[int, str, str]]


@pytest.fixture
def thaw(workspace: Workspace, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Thaw:
    """`thaw("runs", "--json")` is (exit status, stdout, stderr), in a workspace of its own."""

    def run(*arguments: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["thaw", *map(str, arguments)])
        monkeypatch.setenv("THAW_WORKSPACE", str(workspace.root))
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capfd.readouterr()
        return int(ended.value.code or 0), out, err

    return run


def document(result: tuple[int, str, str]) -> Any:
    status, out, err = result
    assert status == 0, err
    assert out.count("\n") == 1, "exactly one JSON document goes to stdout"
    return json.loads(out)


def test_from_a_folder_to_a_prediction(thaw: Thaw, pictures: Callable[..., Path]) -> None:
    source = pictures(each=10)
    made = document(thaw("train", source, "--image-size", "64", "--epochs", "3", "--name", "first", "--json"))
    assert set(made) == {
        "run",
        "status",
        "backbone",
        "stages",
        "frozen_stages",
        "parameters",
        "trainable_parameters",
        "classes",
        "train_images",
        "val_images",
        "epochs",
        "seconds",
        "images_per_second",
        "train_loss",
        "val_loss",
        "val_accuracy",
        "val_accuracy_low",
        "val_accuracy_high",
        "checkpoint",
    }
    assert made["status"] == "finished" and made["epochs"] == 3 and made["classes"] == ["cat", "dog"]
    assert Path(made["checkpoint"]).is_file()

    (row,) = document(thaw("runs", "--json"))
    assert row["run"] == made["run"] and row["name"] == "first"
    shown = document(thaw("show", made["run"], "--json"))
    assert shown["recipe"]["model"]["image_size"] == 64 and shown["val_accuracy"] == made["val_accuracy"]
    assert any("already seen by the frozen part" in note for note in shown["notes"])

    picture = source / "cat" / "cat-000.png"
    (told,) = document(thaw("predict", "first", picture, "--json"))
    assert told["path"] == str(picture) and set(told["probabilities"]) == {"cat", "dog"}
    assert told["confidence"] == max(told["probabilities"].values()) == told["probabilities"][told["label"]]

    measured = document(thaw("evaluate", made["run"], source, "--json"))
    assert measured["images"] == 20 and set(measured["per_class"]["cat"]) == {"precision", "recall", "f1", "support"}
    assert sum(map(sum, measured["confusion"])) == 20
    assert measured["accuracy_low"] <= measured["accuracy"] <= measured["accuracy_high"]


def test_a_recipe_file_and_set_train_too(thaw: Thaw, pictures: Callable[..., Path], tmp_path: Path) -> None:
    recipe = Recipe(name="from a file").amended(
        {
            "data.source": str(pictures()),
            "schedule.epochs": 5,
            "model.backbone": "test_resnet",
            "model.pretrained": False,
        }
    )
    path = tmp_path / "recipe.toml"
    path.write_text(recipe.to_toml())
    made = document(
        thaw(
            "train",
            path,
            "--set",
            "schedule.epochs=1",
            "--set",
            "model.image_size=32",
            "--strategy",
            "full",
            "--depth",
            "2",
            "--json",
        )
    )
    assert made["epochs"] == 1 and made["backbone"] == "test_resnet"
    asked = document(thaw("show", made["run"], "--json"))["recipe"]
    assert asked["name"] == "from a file" and asked["freeze"]["depth"] == 2


def test_a_recipe_finds_its_pictures_beside_itself(
    thaw: Thaw, pictures: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    source = pictures(name="beside")
    recipe = Recipe().amended({"data.source": "beside", "model.backbone": "test_resnet", "model.pretrained": False})
    path = source.parent / "recipe.toml"
    path.write_text(recipe.amended({"model.image_size": 32, "schedule.epochs": 1}).to_toml())
    monkeypatch.chdir("/")
    assert document(thaw("train", path, "--json"))["status"] == "finished"


@pytest.mark.parametrize("command", [(), ("ui",)])
def test_thaw_alone_serves_the_studio_as_ui_does(
    thaw: Thaw, workspace: Workspace, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    from studio.ui import server

    asked: list[dict[str, Any]] = []
    monkeypatch.setattr(server, "serve", lambda place, **choices: asked.append({"root": place.root, **choices}))
    assert thaw(*command, "--port", "8777", "--no-browser")[0] == 0
    assert asked == [{"root": workspace.root, "host": "127.0.0.1", "port": 8777, "browser": False}]


def test_a_depth_alone_thaws_the_stages_behind_it(thaw: Thaw, pictures: Callable[..., Path]) -> None:
    made = document(
        thaw(
            "train",
            pictures(),
            "--backbone",
            "test_resnet",
            "--set",
            "model.pretrained=false",
            "--image-size",
            "32",
            "--depth",
            "2",
            "--epochs",
            "3",
            "--json",
        )
    )
    assert made["frozen_stages"] == 2 and len(made["stages"]) == 5
    assert made["trainable_parameters"] > made["parameters"] // 2


def test_check_speaks_json(thaw: Thaw, pictures: Callable[..., Path]) -> None:
    source = pictures()
    (source / "cat" / "broken.jpg").write_bytes(b"<html>not a picture</html>")
    report = document(thaw("check", source, "--json"))
    assert set(report) >= {"verdict", "images", "classes", "seconds", "findings"}
    assert report["verdict"] in ("ready", "attention", "not-ready") and report["classes"] == {"cat": 6, "dog": 6}
    unreadable = next(finding for finding in report["findings"] if finding["check"] == "unreadable")
    assert unreadable["images"] == ["cat/broken.jpg"]
    assert set(unreadable) >= {"check", "severity", "sentence", "images", "groups", "value", "remedy"}


def test_backbones_lists_what_is_inside_first(thaw: Thaw) -> None:
    found = document(thaw("backbones", "efficientnet_lite", "--json"))
    assert found[0] == {"name": "tf_efficientnet_lite0", "weights": "inside"}


@pytest.mark.parametrize(
    "arguments",
    [
        ("train", "nowhere"),
        ("check", "nowhere.zip"),
        ("show", "nothing"),
        ("predict", "nothing", "x.png"),
        ("evaluate", "nothing", "."),
        ("train", "nowhere.toml"),
        ("train", ".", "--lr", "-1"),
        ("train", ".", "--set", "optimizer.speed=3"),
        ("train", ".", "--strategy", "sideways"),
        ("runs", "--workspace", "/dev/null/x"),
    ],
)
def test_a_users_error_is_one_sentence_and_status_1(thaw: Thaw, arguments: tuple[str, ...]) -> None:
    status, out, err = thaw(*arguments)
    assert status == 1 and out == ""
    said = err.strip().splitlines()[-1]
    assert "Traceback" not in err and len(said) > 20


@pytest.mark.parametrize(
    "arguments",
    [
        ("train",),
        ("fly",),
        ("train", "x", "--epochs", "many"),
        ("train", "x", "--set", "epochs"),
        ("ui", "--port", "0"),
    ],
)
def test_wrong_usage_is_status_2(thaw: Thaw, arguments: tuple[str, ...]) -> None:
    assert thaw(*arguments)[0] == 2


def test_a_failed_run_exits_with_its_reason(thaw: Thaw, pictures: Callable[..., Path]) -> None:
    status, out, err = thaw("train", pictures(), "--backbone", "resnet9000", "--json")
    assert status == 1 and out == "" and "resnet9000" in err


def test_no_runs_yet_says_what_to_do(thaw: Thaw) -> None:
    assert "thaw demo" in thaw("runs")[1]
    assert document(thaw("runs", "--json")) == []


def test_a_name_cannot_steer_the_terminal(thaw: Thaw, workspace: Workspace) -> None:
    Store(workspace).create(Recipe(name="\x1b[2J\x1b]0;evil\x07name").amended({"data.source": "x"}))
    assert "\x1b" not in thaw("runs")[1]


def test_asking_for_the_version_imports_no_torch() -> None:
    code = "import sys; sys.argv = ['thaw', '--version']\n"
    code += "from studio import cli\ntry: cli.main()\nexcept SystemExit: pass\n"
    code += "assert 'torch' not in sys.modules and 'streamlit' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.startswith("thaw ")


@pytest.mark.parametrize("more", [(), ("--json",)])
def test_a_run_stopped_before_it_learnt_anything_ends_well(
    thaw: Thaw, pictures: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, more: tuple[str, ...]
) -> None:
    monkeypatch.setattr(Run, "requested", lambda *_: True)
    status, out, _ = thaw("train", pictures(), *more)
    assert status == 0
    if more:
        told = json.loads(out)
        assert told["status"] == "stopped" and told["val_accuracy"] is None and told["checkpoint"] is None
    else:
        assert "no weights to keep" in out


def test_a_document_is_ascii_whatever_the_files_are_called(thaw: Thaw, workspace: Workspace) -> None:
    Store(workspace).create(Recipe(name="猫").amended({"data.source": "x"}))
    status, out, _ = thaw("runs", "--json")
    assert status == 0 and out.isascii() and json.loads(out)[0]["name"] == "猫"
