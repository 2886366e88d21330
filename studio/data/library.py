"""The datasets that were opened in this workspace, newest first."""

import shutil
import threading
import time
import tomllib
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import tomlkit

from studio.data.dataset import Dataset
from studio.data.decided import as_decided
from studio.data.decisions import ALIKE, DECISIONS
from studio.data.identity import home, identity, located
from studio.data.intake import Opened, changed, open_watched
from studio.data.roots import Roots
from studio.errors import DataError
from studio.workspace import Workspace, write_text

Kind = Literal["folder", "zip", "table", "upload"]
_RECORD = "dataset.toml"
_KEPT = 8  # datasets in memory; 60,000 pictures take about 25 MB
_SETTLED = 50_000_000  # nanoseconds within which a file system may not tell two changes apart

_memory: OrderedDict[Path, "_Known"] = OrderedDict()
_memory_lock = threading.Lock()
_reading: dict[Path, threading.Lock] = {}


@dataclass(frozen=True)
class Entry:
    """One opened dataset. `source` is where its pictures come from, `opened_at` seconds since 1970.

    `folder` in the workspace holds its record, the recipe being written for it, and imported pictures.
    """

    id: str
    name: str
    source: str
    kind: Kind
    opened_at: float
    folder: Path


@dataclass
class _Known:
    """What was read for one library folder, and the dataset that its decisions make of it.

    After a decision nothing is read again, so that it costs little however many pictures there are.
    """

    opened: Opened
    dataset: Dataset | None = field(default=None, init=False)
    _watched: tuple[tuple[str, int], ...] = field(default=(), init=False)

    def decided(self, folder: Path) -> Dataset:
        """The dataset under the decisions in `folder` as they are now. Raises DataError where they are damaged."""
        began = time.time_ns()
        watched = tuple(changed(folder / name) for name in (DECISIONS, ALIKE))
        if self.dataset is None or watched != self._watched:
            self.dataset = as_decided(self.opened.dataset, folder)
            self._watched = watched if _settled(watched, began) else ()
        return self.dataset


class Library:
    """The records of a workspace's datasets. Any number of them may look at the same workspace at once."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace

    def add(
        self, source: str | Path, name: str | None = None, on_progress: Callable[[str, int, int], None] | None = None
    ) -> Entry:
        """Open a source and remember it; the same source keeps its id and moves to the top.

        Raises DataError, also for a source that lies outside the folders that this studio may open.
        """
        path = Roots.told(self.workspace).admit(located(source))
        folder = home(path, self.workspace)
        _read(folder, path, self.workspace, on_progress)
        known = _entry(folder)
        title = (name or "").strip() or (known.name if known else path.stem if path.is_file() else path.name)
        entry = Entry(identity(path), title or "pictures", str(path), self._kind(path), time.time(), folder)
        folder.mkdir(parents=True, exist_ok=True)
        record = {"name": entry.name, "source": entry.source, "kind": entry.kind, "opened_at": entry.opened_at}
        write_text(folder / _RECORD, tomlkit.dumps(record))
        return entry

    def all(self) -> list[Entry]:
        """Every dataset that may be opened, the one opened last first. Records that cannot be read are left out."""
        found, roots = (_entry(folder) for folder in self.workspace.datasets.iterdir()), Roots.told(self.workspace)
        allowed = (entry for entry in found if entry and roots.hold(Path(entry.source)))
        return sorted(allowed, key=lambda entry: (-entry.opened_at, entry.id))

    def get(self, id: str) -> Entry:
        """The dataset with this id. Raises DataError if there is none, or none that may be opened."""
        safe = bool(id) and Path(id).name == id and not id.startswith(".")
        entry = _entry(self.workspace.datasets / id) if safe else None
        if entry is None or not Roots.told(self.workspace).hold(Path(entry.source)):
            raise DataError(f"There is no dataset {id!r} here.", "Open its folder, zip or table again.")
        return entry

    def open(self, id: str, refresh: bool = False) -> Dataset:
        """The dataset itself, under its decisions: from memory while its folders are as they were, else read again.

        A file that is overwritten in place does not change its folder: ask for `refresh` then. Raises DataError.
        """
        entry = self.get(id)
        return _read(entry.folder, Path(entry.source), self.workspace, refresh=refresh)

    def forget(self, id: str) -> None:
        """Take a dataset off the list, with what was unpacked, uploaded or decided. The user's own folder stays."""
        entry = self.get(id)
        with _memory_lock:
            _memory.pop(entry.folder, None)
        (entry.folder / _RECORD).unlink(missing_ok=True)
        shutil.rmtree(entry.folder, ignore_errors=True)
        uploads, source = self.workspace.uploads.resolve(), Path(entry.source)
        if uploads in source.parents:
            shutil.rmtree(uploads / source.relative_to(uploads).parts[0], ignore_errors=True)

    def _kind(self, path: Path) -> Kind:
        if path.suffix.lower() == ".csv" and not path.is_dir():
            return "table"
        if not path.is_dir():
            return "zip"
        return "upload" if self.workspace.uploads.resolve() in path.parents else "folder"


def _read(
    folder: Path,
    source: Path,
    workspace: Workspace,
    on_progress: Callable[[str, int, int], None] | None = None,
    refresh: bool = False,
) -> Dataset:
    """The dataset of one library folder, from memory if nothing watched has changed. One thread reads, others wait."""
    with _memory_lock:
        lock = _reading.setdefault(folder, threading.Lock())
    with lock:
        with _memory_lock:
            known = _memory.get(folder)
            if known:
                _memory.move_to_end(folder)
        if known and not refresh and all(changed(Path(path)) == (path, at) for path, at in known.opened.watched):
            return known.decided(folder)
        began = time.time_ns()
        known = _Known(open_watched(source, workspace, on_progress))
        with _memory_lock:
            _memory.pop(folder, None)
            if _settled(known.opened.watched, began):
                _memory[folder] = known
            while len(_memory) > _KEPT:
                _memory.popitem(last=False)
        return known.decided(folder)


def _settled(watched: Iterable[tuple[str, int]], began: int) -> bool:
    """Whether all this changed so long before the look at it that began then that another change would show."""
    return all(at < began - _SETTLED for _, at in watched)


def _entry(folder: Path) -> Entry | None:
    """The record in a library folder, or None if there is none that can be read."""
    try:
        record = tomllib.loads((folder / _RECORD).read_text(encoding="utf-8"))
        return Entry(
            folder.name,
            str(record["name"]),
            str(record["source"]),
            _known_kind(record["kind"]),
            float(record["opened_at"]),
            folder,
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _known_kind(kind: str) -> Kind:
    if kind in ("folder", "zip", "table", "upload"):
        return kind
    raise ValueError(f"no kind of dataset: {kind!r}")
