"""A folder, a zip or a table becomes a Dataset; what cannot be used is set aside and named, never fatal."""

import os
import time
import unicodedata
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from studio.data.dataset import Dataset
from studio.data.intake import open_data, read_folder, read_table
from studio.errors import DataError
from studio.workspace import Workspace

PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)
Pictures = Callable[..., Path]


def put(root: Path, *paths: str, content: bytes = PNG) -> Path:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)
    return root


def labels(dataset: Dataset) -> dict[str, str]:
    return {sample.path: sample.label for sample in dataset.samples}


def aside(dataset: Dataset) -> dict[str, str]:
    return {item.path: item.reason for item in dataset.set_aside}


def test_class_folders_are_the_first_level_and_deeper_pictures_belong_to_them(tmp_path: Path) -> None:
    dataset = read_folder(put(tmp_path, "cat/1.png", "cat/2020/may/2.png", "dog/3.JPG", "dog/no-ending"))
    assert labels(dataset) == {
        "cat/1.png": "cat",
        "cat/2020/may/2.png": "cat",
        "dog/3.JPG": "dog",
        "dog/no-ending": "dog",
    }
    assert dataset.classes == ("cat", "dog") and dataset.set_aside == ()
    assert all(dataset.file(sample).is_file() and sample.split is None for sample in dataset.samples)


def test_samples_stand_in_the_order_of_their_paths(tmp_path: Path) -> None:
    dataset = read_folder(put(tmp_path, *(f"{c}/{n}.png" for n in (10, 9, 1) for c in ("b", "a", "b!"))))
    paths = [sample.path for sample in dataset.samples]
    assert paths == sorted(paths)


@pytest.mark.parametrize("names", [("train", "val", "test"), ("Train", "VALID", "Test"), ("train", "validation", "")])
def test_split_folders_are_known_in_any_case(tmp_path: Path, names: tuple[str, ...]) -> None:
    put(tmp_path, *(f"{name}/{label}/1.png" for name in names if name for label in ("a", "b")))
    dataset = read_folder(tmp_path)
    assert dataset.classes == ("a", "b")
    sides = {sample.path.split("/")[0]: sample.split for sample in dataset.samples}
    assert sides == {name: side for name, side in zip(names, ("train", "val", "test"), strict=True) if name}


def test_a_class_may_be_called_train_or_test(tmp_path: Path) -> None:
    dataset = read_folder(put(tmp_path, "train/1.png", "bus/1.png", "test/1.png"))
    assert dataset.classes == ("bus", "test", "train")
    assert {sample.split for sample in dataset.samples} == {None}


def test_what_lies_beside_split_folders_is_set_aside(tmp_path: Path) -> None:
    dataset = read_folder(put(tmp_path, "train/a/1.png", "train/b/1.png", "val/a/1.png", "more/x/1.png", "val/2.png"))
    assert len(dataset.samples) == 3
    assert "beside the train" in aside(dataset)["more/x/1.png"] and "no class" in aside(dataset)["val/2.png"]


@pytest.mark.parametrize("inner", [("cat/1.png", "dog/1.png"), ("train/cat/1.png", "train/dog/1.png", "val/cat/2.png")])
def test_folders_that_only_wrap_the_dataset_are_descended_into(tmp_path: Path, inner: tuple[str, ...]) -> None:
    put(tmp_path, *(f"download/pets/{path}" for path in inner), "readme.txt", "download/pets/cover.png")
    dataset = read_folder(tmp_path)
    assert dataset.classes == ("cat", "dog")
    assert {sample.split for sample in dataset.samples} <= {None, "train", "val"}
    assert any(sample.split for sample in dataset.samples) == (inner[0].startswith("train"))
    assert set(aside(dataset)) == {"readme.txt", "download/pets/cover.png"}
    assert dataset.file(dataset.samples[0]).is_file()


def test_loose_pictures_are_set_aside_with_the_reason(tmp_path: Path) -> None:
    dataset = read_folder(put(tmp_path, "a/1.png", "b/1.png", "cover.png"))
    assert aside(dataset) == {"cover.png": "It lies beside the class folders, so it has no class."}
    assert not dataset.set_aside[0].unreadable


