"""A zip becomes a folder of pictures. Nothing the zip says about itself is trusted: what is written is counted."""

import os
import re
import shutil
import stat
import struct
import threading
import time
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from studio.data.dataset import SetAside
from studio.data.directory import entries_listed
from studio.data.sniff import FIRST_BYTES, claims_picture, fault_of_bytes, fault_of_name, unwanted
from studio.errors import DataError
from studio.workspace import fsync_folder

GIGABYTE = 1 << 30
MOST_BYTES = 20 * GIGABYTE
LEFT_FREE = GIGABYTE
MOST_ENTRIES = 1_000_000
BOMB_BYTES, BOMB_RATIO = 100 << 20, 200
_BLOCK = 1 << 20
_DEEPEST, _LONGEST = 32, 1000  # parts and bytes of a path: with the workspace before it, it must fit any disk
_READ_HERE = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2)  # LZMA asks for as much memory as it likes
_STALE = 24 * 3600
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?", re.IGNORECASE)
# What zipfile and its decompressors raise for an entry that is not what the header says.
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError)


class _Damaged(Exception):
    """An entry whose bytes cannot be had."""


def unpack(
    archive: Path,
    target: Path,
    most_bytes: int = MOST_BYTES,
    most_entries: int = MOST_ENTRIES,
    on_progress: Callable[[str, int, int], None] | None = None,
) -> list[SetAside]:
    """Write the pictures and tables of `archive` into the folder `target`, whole or not at all.

    Returns what was left out, each with its reason. A `target` that is already there is replaced.
    Raises DataError, naming the entry, for absolute names, `..`, drive letters, links, a bomb, or no room.
    """
    try:
        listed = entries_listed(archive)  # before they are loaded: a million take half a gigabyte
        if listed > most_entries:
            raise DataError(f"This zip holds {listed:,} entries.", f"At most {most_entries:,} are unpacked.", archive)
        with zipfile.ZipFile(archive) as opened, _whole_or_nothing(target) as folder:
            entries = opened.infolist()
            for entry in entries:
                _refuse_dangerous(entry, archive)
            budget = _Budget(archive, folder, most_bytes)
            return _extract(opened, entries, folder, budget, on_progress)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, ValueError, struct.error) as error:
        raise DataError("This zip file is damaged or not complete.", "Copy or download it again.", archive) from error


class _Budget:
    """How many bytes may still be written, for the whole archive and against what they were packed in."""

    def __init__(self, archive: Path, folder: Path, most_bytes: int) -> None:
        self.archive, self.packed, self.written = archive, archive.stat().st_size, 0
        self.free = shutil.disk_usage(folder).free - LEFT_FREE
        self.most = min(most_bytes, self.free)

    def spend(self, count: int, entry: zipfile.ZipInfo, of_entry: int) -> None:
        """Count `count` bytes more, `of_entry` of them so far from this entry. Raises DataError beyond the budget."""
        self.written += count
        if (self.written > BOMB_BYTES and self.written > BOMB_RATIO * self.packed) or (
            of_entry > BOMB_BYTES and of_entry > BOMB_RATIO * max(entry.compress_size, 1)
        ):
            raise DataError(
                f"This zip swells to more than {BOMB_RATIO} times its size at {entry.filename!r}.",
                "Pictures never do; it was made to fill a disk and was not unpacked.",
                self.archive,
            )
        if self.written > self.most:
            limit = f"{max(self.most, 0) / GIGABYTE:,.1f} GB"
            why = "are free on this disk" if self.most == self.free else "are the most that is unpacked"
            raise DataError(
                f"This zip unpacks to more than {limit} (at {entry.filename!r}), which {why}.",
                "Unpack it yourself and open the folder.",
                self.archive,
            )


@contextmanager
def _whole_or_nothing(target: Path) -> Iterator[Path]:
    """A temporary folder beside `target` that takes its place at the end, or is removed if anything goes wrong."""
    new_home = not target.parent.exists()
    target.parent.mkdir(parents=True, exist_ok=True)
    for old in target.parent.glob(f".{target.name}.*.part"):
        if time.time() - old.stat().st_mtime > _STALE:
            shutil.rmtree(old, ignore_errors=True)
    folder = target.with_name(f".{target.name}.{os.getpid()}-{threading.get_ident()}.part")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        yield folder
        put_in_place(folder, target)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if new_home and not target.exists():
            with suppress(OSError):
                target.parent.rmdir()


def put_in_place(folder: Path, target: Path) -> None:
    """Rename `folder` to `target`, replacing what is there; where two do so at once, either one stays."""
    replaced = folder.with_name(f"{folder.name}.old.part")
    with suppress(FileNotFoundError):
        os.rename(target, replaced)
    try:
        os.rename(folder, target)
    except OSError:
        if not target.is_dir():
            raise
    shutil.rmtree(replaced, ignore_errors=True)
    fsync_folder(target.parent)


