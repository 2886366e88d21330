"""Which folders a studio may open: whatever its owner can read, or only what the owner allowed."""

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from studio.errors import DataError, StudioError
from studio.workspace import Workspace

_VARIABLE = "THAW_ALLOW"  # how the server tells the pages, as with THAW_WORKSPACE


@dataclass(frozen=True)
class Roots:
    """Folders, with all links followed, below which everything may be opened. None of them: everything may be."""

    folders: tuple[Path, ...] = ()

    @classmethod
    def chosen(cls, folders: Iterable[Path]) -> "Roots":
        """The roots that the owner named. Raises StudioError for what is no folder."""
        found = []
        for folder in folders:
            real = Path(os.path.realpath(folder.expanduser()))
            if not real.is_dir():
                raise StudioError("There is no such folder to allow.", "Check it for typing mistakes.", folder)
            found.append(real)
        return cls(tuple(found))

    @classmethod
    def told(cls, workspace: Workspace) -> "Roots":
        """The roots of the studio that this process is, and its own workspace with what was uploaded."""
        folders = [Path(folder) for folder in json.loads(os.environ.get(_VARIABLE) or "[]")]
        return cls((*folders, Path(os.path.realpath(workspace.root)))) if folders else cls()

    def tell(self) -> None:
        """Make these the roots of this process."""
        os.environ[_VARIABLE] = json.dumps([str(folder) for folder in self.folders])

    def hold(self, path: Path) -> bool:
        """Whether `path`, once every link in it is followed, lies in a root or is one."""
        if not self.folders:
            return True
        real = Path(os.path.realpath(path))
        return any(real.is_relative_to(root) for root in self.folders)

    def admit(self, path: Path) -> Path:
        """`path`. Raises DataError where it lies outside, in the same words whether there is anything or not."""
        if not self.hold(path):
            raise DataError(
                "This path lies outside the folders that this studio may open.",
                f"It may open what lies in {self}. Whoever started it can allow more: thaw ui --allow FOLDER.",
                path,
            )
        return path

    def __str__(self) -> str:
        return ", ".join(map(str, self.folders)) or "any folder"
