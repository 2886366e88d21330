"""Where everything lives on disk. A workspace is passed along; it is never a module constant."""

import os
import re
import threading
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from studio.errors import StudioError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

_probing = threading.Lock()  # a look at a lock holds it for a moment: no other look may take that for the work


@dataclass(frozen=True)
class Workspace:
    """A folder that holds the studio's own files. The user's pictures stay where they are."""

    root: Path

    @classmethod
    def at(cls, folder: str | Path | None = None) -> "Workspace":
        """The workspace in `folder`, else in `THAW_WORKSPACE`, else in `~/.thaw`; made if it is not there.

        Raises StudioError where the folder cannot be made or written.
        """
        root = Path(folder or os.environ.get("THAW_WORKSPACE") or "~/.thaw").expanduser().absolute()
        try:
            root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StudioError(
                f"This workspace folder cannot be used ({error.strerror}).",
                "Choose another one with --workspace.",
                root,
            ) from error
        if not os.access(root, os.W_OK):
            raise StudioError("This workspace folder is read-only.", "Choose another one with --workspace.", root)
        return cls(root)

    def _room(self, name: str) -> Path:
        folder = self.root / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    @property
    def datasets(self) -> Path:
        """One folder a dataset: its record, the recipe being written for it, and what was imported from an archive."""
        return self._room("datasets")

    @property
    def runs(self) -> Path:
        """One folder a run."""
        return self._room("runs")

    @property
    def uploads(self) -> Path:
        """Uploads on their way in."""
        return self._room("uploads")

    @property
    def cache(self) -> Path:
        """What can be made again: thumbnails, features, the list of backbones."""
        return self._room("cache")


def slug(text: str, limit: int = 40) -> str:
    """`text` as a name that is safe in a path and in an address: lower-case ASCII letters, digits and dashes."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:limit].strip("-") or "unnamed"


def fsync_folder(folder: Path) -> None:
    """Make a rename inside `folder` survive a power cut (systems that cannot open a folder skip it)."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def replace_file(path: Path, write: Callable[[Path], object]) -> None:
    """Write `path` whole or not at all: a temporary name, fsync, rename, fsync of the folder.

    `write` is given the temporary path and fills it. A reader sees the old file or the new one, never a part.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.part")
    try:
        write(temporary)
        with temporary.open("rb+") as handle:
            os.fsync(handle.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    fsync_folder(path.parent)


def write_text(path: Path, text: str) -> None:
    """`replace_file` for text, in UTF-8."""
    replace_file(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def lock(path: Path) -> FileLock:
    """A lock between threads and processes, for whoever does the work; the system frees it when that process dies."""
    return FileLock(path, thread_local=False)


def is_held(path: Path) -> bool:
    """Whether somebody holds the lock at `path`; where it or its folder is gone, nobody does.

    Looking takes a shared lock for a moment, so that two who look at once do not take each other for the work.
    """
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        if fcntl is None:
            return _is_held_exclusively(path)
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return False
    except BlockingIOError:
        return True
    finally:
        os.close(handle)


def _is_held_exclusively(path: Path) -> bool:
    """`is_held` where there are no shared locks."""
    try:
        with _probing, lock(path).acquire(timeout=0):
            return False
    except Timeout:
        return True
