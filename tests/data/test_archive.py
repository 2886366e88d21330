"""A zip is unpacked whole or not at all, and nothing it says about itself is trusted."""

import os
import shutil
import stat
import struct
import time
import tracemalloc
import zipfile
import zlib
from collections import namedtuple
from pathlib import Path

import pytest

from studio.data import archive as archives
from studio.data.archive import unpack
from studio.data.directory import entries_listed
from studio.errors import DataError

PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)


def pack(file: Path, *entries: str | tuple[str | zipfile.ZipInfo, bytes]) -> Path:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as target:
        for entry in entries:
            name, content = (entry, PNG) if isinstance(entry, str) else entry
            target.writestr(name, content)
    return file


def written(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def link(name: str, to: str) -> tuple[zipfile.ZipInfo, bytes]:
    entry = zipfile.ZipInfo(name)
    entry.create_system, entry.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    return entry, to.encode()


def test_pictures_and_tables_are_written_and_the_rest_is_named(tmp_path: Path) -> None:
    file = pack(
        tmp_path / "a.zip",
        "cat/1.png",
        "cat/deep/2.JPG",
        "labels.csv",
        "dog/",
        "dog/3",
        ("dog/4", b"text"),
        "notes.txt",
        "more.zip",
        "x.tar.gz",
        "__MACOSX/cat/._1.png",
        "cat/.DS_Store",
        "Thumbs.db",
    )
    left = {item.path: item.reason for item in unpack(file, tmp_path / "out")}
    assert written(tmp_path / "out") == {"cat/1.png", "cat/deep/2.JPG", "labels.csv", "dog/3"}
    assert set(left) == {"dog/4", "notes.txt", "more.zip", "x.tar.gz", "__MACOSX", "cat/.DS_Store", "Thumbs.db"}
    assert "rchive" in left["more.zip"] and "rchive" in left["x.tar.gz"]
    assert not os.access(tmp_path / "out" / "cat" / "1.png", os.X_OK)


@pytest.mark.parametrize(
    ("entry", "what"),
    [
        ("../evil.png", "leads out"),
        ("a/../../evil.png", "leads out"),
        ("a\\..\\..\\evil.png", "leads out"),
        ("a/../b.png", "leads out"),
        ("/etc/evil.png", "absolute"),
        ("\\\\server\\evil.png", "absolute"),
        ("C:\\evil.png", "absolute"),
        ("c:evil.png", "absolute"),
        (link("a/l.png", "/etc/passwd"), "a link"),
        (link("a", ".."), "a link"),
        ("../__MACOSX/evil.txt", "leads out"),
    ],
)
def test_an_archive_that_reaches_outside_is_refused_by_the_name_of_the_entry(
    tmp_path: Path, entry: str | tuple[zipfile.ZipInfo, bytes], what: str
) -> None:
    inner = tmp_path / "home"
    inner.mkdir()
    file = pack(inner / "a.zip", "a/1.png", "b/1.png", entry)
    before = written(tmp_path)
    name = entry if isinstance(entry, str) else entry[0].filename
    with pytest.raises(DataError, match=what) as caught:
        unpack(file, inner / "dataset" / "pictures")
    assert repr(name) in caught.value.what
    assert written(tmp_path) == before and not (inner / "dataset").exists()


def test_a_name_with_a_hidden_end_is_refused(tmp_path: Path) -> None:
    file = pack(tmp_path / "a.zip", "a/1.png", "a/xx.pngZ.txt")
    file.write_bytes(file.read_bytes().replace(b"a/xx.pngZ.txt", b"a/xx.png\0.txt"))
    with pytest.raises(DataError, match="hidden end"):
        unpack(file, tmp_path / "out")


def test_names_that_are_one_on_many_systems_are_set_aside(tmp_path: Path) -> None:
    file = pack(tmp_path / "a.zip", "cat/A.png", "cat/a.PNG", "cat/caf\u00e9.png", "cat/cafe\u0301.png", "cat/A.png. ")
    left = {item.path: item for item in unpack(file, tmp_path / "out")}
    assert written(tmp_path / "out") == {"cat/A.png", "cat/caf\u00e9.png"}
    assert set(left) == {"cat/a.PNG", "cat/cafe\u0301.png", "cat/A.png. "}
    assert "'cat/A.png'" in left["cat/a.PNG"].reason


@pytest.mark.parametrize("name", ["con/1.png", "cat/NUL.png", "cat/aux", "COM1.jpg", "lpt9. /x.png"])
def test_names_that_windows_reserves_are_set_aside(tmp_path: Path, name: str) -> None:
    left = unpack(pack(tmp_path / "a.zip", "ok/console.png", name), tmp_path / "out")
    assert written(tmp_path / "out") == {"ok/console.png"}
    assert [(item.path, "reserved" in item.reason) for item in left] == [(name, True)]


def test_a_file_whose_name_is_a_folder_of_others_is_set_aside(tmp_path: Path) -> None:
    left = unpack(pack(tmp_path / "a.zip", "x.png", "x.png/1.png", "y.png/2.png", "y.png"), tmp_path / "out")
    assert written(tmp_path / "out") == {"x.png", "y.png/2.png"}
    assert {item.path for item in left} == {"x.png/1.png", "y.png"}


def test_what_is_locked_or_damaged_is_set_aside(tmp_path: Path) -> None:
    file = pack(tmp_path / "a.zip", "ok.png", "locked.png", ("broken.png", os.urandom(5000)), "other.png")
    data = bytearray(file.read_bytes())
    at = data.index(b"broken.png") + 200
    data[at : at + 50] = bytes(50)
    for place in (data.index(b"locked.png") - 30 + 6, data.rindex(b"locked.png") - 46 + 8):
        data[place] |= 1
    local = data.index(b"other.png")
    data[local : local + 9] = b"liars.png"
    file.write_bytes(data)
    left = {item.path: item for item in unpack(file, tmp_path / "out")}
    assert written(tmp_path / "out") == {"ok.png"}
    assert "password" in left["locked.png"].reason and "damaged" in left["broken.png"].reason
    assert "damaged" in left["other.png"].reason and all(item.unreadable for item in left.values())


def bomb(file: Path, entries: int = 1) -> Path:
    """120 MB of nothing an entry, packed a thousand times smaller."""
    return pack(file, "a/1.png", *((f"b/{n}.bmp", bytes(120 << 20)) for n in range(entries)))


def test_a_bomb_is_refused_by_its_name_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"200 times its size at 'b/0\.bmp'"):
        unpack(bomb(tmp_path / "a.zip"), tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]


