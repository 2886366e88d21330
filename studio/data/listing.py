"""Every file under a folder, looked at quickly: which are pictures by their first bytes, and which are not and why."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from studio.data.dataset import SetAside
from studio.data.sniff import FIRST_BYTES, claims_picture, fault_of_bytes, fault_of_name, unwanted
from studio.errors import DataError

MOST_FILES = 1_000_000
_READERS = 8
_BATCH = 256
# Without waiting, so that a pipe named like a picture does not hold everything up.
_READ = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
Parts = tuple[str, ...]


@dataclass
class Listing:
    """What lies under `root`. Paths are tuples of names, relative to `root`.

    `folders` gives for each folder when it last changed (nanoseconds), taken before it was read: what to compare
    to know whether to look again. `tables` are the CSV files.
    """

    root: Path
    pictures: list[Parts] = field(default_factory=list)
    tables: list[Parts] = field(default_factory=list)
    set_aside: list[SetAside] = field(default_factory=list)
    folders: dict[str, int] = field(default_factory=dict)


def look_through(root: Path, on_progress: Callable[[str, int, int], None] | None = None) -> Listing:
    """List `root` and all below it. Links that leave it are set aside. Raises DataError if it cannot be read."""
    listing = Listing(root)
    files = list(_walk(listing, os.path.realpath(root)))
    for path, fault in batched_faults(files, on_progress).items():
        if fault is None:
            listing.pictures.append(tuple(path.split("/")))
        else:
            listing.set_aside.append(SetAside(path, fault, claims_picture(path)))
    listing.pictures.sort()
    listing.tables.sort()
    return listing


def batched_faults(
    files: list[tuple[str, str]], on_progress: Callable[[str, int, int], None] | None = None
) -> dict[str, str | None]:
    """For each (relative path, path on disk) why the file is no picture by its first bytes, or None if it is one."""
    batches = [files[at : at + _BATCH] for at in range(0, len(files), _BATCH)]
    faults: dict[str, str | None] = {}
    with ThreadPoolExecutor(_READERS) as readers:
        for found in readers.map(lambda batch: [(path, _fault(path, file)) for path, file in batch], batches):
            faults.update(found)
            if on_progress:
                on_progress("Looking at the files", len(faults), len(files))
    return faults


def inside(path: str, real_root: str) -> bool:
    """Whether `path`, once every link in it is followed, lies in `real_root`."""
    return os.path.realpath(path).startswith(real_root.rstrip(os.sep) + os.sep)


def _walk(listing: Listing, real_root: str) -> Iterator[tuple[str, str]]:
    """Files whose bytes are worth a look, as (relative path, path on disk); the rest goes into `listing` at once."""
    waiting: list[tuple[Parts, str]] = [((), str(listing.root))]
    seen = 0
    while waiting:
        parts, folder = waiting.pop()
        try:
            listing.folders[folder] = os.stat(folder).st_mtime_ns
            with os.scandir(folder) as found:
                entries = list(found)
        except OSError as error:
            if not parts:
                raise DataError(
                    f"This folder cannot be read ({error.strerror}).", "Change its permissions.", listing.root
                ) from error
            listing.set_aside.append(SetAside("/".join(parts), "The folder may not be read."))
            continue
        seen += len(entries)
        if seen > MOST_FILES:
            raise DataError(
                f"There are more than {MOST_FILES:,} files and folders here.",
                "Open the folder that holds only the pictures.",
                listing.root,
            )
        for entry in entries:
            where = (*parts, entry.name)
            reason = _obstacle(entry, real_root)
            if reason:
                listing.set_aside.append(SetAside(printable("/".join(where)), reason))
            elif entry.is_dir(follow_symlinks=False):
                waiting.append((where, entry.path))
            elif entry.name.lower().endswith(".csv"):
                listing.tables.append(where)
            elif reason := fault_of_name(entry.name):
                listing.set_aside.append(SetAside("/".join(where), reason, claims_picture(entry.name)))
            else:
                yield "/".join(where), entry.path


def _obstacle(entry: os.DirEntry[str], real_root: str) -> str | None:
    """Why this entry is not even looked at, or None."""
    if not entry.name.isprintable() and printable(entry.name) != entry.name:
        return "Its name is no valid text."
    if reason := unwanted(entry.name):
        return reason
    if entry.is_symlink():
        if not inside(entry.path, real_root):
            return "A link that leads out of the folder."
        if entry.is_dir():
            return "A link to another folder of this dataset; its pictures are used where they lie."
    if not entry.is_dir() and not entry.is_file():
        return "A link to nothing." if entry.is_symlink() else "Not a file."
    return None


def printable(name: str) -> str:
    """`name` with bytes that are no text (a file system may hold such) written as \\xNN."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _fault(path: str, file: str) -> str | None:
    try:
        handle = os.open(file, _READ)
        try:
            first = os.read(handle, FIRST_BYTES)
        finally:
            os.close(handle)
    except FileNotFoundError:
        return "The file is gone, or a link to nothing."
    except OSError:
        return "The file may not be read."
    return fault_of_bytes(path, first)
