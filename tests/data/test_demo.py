"""The demo pictures: scanned digits laid out as class folders."""

import errno
import shutil
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from studio.data import demo
from studio.data.demo import digits, inspection
from studio.data.intake import read_folder
from studio.data.picture import open_picture
from studio.errors import DataError
from studio.workspace import Workspace


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    workspace = Workspace.at(tmp_path_factory.mktemp("demo"))
    digits(workspace)
    return workspace


def test_digits_are_1797_pictures_of_ten_classes(shared: Workspace) -> None:
    dataset = read_folder(digits(shared))
    assert dataset.classes == tuple("0123456789")
    assert len(dataset.samples) == 1797 and dataset.set_aside == ()
    assert (dataset.root / "0" / "0000.png").is_file()


def test_a_digit_looks_like_the_scan(shared: Workspace) -> None:
    from sklearn.datasets import load_digits

    scan = np.asarray(load_digits(return_X_y=True)[0])[0]
    picture = open_picture(digits(shared) / "0" / "0000.png")
    assert picture.shape == (32, 32, 3)
    blocks = picture[..., 0].reshape(8, 4, 8, 4).mean(axis=(1, 3))
    assert np.corrcoef(blocks.ravel(), scan)[0, 1] > 0.95
    assert picture.max() > 200 and picture.min() == 0


def test_a_second_call_writes_nothing_and_a_damaged_demo_is_made_whole(shared: Workspace) -> None:
    folder = digits(shared)
    before = folder.stat().st_ino
    assert digits(shared) == folder and folder.stat().st_ino == before
    (folder / "3" / "0003.png").unlink()
    assert len(list(digits(shared).glob("*/*.png"))) == 1797


def test_where_another_process_was_faster_its_digits_stay(
    tmp_path: Path, shared: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = digits(shared)

    def write(part: Path) -> None:
        shutil.copytree(whole, part)
        shutil.copytree(whole, tmp_path / "demos" / "digits")

    monkeypatch.setattr(demo, "_write", write)
    assert len(list(digits(Workspace.at(tmp_path)).glob("*/*.png"))) == 1797
    assert [path.name for path in (tmp_path / "demos").iterdir()] == ["digits"]


def test_a_demo_that_could_not_be_written_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(part: Path) -> None:
        part.mkdir(parents=True)
        raise OSError(errno.ENOSPC, "no space left")

    monkeypatch.setattr(demo, "_write", write)
    with pytest.raises(DataError, match="no space left"):
        digits(Workspace.at(tmp_path))
    assert list((tmp_path / "demos").iterdir()) == []


def test_many_may_ask_at_once(tmp_path: Path) -> None:
    workspace, seen = Workspace.at(tmp_path), []
    threads = [
        threading.Thread(target=lambda: seen.append(len(list(digits(workspace).glob("*/*.png"))))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [1797] * 4
    assert [path.name for path in (tmp_path / "demos").iterdir()] == ["digits"]


def test_the_digits_are_there_in_seconds(tmp_path: Path, shared: Workspace) -> None:
    began = time.process_time()
    digits(Workspace.at(tmp_path))
    assert time.process_time() - began < 3


def test_the_inspection_demo_is_used_where_it_lies() -> None:
    folder = inspection()
    if folder is None:
        pytest.skip("conformal-clip-data is not installed")
    assert set(read_folder(folder).classes) == {"nominal", "local", "global"}