def _refuse_dangerous(entry: zipfile.ZipInfo, archive: Path) -> None:
    name = entry.orig_filename.replace("\\", "/")
    if name.startswith("/") or re.match(r"[A-Za-z]:", name):
        fault = "an absolute path"
    elif ".." in (part.strip() for part in name.split("/")):
        fault = "a path that leads out of the archive"
    elif stat.S_ISLNK(entry.external_attr >> 16):
        fault = "a link"
    elif "\0" in name:
        fault = "a name with a hidden end"
    else:
        return
    raise DataError(
        f"This zip was not unpacked: {entry.orig_filename!r} is {fault}.",
        "Make a zip that holds plain files only.",
        archive,
    )


def _extract(
    opened: zipfile.ZipFile,
    entries: list[zipfile.ZipInfo],
    folder: Path,
    budget: _Budget,
    on_progress: Callable[[str, int, int], None] | None,
) -> list[SetAside]:
    set_aside: dict[str, SetAside] = {}
    taken: dict[tuple[str, ...], str] = {}
    for done, entry in enumerate(entries, 1):
        parts = tuple(part for part in entry.filename.replace("\\", "/").split("/") if part not in ("", "."))
        if parts and not entry.is_dir() and not entry.filename.endswith("\\"):
            left = _left_out(entry, parts, taken)
            if left is None:
                try:
                    fault = _write(opened, entry, folder.joinpath(*parts), budget)
                except _Damaged:
                    fault = "It is damaged in the archive."
                left = None if fault is None else SetAside("/".join(parts), fault, claims_picture(parts[-1]))
            if left is not None:
                set_aside[left.path] = left
        if on_progress and (done % 50 == 0 or done == len(entries)):
            on_progress("Unpacking", done, len(entries))
    return list(set_aside.values())


def _left_out(entry: zipfile.ZipInfo, parts: tuple[str, ...], taken: dict[tuple[str, ...], str]) -> SetAside | None:
    """Why an entry is not extracted, by its name and header alone; else note its name as taken."""
    path = "/".join(parts)
    for at, part in enumerate(parts, 1):
        if reason := unwanted(part):
            return SetAside("/".join(parts[:at]), reason)
        if _RESERVED.fullmatch(part.rstrip(" .")):
            return SetAside(path, f"{part!r} is a reserved name on Windows.")
        if len(part.encode("utf-8", "surrogateescape")) > 255 or (os.name == "nt" and re.search(r'[<>:"|?*]', part)):
            return SetAside(path, "Its name cannot be used on this computer.")
    if len(parts) > _DEEPEST or len(path.encode("utf-8", "surrogateescape")) > _LONGEST:
        return SetAside(path[:200] + "…", "It lies too deep in folders.", claims_picture(path))
    if not path.isprintable() and re.search(r"[\ud800-\udfff]", path):
        return SetAside(path.encode("utf-8", "backslashreplace").decode(), "Its name is no valid text.")
    reason = None if path.lower().endswith(".csv") else fault_of_name(parts[-1])
    if reason:
        return SetAside(path, reason, claims_picture(path))
    if entry.flag_bits & 1:
        return SetAside(path, "It is locked with a password.", claims_picture(path))
    if entry.compress_type not in _READ_HERE:
        return SetAside(path, "It is packed in a way that is not read here.", claims_picture(path))
    key = tuple(unicodedata.normalize("NFC", part).casefold().rstrip(" .") for part in parts)
    if key in taken:
        return SetAside(path, f"On many systems its name is the same as that of {taken[key]!r}.", claims_picture(path))
    taken[key] = path
    return None


def _write(opened: zipfile.ZipFile, entry: zipfile.ZipInfo, file: Path, budget: _Budget) -> str | None:
    """Write one entry and count its bytes; or say why it is no picture. Raises _Damaged, leaving no file behind."""
    with _reading():
        source = opened.open(entry)
    with source:
        first = _read(source)
        suffixless = not file.suffix
        if suffixless and (fault := fault_of_bytes(file.name, first[:FIRST_BYTES])):
            return fault
        written = 0
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("xb") as sink:
                block = first
                while block:
                    written += len(block)
                    budget.spend(len(block), entry, written)
                    sink.write(block)
                    block = _read(source)
        except _Damaged:
            file.unlink(missing_ok=True)
            raise
        except (FileExistsError, NotADirectoryError, IsADirectoryError):
            return "Another entry of the archive uses its name."
        except OSError as error:
            raise DataError(
                f"{entry.filename!r} of this zip could not be written ({error.strerror}).",
                "Make room on the disk, or unpack the zip yourself and open the folder.",
                budget.archive,
            ) from error
    return None


def _read(source: IO[bytes]) -> bytes:
    with _reading():
        return source.read(_BLOCK)


@contextmanager
def _reading() -> Iterator[None]:
    try:
        yield
    except _DAMAGED as error:
        raise _Damaged from error
