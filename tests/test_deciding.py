"""`thaw decide` and `thaw decisions`: what the page can do with single pictures, from the command line."""

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

from studio.data.intake import open_data
from studio.runs import launch
from studio.runs.store import Store
from studio.workspace import Workspace
from tests.command import Thaw, document
from tests.training.recipes import tiny

Pictures = Callable[..., Path]


def test_pictures_are_decided_on_listed_and_taken_back(thaw: Thaw, workspace: Workspace, pictures: Pictures) -> None:
    source = pictures()
    status, out, _ = thaw("decide", source, "set-aside", "cat/cat-000.png", source / "cat" / "cat-001.jpg")
    assert status == 0 and out.startswith("Set aside: 2 pictures.")
    told = document(
        thaw("decide", source, "move", "cat/cat-002.png", "--label", "dog", "--check", "mislabelled", "--json")
    )
    assert told == {"action": "move", "pictures": ["cat/cat-002.png"]}
    assert thaw("decide", source, "keep", "dog/dog-000.png", "--check", "dark")[1].startswith(
        "Kept out of 'dark': 1 picture."
    )
    assert open_data(source, workspace).counts() == {"cat": 3, "dog": 7}
    assert document(thaw("check", source, "--json"))["images"] == 10

    rows = document(thaw("decisions", source, "--json"))
    assert [(row["path"], row["action"], row["label"], row["check"], row["holds"]) for row in rows] == [
        ("cat/cat-000.png", "set-aside", "", "", True),
        ("cat/cat-001.jpg", "set-aside", "", "", True),
        ("cat/cat-002.png", "move", "dog", "mislabelled", True),
        ("dog/dog-000.png", "keep", "", "dark", True),
    ]
    assert all(set(row) == {"path", "action", "label", "check", "at", "size", "holds"} for row in rows)
    (source / "cat/cat-000.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    lines = thaw("decisions", source)[1].splitlines()
    assert lines[0].startswith("cat/cat-000.png: set aside  (without effect")
    assert lines[2] == "cat/cat-002.png: moved to dog (mislabelled)"

    assert document(thaw("decide", source, "undo", "--json")) == {"action": "undo", "pictures": 1}
    assert "1 picture." in thaw("decide", source, "undo")[1] and "2 pictures." in thaw("decide", source, "undo")[1]
    assert thaw("decide", source, "undo")[:2] == (0, "There is nothing to undo.\n")
    assert document(thaw("decisions", source, "--json")) == [] and "Nothing" in thaw("decisions", source)[1]


def test_a_run_tells_what_it_was_trained_under(thaw: Thaw, workspace: Workspace, pictures: Pictures) -> None:
    source = pictures()
    assert thaw("decide", source, "set-aside", "cat/cat-000.png")[0] == 0
    run = Store(workspace).create(tiny(source, schedule__epochs=1))
    launch.execute(run)
    told = "Trained under 1 decision: 1 picture set aside."
    assert told in thaw("show", run.id)[1].splitlines() and told in document(thaw("show", run.id, "--json"))["notes"]


def test_a_picture_set_aside_can_be_moved_instead_and_moved_back(
    thaw: Thaw, workspace: Workspace, pictures: Pictures
) -> None:
    source = pictures()
    for deed in (("set-aside",), ("move", "--label", "dog"), ("move", "--label", "cat")):
        assert thaw("decide", source, deed[0], "cat/cat-000.png", *deed[1:])[0] == 0
    assert open_data(source, workspace).counts() == {"cat": 6, "dog": 6}


def test_a_table_for_a_spreadsheet_holds_no_formula(thaw: Thaw, pictures: Pictures, tmp_path: Path) -> None:
    source = pictures()
    name = "cat/=1+1\u202e\n.png"
    (source / name).write_bytes((source / "cat/cat-000.png").read_bytes())
    assert thaw("decide", source, "set-aside", name)[0] == 0
    out = thaw("decisions", source, "--out", tmp_path / "out.csv")[1]
    assert "\u202e" not in out and out.count("\n") == 2 and out.endswith("out.csv\n")
    with (tmp_path / "out.csv").open(encoding="utf-8-sig", newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["path"] == name and row["action"] == "set-aside" and row["at"].endswith("+00:00")
    assert [one["path"] for one in document(thaw("decisions", source, "--json"))] == [name]
    assert thaw("decisions", source, "--out", tmp_path / "no" / "out.csv")[0] == 1


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("set-aside",), 2, "at least one picture"),
        (("move", "cat/cat-000.png"), 2, "--label"),
        (("set-aside", "cat/cat-000.png", "--label", "dog"), 2, "--label"),
        (("keep", "cat/cat-000.png"), 2, "--check"),
        (("delete", "cat/cat-000.png"), 2, "delete"),
        (("move", "cat/cat-000.png", "--label", "bird"), 1, "no class 'bird'"),
        (("set-aside", "cat/cat-000.png", "cat/gone.png"), 1, "no picture 'cat/gone.png'"),
        (("set-aside", "../elsewhere.png"), 1, "no picture"),
    ],
)
def test_what_cannot_be_decided_changes_nothing(
    thaw: Thaw, pictures: Pictures, arguments: tuple[str, ...], status: int, words: str
) -> None:
    source = pictures()
    ended, out, err = thaw("decide", source, *arguments)
    assert ended == status and words in err and out == ""
    assert document(thaw("decisions", source, "--json")) == []


def test_damaged_decisions_are_told_in_one_sentence(thaw: Thaw, workspace: Workspace, pictures: Pictures) -> None:
    source = pictures()
    assert thaw("decide", source, "set-aside", "cat/cat-000.png")[0] == 0
    (file,) = workspace.datasets.rglob("decisions.json")
    file.write_text("{")
    for command in (("decide", source, "undo"), ("decisions", source), ("check", source)):
        status, out, err = thaw(*command)
        assert status == 1 and out == "" and err.strip().count("\n") == 0 and "decisions.json" in err
    assert file.read_text() == "{"
