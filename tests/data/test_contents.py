"""A file that did not change is known without being read; one that did is read again."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from studio.data import contents
from studio.data.contents import Contents
from studio.data.intake import open_data
from studio.errors import PictureError
from studio.workspace import Workspace


@pytest.fixture
def long_ago(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if every file had been written long before it is looked at."""
    monkeypatch.setattr(contents, "_JUST_NOW", -(10**18))


def test_what_was_read_is_known_the_next_time(
    pictures: Callable[..., Path], workspace: Workspace, long_ago: None
) -> None:
    dataset = open_data(pictures(), workspace)
    first = Contents(dataset, workspace.cache)
    sample = dataset.samples[0]
    assert first.known(sample) is None
    digest, data = first.read(sample)
    assert data == dataset.file(sample).read_bytes() and first.known(sample) == digest
    first.save()
    assert Contents(dataset, workspace.cache).known(sample) == digest


def test_equal_files_have_equal_digests_and_others_do_not(pictures: Callable[..., Path], workspace: Workspace) -> None:
    source = pictures()
    dataset = open_data(source, workspace)
    one, two = dataset.samples[:2]
    here = Contents(dataset, None)
    assert here.read(one)[0] != here.read(two)[0]
    dataset.file(two).write_bytes(dataset.file(one).read_bytes())
    assert here.read(one)[0] == here.read(two)[0]


def test_a_change_is_seen_by_its_size_or_its_time(
    pictures: Callable[..., Path], workspace: Workspace, long_ago: None
) -> None:
    dataset = open_data(pictures(), workspace)
    here, sample = Contents(dataset, None), dataset.samples[0]
    path = dataset.file(sample)
    here.read(sample)
    old = path.stat()
    path.write_bytes(path.read_bytes() + b" ")
    assert here.known(sample) is None
    here.read(sample)
    os.utime(path, ns=(old.st_atime_ns, old.st_mtime_ns + 5_000_000))
    assert here.known(sample) is None


@pytest.mark.skipif(not Path("/proc/version").exists(), reason="needs a file that holds more than its size says")
def test_a_file_that_grows_while_it_is_read_is_read_to_its_end(
    pictures: Callable[..., Path], workspace: Workspace
) -> None:
    dataset = open_data(pictures(), workspace)
    sample = dataset.samples[0]
    path = dataset.file(sample)
    path.unlink()
    path.symlink_to("/proc/version")
    assert path.stat().st_size == 0
    assert Contents(dataset, None).read(sample)[1] == Path("/proc/version").read_bytes()


def test_a_file_that_changed_just_now_is_read_again(pictures: Callable[..., Path], workspace: Workspace) -> None:
    dataset = open_data(pictures(), workspace)
    here, sample = Contents(dataset, None), dataset.samples[0]
    here.read(sample)
    assert here.known(sample) is None


def test_damaged_digests_are_not_found(pictures: Callable[..., Path], workspace: Workspace, long_ago: None) -> None:
    dataset = open_data(pictures(), workspace)
    here, sample = Contents(dataset, workspace.cache), dataset.samples[0]
    here.read(sample)
    here.save()
    (file,) = workspace.cache.glob("*.digests")
    data = bytearray(file.read_bytes())
    data[3] ^= 1
    file.write_bytes(data[:-5])
    assert Contents(dataset, workspace.cache).known(sample) is None


def test_a_file_that_is_gone_is_named(pictures: Callable[..., Path], workspace: Workspace) -> None:
    dataset = open_data(pictures(), workspace)
    dataset.file(dataset.samples[0]).unlink()
    with pytest.raises(PictureError, match="no such file"):
        Contents(dataset, None).read(dataset.samples[0])