def overlapping(file: Path, entries: int) -> Path:
    """Entries of a megabyte each that share one packed body: each begins by quoting the header of the next."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    plain = bytes(1 << 20)
    body, records = packer.compress(plain) + packer.flush(), []
    for number in reversed(range(entries)):
        name, check = b"%04d.bmp" % number, zlib.crc32(plain)
        told = struct.pack("<HHHHHIIIHH", 20, 0, 8, 0, 0x21, check, len(body), len(plain), len(name), 0)
        head = b"PK\x03\x04" + told + name
        records.append((told, name, len(head) + len(body)))
        plain = head + plain
        body = b"\0" + struct.pack("<HH", len(head), len(head) ^ 0xFFFF) + head + body
    data = body[5:]
    listing = b"".join(
        b"PK\x01\x02" + struct.pack("<H", 20) + told + struct.pack("<HHHII", 0, 0, 0, 0, len(data) - far) + name
        for told, name, far in records
    )
    end = b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, entries, entries, len(listing), len(data), 0)
    file.write_bytes(data + listing + end)
    return file


def test_entries_that_share_their_bytes_are_counted_by_what_they_write(tmp_path: Path) -> None:
    assert not unpack(overlapping(tmp_path / "a.zip", 1), tmp_path / "out")
    assert written(tmp_path / "out") == {"0000.bmp"}
    file = overlapping(tmp_path / "b.zip", 130)
    assert file.stat().st_size < 20_000
    try:  # newer Pythons find the overlap themselves, entry by entry
        assert len(unpack(file, tmp_path / "new")) == 129
    except DataError as error:
        assert "200 times its size" in error.what and not (tmp_path / "new").exists()


def test_the_budget_counts_what_is_written_over_all_entries(tmp_path: Path) -> None:
    file = pack(tmp_path / "a.zip", *((f"a/{n}.bmp", os.urandom(100_000)) for n in range(10)))
    with pytest.raises(DataError, match=r"at 'a/5\.bmp'.* most that is unpacked"):
        unpack(file, tmp_path / "out", most_bytes=500_000)
    assert not (tmp_path / "out").exists()
    assert unpack(file, tmp_path / "out", most_bytes=1_000_000) == []


def test_the_disk_is_not_filled_to_the_brim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(0, 0, archives.LEFT_FREE + 10))
    with pytest.raises(DataError, match="free on this disk"):
        unpack(pack(tmp_path / "a.zip", "a/1.png"), tmp_path / "out")


def test_a_header_that_lies_about_the_size_does_not_write_more(tmp_path: Path) -> None:
    file = pack(tmp_path / "a.zip", ("a.bmp", bytes(1_000_000)), "b.png")
    data = bytearray(file.read_bytes())
    for place in (data.index(b"a.bmp") - 8, data.rindex(b"a.bmp") - 46 + 24):
        data[place : place + 4] = struct.pack("<I", 10)
    file.write_bytes(data)
    left = unpack(file, tmp_path / "out")
    assert [item.path for item in left] == ["a.bmp"] and written(tmp_path / "out") == {"b.png"}


def test_too_many_entries_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds 11 entries"):
        unpack(pack(tmp_path / "a.zip", *(f"{n}.png" for n in range(11))), tmp_path / "out", most_entries=10)


def listing_only(file: Path, entries: int, said: int | None = None, large: bool = False) -> Path:
    """A zip that is all directory: every record names the same place."""
    told = struct.pack("<HHHHHHIIIHHHHHII", 20, 20, 0, 0, 0, 0x21, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0)
    listing = (b"PK\x01\x02" + told + b"1.png") * entries
    said = min(entries, 0xFFFF) if said is None else said
    end = b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, said, said, len(listing), 0, 0)
    if large:
        end_64 = b"PK\x06\x06" + struct.pack("<QHHIIQQQQ", 44, 45, 45, 0, 0, entries, entries, len(listing), 0)
        locator = b"PK\x06\x07" + struct.pack("<IQI", 0, len(listing), 1)
        end = end_64 + locator + b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 1, 1, 46, 0, 0)
    file.write_bytes(listing + end)
    return file


@pytest.mark.parametrize("large", [False, True])
def test_a_million_entries_are_refused_before_they_are_loaded(tmp_path: Path, large: bool) -> None:
    file = listing_only(tmp_path / "a.zip", 1_000_001, said=1, large=large)
    began = time.monotonic()
    tracemalloc.start()
    with pytest.raises(DataError, match="holds 1,000,001 entries"):
        unpack(file, tmp_path / "out")
    assert tracemalloc.get_traced_memory()[1] < 8_000_000 and time.monotonic() - began < 5
    tracemalloc.stop()
    assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]


@pytest.mark.parametrize("entries", [0, 1, 7, 300])
def test_entries_are_counted_as_they_are_listed(tmp_path: Path, entries: int) -> None:
    file = pack(tmp_path / "a.zip", *(f"{n}.png" for n in range(entries)))
    assert entries_listed(file) == entries
    with zipfile.ZipFile(file, "a") as more:
        more.comment = b"PK no comment PK\x05"
    assert entries_listed(file) == entries
    assert entries_listed(listing_only(tmp_path / "b.zip", entries, large=True)) == entries


def test_what_lies_too_deep_or_is_packed_oddly_is_set_aside(tmp_path: Path) -> None:
    file, deep, long = tmp_path / "a.zip", "d/" * 40 + "1.png", "/".join(["d" * 200] * 6) + "/1.png"
    with zipfile.ZipFile(file, "w") as target:
        for name in ("ok.png", deep, long):
            target.writestr(name, PNG)
        target.writestr("lzma.png", PNG, zipfile.ZIP_LZMA)
        target.writestr("bz2.png", PNG, zipfile.ZIP_BZIP2)
    left = {item.path: item for item in unpack(file, tmp_path / "out")}
    assert written(tmp_path / "out") == {"ok.png", "bz2.png"} and len(left) == 3
    assert "packed in a way" in left["lzma.png"].reason and all(item.unreadable for item in left.values())


@pytest.mark.parametrize("content", [b"", b"PK", b"no zip at all" * 50])
def test_what_is_no_zip_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(DataError, match="damaged or not complete"):
        unpack(tmp_path / "a.zip", tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]


def test_a_zip_that_was_cut_off_is_refused(tmp_path: Path) -> None:
    file = pack(tmp_path / "a.zip", *(f"{n}.png" for n in range(50)))
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(DataError, match="damaged or not complete"):
        unpack(file, tmp_path / "out")


def test_unpacking_again_replaces_and_a_failure_keeps_what_was_there(tmp_path: Path) -> None:
    unpack(pack(tmp_path / "a.zip", "old.png"), tmp_path / "out")
    with pytest.raises(DataError):
        unpack(pack(tmp_path / "b.zip", "new.png", "../evil.png"), tmp_path / "out")
    assert written(tmp_path / "out") == {"old.png"}
    unpack(pack(tmp_path / "b.zip", "new.png"), tmp_path / "out")
    assert written(tmp_path / "out") == {"new.png"}
    assert {path.name for path in tmp_path.iterdir()} == {"a.zip", "b.zip", "out"}


def test_what_a_killed_process_left_behind_is_removed_in_time(tmp_path: Path) -> None:
    old, young = tmp_path / ".out.1-1.part", tmp_path / ".out.2-2.part"
    old.mkdir()
    young.mkdir()
    os.utime(old, (1, 1))
    unpack(pack(tmp_path / "a.zip", "1.png"), tmp_path / "out")
    assert not old.exists() and young.exists()


def test_progress_ends_with_all(tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    unpack(
        pack(tmp_path / "a.zip", *(f"{n}.png" for n in range(120))),
        tmp_path / "out",
        on_progress=lambda *step: told.append(step),
    )
    assert told[-1] == ("Unpacking", 120, 120)
