"""Rows kept between runs are found again as they were, or not at all."""

import errno
import os
import time
from pathlib import Path

import numpy as np
import pytest

from studio.data.contents import DIGEST
from studio.training import shelf
from studio.training.shelf import Shelf, tidy

ROW = 64


def name(number: int) -> bytes:
    return number.to_bytes(DIGEST, "little")


def row(number: int) -> np.ndarray:
    return np.random.default_rng(number).integers(0, 256, ROW, np.uint8)


def filled(folder: Path, numbers: range) -> Path:
    """A shelf with these rows; the file it made."""
    before = set(folder.glob("*.rows"))
    new = Shelf(folder, ROW)
    for number in numbers:
        new.put(name(number), row(number))
    new.close()
    (file,) = set(folder.glob("*.rows")) - before
    return file


def found(folder: Path, numbers: range, row_bytes: int = ROW) -> list[int]:
    """The numbers whose rows come back; each as it was put."""
    here, back = Shelf(folder, row_bytes), []
    for number in numbers:
        into = np.zeros(row_bytes, np.uint8)
        if here.take(name(number), into):
            assert (into == row(number)).all()
            back.append(number)
    return back


def test_rows_of_several_runs_are_found(tmp_path: Path) -> None:
    filled(tmp_path, range(5))
    filled(tmp_path, range(5, 9))
    assert found(tmp_path, range(12)) == list(range(9))


def test_nothing_is_found_before_it_is_whole(tmp_path: Path) -> None:
    new = Shelf(tmp_path, ROW)
    new.put(name(1), row(1))
    assert found(tmp_path, range(3)) == []
    new.close()
    assert found(tmp_path, range(3)) == [1]


@pytest.mark.parametrize("cut", [1, 20, 200, 10**6])
def test_a_torn_file_is_not_used_and_the_others_are(tmp_path: Path, cut: int) -> None:
    torn = filled(tmp_path, range(5))
    filled(tmp_path, range(5, 9))
    torn.write_bytes(torn.read_bytes()[:-cut])
    assert found(tmp_path, range(9)) == list(range(5, 9))


def test_a_flipped_bit_anywhere_loses_what_it_touches_and_nothing_else_is_wrong(tmp_path: Path) -> None:
    file = filled(tmp_path, range(5))
    good = file.read_bytes()
    for place in range(0, len(good), 7):
        data = bytearray(good)
        data[place] ^= 16
        file.write_bytes(data)
        back = found(tmp_path, range(5))
        assert len(back) == (4 if place < 5 * ROW else 0)
    file.write_bytes(good)
    assert found(tmp_path, range(5)) == list(range(5))


def test_rows_of_another_length_are_another_shelfs(tmp_path: Path) -> None:
    filled(tmp_path, range(5))
    assert found(tmp_path, range(5), row_bytes=32) == []


def test_a_full_disk_keeps_nothing_and_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    new = Shelf(tmp_path, ROW)
    new.put(name(1), row(1))
    monkeypatch.setattr(os, "fsync", full)
    new.close()
    assert list(tmp_path.iterdir()) == []


def test_the_longest_unused_shelf_goes_first(tmp_path: Path) -> None:
    for place, shelf_name in enumerate(("old", "used", "new")):
        filled(tmp_path / shelf_name, range(10))
        os.utime(tmp_path / shelf_name, (place, place))
    Shelf(tmp_path / "old", ROW)  # using it makes it the newest
    tidy(tmp_path, most=2 * 1100)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new", "old"]


def test_what_nobody_finished_is_removed_after_a_day(tmp_path: Path) -> None:
    filled(tmp_path / "one", range(3))
    abandoned, fresh = tmp_path / "one" / ".a.part", tmp_path / "one" / ".b.part"
    abandoned.touch()
    fresh.touch()
    long_ago = time.time() - shelf._ABANDONED - 1
    os.utime(abandoned, (long_ago, long_ago))
    tidy(tmp_path)
    assert not abandoned.exists() and fresh.exists()


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="this system does not list what is open")
def test_a_shelf_that_is_closed_holds_no_file_open(tmp_path: Path) -> None:
    file = filled(tmp_path / "shelf", range(3))
    here = Shelf(tmp_path / "shelf", ROW)
    assert here.take(name(1), np.empty(ROW, np.uint8)) and open_at(file)
    here.close()
    assert not open_at(file)


def open_at(file: Path) -> bool:
    """Whether this process has the file open."""
    handles = [Path("/proc/self/fd") / handle for handle in os.listdir("/proc/self/fd")]
    return any(handle.exists() and handle.resolve() == file.resolve() for handle in handles)
