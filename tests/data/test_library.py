"""The library remembers what was opened, and keeps it in memory while nothing changes."""

import os
import threading
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from studio.data import library as libraries
from studio.data.library import Library
from studio.errors import DataError
from studio.workspace import Workspace

Pictures = Callable[..., Path]


@pytest.fixture
def library(workspace: Workspace) -> Library:
    return Library(workspace)


def settle() -> None:
    """Long enough for a file system to tell the next change from the last one."""
    time.sleep(0.06)


def test_the_same_source_has_one_id_however_it_is_named(library: Library, pictures: Pictures) -> None:
    root = pictures(name="My pets!")
    first = library.add(root)
    again = library.add(f'"{root}/../{root.name}/"', name="Pets")
    assert again.id == first.id and first.id.startswith("my-pets-") and len(first.id) == len("my-pets-") + 6
    assert [entry.name for entry in library.all()] == ["Pets"]
    assert library.add(root).name == "Pets"
    assert library.add(pictures(name="My pets?")).id != first.id


def test_an_entry_says_what_it_is(library: Library, workspace: Workspace, pictures: Pictures) -> None:
    root = pictures()
    with zipfile.ZipFile(root.parent / "z.zip", "w") as target:
        for path in root.rglob("*.png"):
            target.write(path, path.relative_to(root))
    rows = "".join(f"{path.relative_to(root.parent)},{path.parent.name}\n" for path in root.rglob("*.png"))
    (root.parent / "t.csv").write_text("path,label\n" + rows)
    upload = workspace.uploads / "u1" / "pets"
    (upload.parent).mkdir()
    pictures(name="moved").rename(upload)
    sources = {"folder": root, "zip": root.parent / "z.zip", "table": root.parent / "t.csv", "upload": upload}
    for kind, source in sources.items():
        entry = library.add(source)
        assert entry.kind == kind and entry.source == str(source)
        assert entry.folder == workspace.datasets / entry.id and entry.folder.is_dir()
        assert library.get(entry.id) == entry and library.open(entry.id).classes == ("cat", "dog")
    assert [entry.kind for entry in library.all()] == ["upload", "table", "zip", "folder"]


def test_what_is_no_dataset_is_not_remembered(library: Library, workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(DataError):
        library.add(tmp_path / "gone")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no pictures"):
        library.add(tmp_path / "empty")
    assert library.all() == [] and list(workspace.datasets.iterdir()) == []


def test_another_library_and_another_process_see_the_same(
    library: Library, workspace: Workspace, pictures: Pictures
) -> None:
    entry = library.add(pictures(), name='A "name" \\ with = odd\n[signs] \u2603')
    libraries._memory.clear()
    other = Library(workspace)
    assert other.all() == [entry] and other.open(entry.id) == library.open(entry.id)


@pytest.mark.parametrize(
    "record",
    [
        b"",
        b"name = 1",
        b"\xff\xfe",
        b'name = "x"\nsource = "/"\nkind = "odd"\nopened_at = 1.0',
        b'name = "x"\nsource = "/"\nkind = "zip"\nopened_at = "x"',
    ],
)
def test_a_damaged_record_is_left_out_and_the_others_are_there(
    library: Library, workspace: Workspace, pictures: Pictures, record: bytes
) -> None:
    entry = library.add(pictures())
    (workspace.datasets / "odd-123456").mkdir()
    (workspace.datasets / "odd-123456" / "dataset.toml").write_bytes(record)
    (workspace.datasets / "stray.txt").write_text("x")
    assert library.all() == [entry]
    with pytest.raises(DataError, match="no dataset 'odd-123456'"):
        library.get("odd-123456")


@pytest.mark.parametrize("id", ["", ".", "..", "../runs", "a/b", "unknown-000000"])
def test_an_id_is_never_a_way_out(library: Library, id: str) -> None:
    with pytest.raises(DataError, match="no dataset"):
        library.get(id)


def test_opening_again_costs_nothing_until_a_folder_changes(library: Library, pictures: Pictures) -> None:
    root = pictures(each=20)
    settle()
    entry = library.add(root)
    first = library.open(entry.id)
    assert library.open(entry.id) is first
    began = time.process_time()
    for _ in range(100):
        library.open(entry.id)
    assert (time.process_time() - began) / 100 < 0.003
    settle()
    (root / "cat" / "new.png").write_bytes((root / "cat" / "cat-000.png").read_bytes())
    assert len(library.open(entry.id).samples) == len(first.samples) + 1
    (root / "bird").mkdir()
    (root / "bird" / "1.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(20))
    assert library.open(entry.id).classes == ("bird", "cat", "dog")


def test_a_change_right_after_the_first_look_is_seen(library: Library, pictures: Pictures) -> None:
    root = pictures()
    entry, before = library.add(root), (root / "dog").stat().st_mtime_ns
    (root / "dog" / "new.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(20))
    os.utime(root / "dog", ns=(before, before))  # as on a file system with a coarse clock
    assert any(sample.path == "dog/new.png" for sample in library.open(entry.id).samples)


def test_refresh_reads_again(library: Library, pictures: Pictures) -> None:
    root = pictures()
    settle()
    entry = library.add(root)
    first = library.open(entry.id)
    picture = root / "cat" / "cat-000.png"
    with picture.open("r+b") as handle:
        handle.write(b"no longer a picture")
    assert library.open(entry.id) is first
    assert len(library.open(entry.id, refresh=True).samples) == len(first.samples) - 1


def test_a_changed_table_is_read_again(library: Library, pictures: Pictures) -> None:
    root = pictures()
    table = root / "only.csv"
    table.write_text("path,label\ncat/cat-000.png,a\ndog/dog-000.png,b\n")
    settle()
    entry = library.add(table)
    assert library.open(entry.id).classes == ("a", "b")
    settle()
    table.write_text("path,label\ncat/cat-000.png,a\ndog/dog-000.png,c\n")
    assert library.open(entry.id).classes == ("a", "c")


def test_many_sessions_that_open_at_once_read_once(
    library: Library, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = pictures()
    settle()
    entry, read, calls = library.add(root), libraries.open_watched, []
    libraries._memory.clear()
    monkeypatch.setattr(libraries, "open_watched", lambda *given: (calls.append(1), time.sleep(0.05), read(*given))[2])
    seen: list[int] = []
    threads = [threading.Thread(target=lambda: seen.append(id(library.open(entry.id)))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(calls) == 1 and len(set(seen)) == 1 and len(seen) == 8


def test_a_source_that_went_away_says_so(library: Library, pictures: Pictures) -> None:
    root = pictures()
    entry = library.add(root)
    root.rename(root.with_name("elsewhere"))
    with pytest.raises(DataError, match="nothing at this path"):
        library.open(entry.id)
    assert library.all() == [entry]


def test_forgetting_removes_the_record_and_imports_but_never_the_users_pictures(
    library: Library, workspace: Workspace, pictures: Pictures
) -> None:
    root, upload = pictures(), workspace.uploads / "u1" / "pets"
    upload.parent.mkdir()
    pictures(name="moved").rename(upload)
    for source in (root, upload):
        entry = library.add(source)
        library.forget(entry.id)
        assert not entry.folder.exists()
        with pytest.raises(DataError):
            library.open(entry.id)
    assert len(list(root.rglob("*.png"))) == 6 and not upload.parent.exists() and workspace.uploads.exists()
    assert library.all() == []