def test_files_that_are_no_pictures_are_set_aside_and_named(tmp_path: Path) -> None:
    put(tmp_path, "a/1.png", "b/1.png")
    put(tmp_path, "a/page.jpg", content=b"\n<!DOCTYPE html><html>")
    put(tmp_path, "a/empty.png", content=b"")
    put(tmp_path, "a/noise.gif", content=b"GIF is what I am not")
    put(tmp_path, "a/phone.jpg", content=b"\0\0\0\x18ftypheic" + bytes(20))
    put(tmp_path, "a/phone.heic", "a/notes.txt", "b/more.zip", "a/table.csv", "b/no-ending", content=b"text")
    put(tmp_path, ".DS_Store", "a/Thumbs.db", "a/.hidden.png", "__MACOSX/a/._1.png", ".git/objects/a.png", "c/x.txt")
    dataset = read_folder(tmp_path)
    found = aside(dataset)
    assert list(labels(dataset)) == ["a/1.png", "b/1.png"]
    assert "web page" in found["a/page.jpg"] and "empty" in found["a/empty.png"]
    assert "something else" in found["a/noise.gif"] and "rchive" in found["b/more.zip"]
    assert "HEIC" in found["a/phone.heic"] and "HEIC" in found["a/phone.jpg"]
    assert "no pictures" in found["c"]
    assert set(found) == {
        "a/page.jpg",
        "a/empty.png",
        "a/noise.gif",
        "a/phone.jpg",
        "a/phone.heic",
        "a/notes.txt",
        "b/more.zip",
        "a/table.csv",
        "b/no-ending",
        ".DS_Store",
        "a/Thumbs.db",
        "a/.hidden.png",
        "__MACOSX",
        ".git",
        "c",
        "c/x.txt",
    }
    assert {item.path for item in dataset.set_aside if item.unreadable} == {
        "a/page.jpg",
        "a/empty.png",
        "a/noise.gif",
        "a/phone.jpg",
        "a/phone.heic",
    }
    assert sum(dataset.reasons().values()) == len(dataset.set_aside)


def test_class_names_are_any_text(tmp_path: Path) -> None:
    names = ["<b>bold", "*stars*", " spaces ", "猫", "line\nbreak", "$x^2$", "-rf", "%2e", "C:"]
    dataset = read_folder(put(tmp_path, *(f"{name}/1.png" for name in names)))
    assert dataset.classes == tuple(sorted(names))


def test_one_name_spelled_with_different_bytes_is_one_class(tmp_path: Path) -> None:
    composed, decomposed = (unicodedata.normalize(form, "café") for form in ("NFC", "NFD"))
    put(tmp_path, f"train/{composed}/1.png", f"val/{decomposed}/1.png", "train/tea/1.png")
    assert read_folder(tmp_path).classes == (composed, "tea")


@pytest.mark.skipif(os.name == "nt", reason="names are text there")
def test_a_name_that_is_no_text_is_set_aside_and_can_be_shown(tmp_path: Path) -> None:
    put(tmp_path, "a/1.png", "b/1.png")
    (Path(os.fsdecode(os.fsencode(tmp_path) + b"/a/caf\xe9.png"))).write_bytes(PNG)
    found = aside(read_folder(tmp_path))
    assert found == {r"a/caf\xe9.png": "Its name is no valid text."}


