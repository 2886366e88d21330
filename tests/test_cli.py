"""The command line: one JSON document on stdout, one sentence for a user's error, exit statuses to rely on."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from studio.recipe import Recipe
from studio.runs import launch
from studio.runs.progress import Progress
from studio.runs.run import Run
from studio.runs.store import Store
from studio.training.events import Prepared
from studio.training.wishes import Wishes
from studio.workspace import Workspace
from tests.command import Thaw, document
from tests.training.recipes import tiny


def test_from_scratch_everything_learns_at_the_full_rate(thaw: Thaw, pictures: Callable[..., Path]) -> None:
    made = document(thaw("train", pictures(), "--scratch", "--image-size", "64", "--epochs", "1", "--json"))
    recipe = document(thaw("show", made["run"], "--json"))["recipe"]
    assert recipe["model"]["pretrained"] is False and recipe["freeze"]["thaw_lr_factor"] == 1.0
    assert made["trainable_parameters"] == made["parameters"] and not made["frozen_stages"]


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
        "frozen_tensors",
        "frozen_changed",
        "cost",
    }
    assert made["frozen_tensors"] > 0 and made["frozen_changed"] == []
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
    assert asked == [
        {"root": workspace.root, "host": "127.0.0.1", "port": 8777, "browser": False, "token": None, "allow": ()}
    ]


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


def test_backbones_says_what_is_inside(thaw: Thaw) -> None:
    found = document(thaw("backbones", "efficientnet_lite", "--json"))
    assert {row["name"]: row["weights"] for row in found}["tf_efficientnet_lite0"] == "inside"


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
        ("pause", "nothing"),
        ("resume", "nothing"),
        ("extend", "nothing", "--epochs", "2"),
        ("thaw", "nothing", "--depth", "2"),
        ("tensorboard", "nothing"),
        ("queue", "add", "nowhere.toml"),
        ("queue", "add", ".", "--lr", "-1"),
        ("queue", "cancel", "nothing"),
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
        ("thaw", "x"),
        ("extend", "x"),
        ("extend", "x", "--epochs", "0"),
        ("queue", "fly"),
        ("queue", "move", "x", "0"),
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
def test_a_run_stopped_before_it_learnt_anything_says_so_with_status_3(
    thaw: Thaw, pictures: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, more: tuple[str, ...]
) -> None:
    monkeypatch.setattr("studio.runs.requests.Desk.wishes", lambda _: Wishes(stop=True))
    status, out, _ = thaw("train", pictures(), *more)
    assert status == 3
    if more:
        told = json.loads(out)
        assert told["status"] == "stopped" and told["val_accuracy"] is None and told["checkpoint"] is None
    else:
        assert "no weights to keep" in out


def test_a_document_is_ascii_whatever_the_files_are_called(thaw: Thaw, workspace: Workspace) -> None:
    Store(workspace).create(Recipe(name="猫").amended({"data.source": "x"}))
    status, out, _ = thaw("runs", "--json")
    assert status == 0 and out.isascii() and json.loads(out)[0]["name"] == "猫"


def test_a_workspace_named_before_the_command_holds_for_it(thaw: Thaw, tmp_path: Path) -> None:
    Store(Workspace.at(tmp_path / "other")).create(Recipe(name="there").amended({"data.source": "x"}))
    (row,) = document(thaw("--workspace", tmp_path / "other", "runs", "--json"))
    assert row["name"] == "there"


@pytest.fixture
def live(workspace: Workspace, pictures: Callable[..., Path]) -> Iterator[Run]:
    """A long run that this process trains."""
    run = Store(workspace).create(tiny(pictures(), schedule__epochs=9000))
    launch.start(run)
    until(run, lambda progress: len(progress.validated) > 0)
    yield run
    run.request("stop")
    until(run, lambda progress: not progress.is_live and not run.is_held())


def until(run: Run, so: Callable[[Progress], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not so(run.progress()):
        assert time.monotonic() < end, run.progress().sentence
        time.sleep(0.02)


def test_a_live_run_is_paused_and_goes_on(thaw: Thaw, live: Run) -> None:
    assert document(thaw("pause", live.id, "--json")) == {"run": live.id, "asked": {"pause": True}}
    until(live, lambda progress: progress.status == "paused")
    assert document(thaw("resume", live.id, "--json")) == {"run": live.id, "asked": {"pause": False}}
    until(live, lambda progress: progress.status == "training")
    status, out, err = thaw("resume", live.id)
    assert status == 1 and out == "" and "not paused" in err


def test_a_live_run_is_thawed_given_another_rate_and_more_epochs(thaw: Thaw, live: Run) -> None:
    asked = {"run": live.id, "asked": {"depth": 1, "lr": 0.002}}
    assert document(thaw("thaw", live.id, "--depth", "1", "--lr", "0.002", "--json")) == asked
    until(live, lambda progress: progress.lr == 0.002 and progress.thaws[-1].depth == 1)
    assert document(thaw("extend", live.id, "--epochs", "5", "--json"))["asked"] == {"epochs": 9005}
    until(live, lambda progress: progress.epochs == 9005)
    assert "keeps 2 stages frozen and learns at 0.001" in thaw("thaw", live.id, "--depth", "2", "--lr", "0.001")[1]
    assert thaw("thaw", live.id, "--lr", "nan")[0] == 1


def test_a_live_run_is_stopped(thaw: Thaw, live: Run) -> None:
    assert document(thaw("stop", live.id, "--json")) == {"run": live.id, "asked": {"stop": True}}
    until(live, lambda progress: progress.status == "stopped" and not live.is_held())


@pytest.mark.parametrize("asked", [("pause",), ("stop",), ("thaw", "--depth", "2"), ("thaw", "--lr", "0.1")])
def test_a_request_to_a_run_that_nobody_trains_says_so(
    thaw: Thaw, workspace: Workspace, asked: tuple[str, ...]
) -> None:
    run = Store(workspace).create(Recipe(name="idle").amended({"data.source": "x"}))
    for word in ("not started", "interrupted"):
        status, out, err = thaw(asked[0], run.id, *asked[1:])
        assert status == 1 and out == "" and word in err and err.count("\n") == 1
        run.log(Prepared("Waking the engine", 0, 0))
    assert not list(run.folder.glob("request.*")), "nothing is left for a later life of the run"


def test_an_ended_run_is_extended_and_taken_up_where_it_was(thaw: Thaw, pictures: Callable[..., Path]) -> None:
    network = ("--backbone", "test_resnet", "--set", "model.pretrained=false", "--image-size", "32", "--epochs", "2")
    made = document(thaw("train", pictures(), *network, "--json"))
    status, _, err = thaw("resume", made["run"])
    assert status == 1 and "thaw extend" in err
    longer = document(thaw("extend", made["run"], "--epochs", "3", "--json"))
    assert longer["run"] == made["run"] and longer["epochs"] == 5 and longer["status"] == "finished"
    assert document(thaw("show", made["run"], "--json"))["history"]["epoch"] == [1, 2, 3, 4, 5]


def test_a_run_that_was_interrupted_is_taken_up(
    thaw: Thaw, workspace: Workspace, pictures: Callable[..., Path]
) -> None:
    run = Store(workspace).create(tiny(pictures()))
    run.log(Prepared("Waking the engine", 0, 0))
    assert run.progress().status == "interrupted"
    assert document(thaw("resume", run.id, "--json"))["status"] == "finished"


def test_isolated_trains_in_a_process_of_its_own(
    thaw: Thaw, workspace: Workspace, pictures: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(Path(__file__).resolve().parent.parent)
    network = ("--backbone", "test_resnet", "--set", "model.pretrained=false", "--image-size", "32", "--epochs", "2")
    made = document(thaw("train", pictures(), *network, "--isolated", "--json"))
    run = Store(workspace).get(made["run"])
    assert made["status"] == "finished" and (run.folder / "process.log").is_file() and run.recipe.engine.isolated


def test_the_queue_from_the_command_line(thaw: Thaw, pictures: Callable[..., Path], tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text(tiny(pictures(), name="grid").to_toml())
    assert document(thaw("queue", "--json")) == [] and "Nothing waits" in thaw("queue")[1]
    added = document(thaw("queue", "add", path, "--seed", "1", "--seed", "2", "--lr", "0.01", "--json"))
    assert [(row["place"], row["name"]) for row in added] == [(1, "grid seed 1 lr 0.01"), (2, "grid seed 2 lr 0.01")]
    (third,) = document(thaw("queue", "add", path, "--name", "third", "--json"))
    moved = document(thaw("queue", "move", third["run"], "1", "--json"))
    assert [row["name"] for row in moved] == ["third", "grid seed 1 lr 0.01", "grid seed 2 lr 0.01"]
    left = document(thaw("queue", "cancel", added[1]["run"], "--json"))
    assert [row["name"] for row in left] == ["third", "grid seed 1 lr 0.01"]
    assert {row["status"] for row in document(thaw("runs", "--json"))} == {"waiting"}
    status, _, err = thaw("stop", third["run"])
    assert status == 1 and "waits in the queue" in err

    done = document(thaw("queue", "run", "--json"))
    assert [made["run"] for made in done] == [third["run"], added[0]["run"]]
    assert {made["status"] for made in done} == {"finished"}
    assert "Nothing waits" in thaw("queue", "run")[1]


def test_a_queue_with_a_run_that_fails_works_on_and_says_so(thaw: Thaw, pictures: Callable[..., Path]) -> None:
    thaw("queue", "add", pictures(name="gone") / "nowhere", "--name", "bad")
    network = ("--set", "model.backbone=test_resnet", "--set", "model.pretrained=false", "--set", "schedule.epochs=1")
    thaw("queue", "add", pictures(), *network, "--name", "good")
    status, out, err = thaw("queue", "run")
    assert status == 1 and "1 of 2 runs did not end well" in err and "Failed" in out and "Finished" in out


def test_a_runs_curves_can_be_opened_in_tensorboard(
    thaw: Thaw, workspace: Workspace, pictures: Callable[..., Path], tmp_path: Path
) -> None:
    from tests.runs.test_tensorboard import scalars_in

    run = Store(workspace).create(tiny(pictures()))
    launch.execute(run)
    told = document(thaw("tensorboard", run.id, "--out", tmp_path / "logs", "--json"))
    assert Path(told["file"]).parent == tmp_path / "logs" / run.id
    assert len(scalars_in(Path(told["file"]))["epoch/val_loss"]) == 2
    assert f"tensorboard --logdir {run.folder / 'tensorboard'}" in thaw("tensorboard", run.id)[1]
