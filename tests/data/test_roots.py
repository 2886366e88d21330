"""A studio that was told which folders it may open stays inside them, whatever path or link it is given."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from studio.data.library import Library
from studio.data.picture import thumbnail
from studio.data.roots import Roots
from studio.errors import DataError, StudioError
from studio.workspace import Workspace
from tests.traversal import Traversal

Pictures = Callable[..., Path]


@pytest.fixture(autouse=True)
def of_this_test_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THAW_ALLOW", "[]")


def test_untold_everything_may_be_opened(workspace: Workspace, pictures: Pictures) -> None:
    assert Roots.told(workspace).hold(Path("/anywhere"))
    assert Library(workspace).add(pictures()).kind == "folder"


def test_only_what_lies_in_a_root_is_opened(workspace: Workspace, pictures: Pictures, tmp_path: Path) -> None:
    inside, outside = pictures(name="allowed/pets"), pictures(name="elsewhere")
    (tmp_path / "allowed" / "link").symlink_to(outside)
    (tmp_path / "allowedtoo").symlink_to(outside)
    Roots.chosen([tmp_path / "allowed"]).tell()
    library = Library(workspace)
    assert library.add(inside).source == str(inside)
    ways_out = ("elsewhere", "allowed/link", "allowed/../elsewhere", "allowedtoo", "nothing there", "allowed/../../..")
    for way in (*(str(tmp_path / out) for out in ways_out), f"file://{outside}", f"'{outside}'", "/", "~"):
        with pytest.raises(DataError, match="outside the folders") as caught:
            library.add(way)
        assert "--allow" in caught.value.remedy


def test_what_was_opened_before_is_hidden_while_it_lies_outside(
    workspace: Workspace, pictures: Pictures, tmp_path: Path
) -> None:
    library = Library(workspace)
    entry = library.add(pictures(name="elsewhere"))
    (tmp_path / "allowed").mkdir()
    Roots.chosen([tmp_path / "allowed"]).tell()
    assert library.all() == []
    for deed in (library.get, library.open, library.forget):
        with pytest.raises(DataError, match="no dataset"):
            deed(entry.id)
    Roots().tell()
    assert library.all() == [entry]


def test_the_workspace_itself_may_be_opened(workspace: Workspace, pictures: Pictures, tmp_path: Path) -> None:
    uploaded = workspace.uploads / "u1" / "pets"
    uploaded.parent.mkdir()
    pictures().rename(uploaded)
    (tmp_path / "allowed").mkdir()
    Roots.chosen([tmp_path / "allowed"]).tell()
    assert Library(workspace).add(uploaded).kind == "upload"


def test_a_root_is_a_folder(tmp_path: Path) -> None:
    with pytest.raises(StudioError, match="no such folder"):
        Roots.chosen([tmp_path / "gone"])


def test_a_root_that_is_a_link_means_where_it_leads(workspace: Workspace, pictures: Pictures, tmp_path: Path) -> None:
    root = pictures(name="real/pets")
    (tmp_path / "short").symlink_to(tmp_path / "real")
    Roots.chosen([tmp_path / "short"]).tell()
    assert Roots.told(workspace).hold(root) and not Roots.told(workspace).hold(tmp_path)


def test_no_typed_path_and_no_table_leads_out(tmp_path: Path) -> None:
    with Traversal(tmp_path) as attempts:
        attempts.of_openers(400)
    assert os.environ["THAW_ALLOW"] == "[]"


def test_the_attempts_would_notice_a_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Traversal(tmp_path) as attempts:
        monkeypatch.setattr(Roots, "hold", lambda *_: True)
        with pytest.raises(AssertionError):
            attempts.of_openers(400)
        with pytest.raises(AssertionError):
            attempts.look("/x", thumbnail(attempts.outside / "pets" / "cat" / "0.png", 96))
        with pytest.raises(AssertionError):
            attempts.look("/x", (attempts.outside / "secret.txt").read_bytes())