def test_links_that_leave_the_folder_are_not_followed(tmp_path: Path) -> None:
    outside, root = put(tmp_path / "outside", "secret.png", "deep/2.png"), put(tmp_path / "in", "a/1.png", "b/1.png")
    (root / "a" / "away.png").symlink_to(outside / "secret.png")
    (root / "away").symlink_to(outside)
    (root / "up").symlink_to(root.parent)
    (root / "loop").symlink_to(root / "a")
    (root / "a" / "nothing.png").symlink_to(root / "gone.png")
    (root / "b" / "inside.png").symlink_to(root / "a" / "1.png")
    dataset = read_folder(root)
    assert list(labels(dataset)) == ["a/1.png", "b/1.png", "b/inside.png"]
    assert set(aside(dataset)) == {"a/away.png", "away", "up", "loop", "a/nothing.png"}
    assert "out of the folder" in aside(dataset)["away"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_named_like_a_picture_does_not_hold_everything_up(tmp_path: Path) -> None:
    put(tmp_path, "a/1.png", "b/1.png")
    os.mkfifo(tmp_path / "a" / "pipe.png")
    assert aside(read_folder(tmp_path)) == {"a/pipe.png": "Not a file."}
    table = put(tmp_path, "t.csv", content=b"path,label\na/1.png,a\nb/1.png,b\na/pipe.png,a\n") / "t.csv"
    assert list(aside(read_table(table))) == ["a/pipe.png"]


@pytest.mark.parametrize(
    ("paths", "what"),
    [
        ((), "no pictures"),
        (("a.png", "b.png"), "lie loose"),
        (("a/1.png", "a/2.png"), "only one class, 'a'"),
        (("a/1.txt", "b/1.txt"), "2 of 2 files: Not a picture"),
    ],
)
def test_a_folder_that_is_no_dataset_is_told_what_one_looks_like(
    tmp_path: Path, paths: tuple[str, ...], what: str
) -> None:
    with pytest.raises(DataError, match=what) as caught:
        read_folder(put(tmp_path, *paths))
    assert "pets/cat/1.jpg" in caught.value.remedy and caught.value.where == str(tmp_path)


def test_sources_that_are_none_are_refused_in_words(tmp_path: Path, workspace: Workspace) -> None:
    put(tmp_path, "notes.txt", "broken.zip", content=b"text")
    for source, what in (
        (tmp_path / "gone", "nothing at this path"),
        (tmp_path / "notes.txt", "neither a folder"),
        (tmp_path / "broken.zip", "damaged"),
        ("", "No path"),
        ("  ", "No path"),
        ("a\0b", "cannot"),
        ("x" * 5000, "cannot be used"),
        (tmp_path / "notes.txt" / "in", "nothing at this path"),
    ):
        with pytest.raises(DataError, match=what):
            open_data(source, workspace)
    with pytest.raises(DataError, match="no such folder"):
        read_folder(tmp_path / "gone")


def test_a_path_may_be_typed_with_a_tilde_or_pasted_with_quotes(
    tmp_path: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = put(tmp_path / "my pets", "a/1.png", "b/1.png")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    for source in ("~/my pets", f'"{root}"', f" {root}\n", root.as_uri()):
        assert open_data(source, workspace).root == root.resolve()


def test_progress_is_told_and_ends_with_all(tmp_path: Path, workspace: Workspace) -> None:
    put(tmp_path / "in", *(f"{label}/{n}.png" for label in "ab" for n in range(300)))
    told: list[tuple[str, int, int]] = []
    open_data(tmp_path / "in", workspace, lambda *step: told.append(step))
    assert told[-1][1:] == (600, 600) and [done for _, done, _ in told] == sorted(done for _, done, _ in told)


def test_thousands_of_files_are_looked_through_in_a_moment(tmp_path: Path) -> None:
    put(tmp_path, *(f"c{n % 5}/{n}.png" for n in range(2000)))
    began = time.process_time()
    assert len(read_folder(tmp_path).samples) == 2000
    assert time.process_time() - began < 0.5


def table(root: Path, text: str, encoding: str = "utf-8") -> Path:
    return put(root, "labels.csv", content=text.encode(encoding)) / "labels.csv"


@pytest.mark.parametrize(
    "text",
    [
        "path,label,split\n1.png,cat,train\nx/2.png,dog,VAL\n",
        "path;label;split\n1.png;cat;train\nx/2.png;dog;valid\n",
        "split,Label,PATH,extra\ntrain,cat,./1.png,9\n\nValidation,dog,x\\2.png,9\n",
        'path,label,split\r\n"1.png","cat","train"\r\n"x/2.png",dog,val\r\n',
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_table_says_path_label_and_split(tmp_path: Path, text: str, encoding: str) -> None:
    put(tmp_path, "1.png", "x/2.png")
    dataset = read_table(table(tmp_path, text, encoding))
    assert [(one.path, one.label, one.split) for one in dataset.samples] == [
        ("1.png", "cat", "train"),
        ("x/2.png", "dog", "val"),
    ]
    assert dataset.root == tmp_path


def test_files_of_a_table_that_cannot_be_used_are_set_aside_with_their_line(tmp_path: Path) -> None:
    put(tmp_path, "1.png", "2.png", "note.txt")
    put(tmp_path, "empty.png", content=b"")
    lines = "path,label\n1.png,a\n2.png,b\ngone.png,a\nempty.png,b\nnote.txt,a\n1.png,a\n"
    found = aside(read_table(table(tmp_path, lines)))
    assert "Line 4" in found["gone.png"] and "empty" in found["empty.png"] and "Not a picture" in found["note.txt"]
    assert "line 2 and in line 7" in found["1.png"]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("name,label\n1.png,a\n", "Line 1 .* 'path'"),
        ("path\n1.png\n", "Line 1 .* 'label'"),
        ("", "Line 1"),
        ("path,label\n1.png,a\n../2.png,b\n", "Line 3: '../2.png' leaves"),
        ("path,label\n1.png,a\n/etc/2.png,b\n", "Line 3: '/etc/2.png' leaves"),
        ("path,label\nC:\\2.png,b\n", "Line 2: .* leaves"),
        ("path,label\n1.png,a\nlink.png,b\n", "Line 3: .* leaves"),
        ("path,label\n1.png,a\n1.png,b\n", "Line 3 .* line 2"),
        ("path,label\n1.png,\n", "Line 2: the label is missing"),
        ("path,label\n,a\n", "Line 2: the path is missing"),
        ("path,label\n1.png\n", "Line 2 has 1 columns"),
        ("path,label,split\n1.png,a,dev\n", "Line 2: 'dev' is no split"),
        ('path,label\n1.png,a\n"2.png,b\n' + "x" * 200_000, "Line .* cannot be read"),
        ("path,label\n1.png,a\n2.png,a\n", "only one class"),
        ("path,label\ngone.png,a\n", "no pictures"),
    ],
)
def test_a_table_that_cannot_be_understood_names_the_line(tmp_path: Path, text: str, what: str) -> None:
    root = put(tmp_path / "in", "1.png", "2.png")
    (root / "link.png").symlink_to(put(tmp_path, "secret.png") / "secret.png")
    with pytest.raises(DataError, match=what):
        read_table(table(root, text))


def test_a_table_in_another_encoding_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="UTF-8"):
        read_table(table(tmp_path, "path,label\n1.png,café\n", "latin-1"))


def test_a_table_in_the_folder_decides_the_labels_and_another_csv_does_not(tmp_path: Path) -> None:
    put(tmp_path, "pictures/1.png", "pictures/2.png")
    table(tmp_path, "path,label\npictures/1.png,x\npictures/2.png,y\n")
    assert labels(read_folder(tmp_path)) == {"pictures/1.png": "x", "pictures/2.png": "y"}
    put(tmp_path, "cat/1.png", "labels.csv", content=b"\x89PNG\r\n\x1a\n,size\n")
    assert read_folder(tmp_path).classes == ("cat", "pictures")


def test_a_zip_is_unpacked_once_and_again_when_it_changes(tmp_path: Path, workspace: Workspace) -> None:
    archive = tmp_path / "pets.zip"

    def pack(*names: str) -> None:
        with zipfile.ZipFile(archive, "w") as target:
            for name in names:
                target.writestr(name, PNG)

    pack("pets/cat/1.png", "pets/dog/1.png", "pets/dog/inner.zip")
    dataset = open_data(archive, workspace)
    assert dataset.classes == ("cat", "dog") and workspace.root in dataset.root.parents
    assert list(aside(dataset)) == ["pets/dog/inner.zip"]
    first = dataset.file(dataset.samples[0]).stat().st_ino
    again = open_data(str(archive), workspace)
    assert again == dataset and again.file(again.samples[0]).stat().st_ino == first
    pack("cat/1.png", "cow/1.png")
    os.utime(archive, ns=(1, 1))
    assert open_data(archive, workspace).classes == ("cat", "cow")
    archive.unlink()
    assert open_data(archive, workspace).classes == ("cat", "cow")


def test_a_zip_with_a_table_is_read_by_its_table(tmp_path: Path, workspace: Workspace) -> None:
    with zipfile.ZipFile(tmp_path / "t.zip", "w") as target:
        target.writestr("t/labels.csv", "path,label\n1.png,a\n2.png,b\n")
        target.writestr("t/1.png", PNG)
        target.writestr("t/2.png", PNG)
    assert open_data(tmp_path / "t.zip", workspace).classes == ("a", "b")


def test_a_zip_without_pictures_says_what_was_wrong_in_it(tmp_path: Path, workspace: Workspace) -> None:
    with zipfile.ZipFile(tmp_path / "t.zip", "w") as target:
        target.writestr("inner.zip", b"PK")
    with pytest.raises(DataError, match=r"no pictures.*inner\.zip: An archive"):
        open_data(tmp_path / "t.zip", workspace)


def test_nothing_in_the_users_folder_is_changed(pictures: Pictures, workspace: Workspace) -> None:
    root = pictures()
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    open_data(root, workspace)
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == before
