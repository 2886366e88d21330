"""Uploads on their way in: a folder that fills up file by file, and becomes a dataset once it is complete.

An unfinished upload lies in `<id>.part`. What is complete is renamed, so nothing half-arrived is taken for a dataset.
A page that has an upload under way sends, or asks what arrived, all the time: one that is silent has gone.
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

from studio.data.called import keep_names
from studio.errors import DataError
from studio.ui.names import Names, safe_name
from studio.workspace import Workspace, fsync_folder

QUOTA = 20 * 1000**3  # bytes of one upload
SPARE = 1000**3  # bytes that stay free on the disk
MOST_FILES = 1_000_000  # of one upload
ABANDONED = 45.0  # seconds without a byte or a question
SWEPT = 10.0  # seconds between two looks for what was abandoned: it is gone within a minute
WORTH_KEEPING = 1 << 20  # bytes of a file that broke off, to go on from; less is sent again as quickly

Kind = Literal["folder", "zip"]


class UploadError(DataError):
    """An upload that cannot go on."""


class NoRoom(UploadError):
    """More bytes than the disk or the quota has room for."""


class NotThere(UploadError):
    """A file that should go on where it broke off, but what arrived of it is not here."""


@dataclass(frozen=True)
class Announced:
    """What the browser says before it sends a file: its number in this upload, its path and its size in bytes.

    `start` is how many of its bytes are here already, from an attempt that broke off.
    """

    number: int
    path: str
    size: int
    start: int = 0


class Upload:
    """One upload. Several requests may bring files at a time; a file that is sent again replaces itself."""

    def __init__(self, part: Path, kind: Kind, name: str) -> None:
        self.id = part.name.removesuffix(".part")
        self.kind, self.part, self.name = kind, part, name
        self.folder = part / "files" / safe_name(name)
        self._incoming = part / "incoming"
        self._names = Names()
        self._places: dict[int, Path] = {}  # of what is complete
        self._called: dict[str, str] = {}  # what files were called that have another name here
        self._announced: dict[int, int] = {}  # bytes of each file, complete or on its way
        self._bytes = 0  # their sum
        self._broken: dict[int, tuple[int, Path]] = {}  # of files that broke off: their size, and what arrived
        self._touched = 0.0
        self._ended = False
        self._lock = threading.Lock()
        for folder in (self.folder, self._incoming):
            folder.mkdir(parents=True)

    @property
    def files(self) -> int:
        """How many files are complete."""
        return len(self._places)

    def arrived(self) -> tuple[list[int], dict[int, int]]:
        """The numbers of the files that are complete, and how many bytes are here of those that broke off."""
        with self._lock:
            parts = {number: path.stat().st_size for number, (_, path) in self._broken.items()}
            return sorted(self._places), parts

    def expect(self, announced: Announced) -> Path:
        """Where to add the bytes of a file that arrives: a name of this attempt only.

        Raises NoRoom, NotThere for a file to go on with that is not here, or UploadError.
        """
        with self._lock:
            self._refuse_ended()
            total = self._bytes - self._announced.get(announced.number, 0) + announced.size
            if len(self._announced) >= MOST_FILES and announced.number not in self._announced:
                raise NoRoom(f"This upload has more than {MOST_FILES:,} files.", "Send a zip file, or fewer files.")
            self.admit(announced.size - announced.start, total)
            arrived = self._go_on(announced) if announced.start else self._incoming / secrets.token_hex(8)
            self._bytes, self._announced[announced.number] = total, announced.size
        return arrived

    def broke_off(self, announced: Announced, arrived: Path) -> None:
        """Keep what arrived of a file, to go on from, unless more of it is here or it is hardly worth it."""
        with self._lock, suppress(FileNotFoundError):
            size, before = self._broken.get(announced.number, (0, None))
            here = before.stat().st_size if before and size == announced.size else 0
            done = self._ended or announced.number in self._places
            if done or arrived.stat().st_size < max(WORTH_KEEPING, here + 1):
                arrived.unlink()
                return
            self._broken[announced.number] = announced.size, arrived
            if before:
                before.unlink(missing_ok=True)

    def complete(self, announced: Announced, arrived: Path) -> None:
        """`arrived` is whole: move it to its place. An attempt that was given up cannot harm one that was not."""
        with self._lock:
            self._refuse_ended()
            place = self._places.get(announced.number) or self.folder / self._names.claim(announced.path)
            place.parent.mkdir(parents=True, exist_ok=True)
            os.replace(arrived, place)
            self._places[announced.number] = place
            if place != self.folder / announced.path:
                self._called[place.relative_to(self.folder.parent).as_posix()] = announced.path
            if broken := self._broken.pop(announced.number, None):
                broken[1].unlink(missing_ok=True)

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
        """Note that the page is still there, so that the upload is not taken for abandoned."""
        if time.monotonic() - self._touched > 1:
            self._touched = time.monotonic()
            with suppress(OSError):
                os.utime(self.part)

    def seal(self) -> Path:
        """Take the upload out of the unfinished ones. Returns the folder with its files."""
        done = self.part.with_name(self.id)
        with self._lock:
            self._refuse_ended()
            self._ended = True
            keep_names(self.folder.parent, self._called)
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

    def _go_on(self, announced: Announced) -> Path:
        """What broke off of a file, cut to where this attempt begins. Nobody else is given it meanwhile."""
        size, path = self._broken.get(announced.number, (0, None))
        if path is None or size != announced.size or path.stat().st_size < announced.start:
            raise NotThere("What arrived of this file is not here any more.", "Send it from its beginning.")
        del self._broken[announced.number]
        os.truncate(path, announced.start)
        return path

    def _refuse_ended(self) -> None:
        if self._ended:
            raise UploadError("This upload has ended or was cancelled.", "Choose the pictures again.")


class Uploads:
    """The uploads of a workspace that are under way in this process."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._open: dict[str, Upload] = {}
        self._lock = threading.Lock()
        self._swept = False  # whether a thread looks for what was abandoned
        self._keep_swept()  # what a studio that was killed left behind

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
        self._keep_swept()
        return upload

    def get(self, id: str) -> Upload:
        """The upload with this id. Raises UploadError where there is none (any more)."""
        upload = self._open.get(id)
        if upload is None:
            raise UploadError("This upload has ended or was cancelled.", "Choose the pictures again.")
        return upload

    def forget(self, id: str) -> None:
        """It is no longer under way."""
        self._open.pop(id, None)

    def _keep_swept(self) -> None:
        """Look for what was abandoned every few seconds, for as long as there is an unfinished upload."""
        with self._lock:
            if not self._swept and any(self._workspace.uploads.glob("*.part")):
                self._swept = True
                threading.Thread(target=self._sweep_on, daemon=True).start()

    def _sweep_on(self) -> None:
        while True:
            time.sleep(SWEPT)
            self._sweep()
            with self._lock:
                if not any(self._workspace.root.glob("uploads/*.part")):
                    self._swept = False
                    return

    def _sweep(self) -> None:
        for part in self._workspace.root.glob("uploads/*.part"):
            try:
                idle = time.time() - part.stat().st_mtime
            except OSError:
                continue  # somebody else removed it just now
            if idle > ABANDONED:
                if upload := self._open.pop(part.name.removesuffix(".part"), None):
                    upload.remove()
                shutil.rmtree(part, ignore_errors=True)
