"""A folder, a zip or a CSV table becomes a Dataset. Files that cannot be used are set aside and named, never fatal."""

import json
import zipfile
from collections.abc import Callable
from dataclasses import astuple, dataclass, replace
from pathlib import Path

from studio.data.archive import unpack
from studio.data.dataset import Dataset, SetAside
from studio.data.decided import as_decided
from studio.data.identity import home, located
from studio.data.layout import EXPECTED, arrange, wrapping
from studio.data.listing import Listing, look_through
from studio.data.table import is_table, read_table
from studio.errors import DataError
from studio.workspace import Workspace, write_text

Told = Callable[[str, int, int], None]
__all__ = ["Opened", "open_data", "open_watched", "read_folder", "read_table"]


@dataclass(frozen=True)
class Opened:
    """A dataset as read, and for every file or folder that it depends on when that last changed (nanoseconds)."""

    dataset: Dataset
    watched: tuple[tuple[str, int], ...]


def open_data(source: str | Path, workspace: Workspace, on_progress: Told | None = None) -> Dataset:
    """The dataset in a folder, a .zip (unpacked once, into the workspace) or a .csv table, under its decisions.

    `on_progress(doing, done, total)` hears what is being done. Raises DataError with what was expected instead.
    """
    return as_decided(open_watched(source, workspace, on_progress).dataset, home(source, workspace))


def open_watched(source: str | Path, workspace: Workspace, on_progress: Told | None = None) -> Opened:
    """`open_data` before any decision, with what to watch to know whether the dataset must be read again."""
    path = located(source)
    if path.is_dir():
        return _from_folder(path, on_progress)
    if path.suffix.lower() == ".csv" and path.is_file():
        watched = changed(path)
        dataset = read_table(path)
        folders = {str(dataset.file(sample).parent) for sample in dataset.samples}
        return Opened(dataset, (watched, *(changed(Path(folder)) for folder in sorted(folders))))
    unpacked = home(path, workspace) / "pictures"
    if path.is_file() and zipfile.is_zipfile(path):
        return _from_zip(path, unpacked, on_progress)
    if not path.exists() and unpacked.is_dir():  # the zip is gone, what was in it is not
        return _from_unpacked(unpacked, on_progress)
    if not path.exists():
        raise DataError("There is nothing at this path.", "Check it for typing mistakes.", path)
    if path.suffix.lower() == ".zip":
        raise DataError("This zip file is damaged or not complete.", "Copy or download it again.", path)
    raise DataError("This is neither a folder nor a .zip nor a .csv file.", EXPECTED, path)


def read_folder(root: str | Path, on_progress: Told | None = None) -> Dataset:
    """The dataset in a folder, by the first bytes of its files only. Raises DataError; see `layout` for what counts."""
    return _from_folder(Path(root).expanduser().absolute(), on_progress).dataset


def changed(path: Path) -> tuple[str, int]:
    """`path` and when it last changed (nanoseconds; 0 where it is gone)."""
    try:
        return str(path), path.stat().st_mtime_ns
    except OSError:
        return str(path), 0


def _from_folder(root: Path, on_progress: Told | None) -> Opened:
    if not root.is_dir():
        raise DataError("There is no such folder.", "Check the path for typing mistakes.", root)
    listing = look_through(root, on_progress)
    watched = tuple(listing.folders.items())
    table = _own_table(listing)
    if table is None:
        return Opened(arrange(listing), watched)
    return Opened(read_table(table), (*watched, changed(table)))


def _own_table(listing: Listing) -> Path | None:
    """The one CSV table at the top of the folder (or in the only folder there) that says what the pictures show."""
    depth = len(wrapping(listing)) + 1
    tops = {parts[0] for parts in listing.pictures + listing.tables}
    deepest = max(depth, 2 if len(tops) == 1 else 1)
    found = [listing.root.joinpath(*parts) for parts in listing.tables if len(parts) <= deepest]
    meant = [file for file in found if is_table(file)]
    return meant[0] if len(meant) == 1 else None


def _from_zip(archive: Path, unpacked: Path, on_progress: Told | None) -> Opened:
    """Unpack, unless this very zip has been unpacked here before."""
    stat = archive.stat()
    state = {"size": stat.st_size, "mtime_ns": stat.st_mtime_ns}
    record = _record(unpacked)
    if record.get("zip") != state or not unpacked.is_dir():
        set_aside = unpack(archive, unpacked, on_progress=on_progress)
        record = {"zip": state, "set_aside": [astuple(item) for item in set_aside]}
        write_text(_record_file(unpacked), json.dumps(record))
    opened = _from_unpacked(unpacked, on_progress, archive)
    return replace(opened, watched=(*opened.watched, (str(archive), stat.st_mtime_ns)))


def _from_unpacked(unpacked: Path, on_progress: Told | None, archive: Path | None = None) -> Opened:
    left = tuple(SetAside(*item) for item in _record(unpacked).get("set_aside", []))
    try:
        opened = _from_folder(unpacked, on_progress)
    except DataError as error:
        reason = f" In the zip: {left[0].path}: {left[0].reason}" if left else ""
        raise DataError(error.what + reason, error.remedy, archive or error.where) from error
    merged = tuple(sorted((*opened.dataset.set_aside, *left), key=lambda item: item.path))
    return Opened(replace(opened.dataset, set_aside=merged), opened.watched)


def _record_file(unpacked: Path) -> Path:
    return unpacked.with_name("unpacked.json")


def _record(unpacked: Path) -> dict:
    try:
        record = json.loads(_record_file(unpacked).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}
