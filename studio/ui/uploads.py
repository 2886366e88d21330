"""Uploads on their way in: a folder that fills up file by file, and becomes a dataset once it is complete.

An unfinished upload lies in `<id>.part`. What is complete is renamed, so nothing half-arrived is taken for a dataset.
"""

import os
import secrets
import shutil
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from studio.errors import DataError
from studio.ui.names import Names, safe_name
from studio.workspace import Workspace, fsync_folder

QUOTA = 20 * 1000**3  # bytes of one upload
SPARE = 1000**3  # bytes that stay free on the disk
ABANDONED = 3600.0  # seconds without a byte

Kind = Literal["folder", "zip"]


class UploadError(DataError):
    """An upload that cannot go on."""


class NoRoom(UploadError):
    """More bytes than the disk or the quota has room for."""


@dataclass(frozen=True)
class Announced:
    """What the browser says before it sends a file: its number in this upload, its path and its size in bytes."""

    number: int
    path: str
    size: int


class Upload:
    """One upload. Several requests may bring files at a time; a file that is sent again replaces itself."""

    def __init__(self, part: Path, kind: Kind, name: str) -> None:
        self.id = part.name.removesuffix(".part")
        self.kind, self.part, self.name = kind, part, name
        self.folder = part / "files" / safe_name(name)
        self._incoming = part / "incoming"
        self._names = Names()
        self._places: dict[int, Path] = {}  # of what is complete
        self._announced: dict[int, int] = {}  # bytes of each file, complete or on its way
        self._bytes = 0  # their sum
        self._ended = False
        self._lock = threading.Lock()
        for folder in (self.folder, self._incoming):
            folder.mkdir(parents=True)

    @property
    def files(self) -> int:
        """How many files are complete."""
        return len(self._places)

    def expect(self, announced: Announced) -> Path:
        """Where to write a file that begins to arrive: a name of this attempt only. Raises NoRoom, UploadError."""
        with self._lock:
            self._refuse_ended()
            total = self._bytes - self._announced.get(announced.number, 0) + announced.size
            self.admit(announced.size, total)
            self._bytes, self._announced[announced.number] = total, announced.size
        return self._incoming / secrets.token_hex(8)

    def complete(self, announced: Announced, arrived: Path) -> None:
        """`arrived` is whole: move it to its place. An attempt that was given up cannot harm one that was not."""
        with self._lock:
            self._refuse_ended()
            place = self._places.get(announced.number) or self.folder / self._names.claim(announced.path)
            place.parent.mkdir(parents=True, exist_ok=True)
            os.replace(arrived, place)
            self._places[announced.number] = place

    def admit(self, size: int, total: int) -> None:
        """Raise NoRoom if `size` more bytes are too many for the disk, or `total` too many for one upload."""
        if total > QUOTA:
            raise NoRoom(
                f"This upload is larger than {QUOTA // 1000**3} GB.",
                "Copy the pictures to this computer and type the folder's path instead.",
            )
        if shutil.disk_usage(self.part).free - size < SPARE:
            raise NoRoom(
                "The disk of the computer that runs the studio is almost full.",
                "Free some space, or start the studio with --workspace on another disk.",
            )

    def touch(self) -> None:
        """Note that something arrived just now, so that the upload is not taken for abandoned."""
        with suppress(OSError):
            os.utime(self.part)

    def seal(self) -> Path:
        """Take the upload out of the unfinished ones. Returns the folder with its files."""
        done = self.part.with_name(self.id)
        with self._lock:
            self._refuse_ended()
            self._ended = True
            os.replace(self.folder.parent, done)
        fsync_folder(done.parent)
        shutil.rmtree(self.part, ignore_errors=True)
        return done / self.folder.name

    def remove(self) -> None:
        """Delete whatever arrived."""
        with self._lock:
            self._ended = True
        for folder in (self.part, self.part.with_name(self.id)):
            shutil.rmtree(folder, ignore_errors=True)

    def _refuse_ended(self) -> None:
        if self._ended:
            raise UploadError("This upload has ended or was cancelled.", "Choose the pictures again.")


class Uploads:
    """The uploads of a workspace that are under way in this process."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._open: dict[str, Upload] = {}

    def begin(self, kind: Kind, name: str, size: int) -> Upload:
        """A new, empty upload for `size` bytes. Raises NoRoom. Uploads that were abandoned are removed first."""
        self._sweep()
        part = self._workspace.uploads / f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(4)}.part"
        upload = Upload(part, kind, name or "pictures")
        try:
            upload.admit(size, size)
        except NoRoom:
            upload.remove()
            raise
        self._open[upload.id] = upload
        return upload

    def get(self, id: str) -> Upload:
        """The upload with this id. Raises UploadError where there is none (any more)."""
        if id not in self._open:
            raise UploadError("This upload has ended or was cancelled.", "Choose the pictures again.")
        return self._open[id]

    def forget(self, id: str) -> None:
        """It is no longer under way."""
        self._open.pop(id, None)

    def _sweep(self) -> None:
        for part in self._workspace.uploads.glob("*.part"):
            try:
                idle = time.time() - part.stat().st_mtime
            except OSError:
                continue  # somebody else removed it just now
            if idle > ABANDONED:
                self.forget(part.name.removesuffix(".part"))
                shutil.rmtree(part, ignore_errors=True)
