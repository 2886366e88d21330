"""A source of pictures under one short name: the same folder, zip or table always has the same id."""

import hashlib
import os
from pathlib import Path
from urllib.parse import unquote, urlparse

from studio.errors import DataError
from studio.workspace import Workspace, slug


def located(source: str | Path) -> Path:
    """`source` as an absolute path without links: `~` expanded, quotes and `file://` (as pasted) taken away.

    It need not exist. Raises DataError for what can be no path, or one that may not be looked at.
    """
    text = os.path.expanduser(source)
    try:
        if isinstance(source, str) and not os.path.exists(text):
            text = os.path.expanduser(_unwrapped(source))
        if not text:
            raise DataError("No path was given.", "Name a folder, a .zip or a .csv file.")
        path = Path(text).resolve()
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return Path(text).resolve()
    except (OSError, ValueError, RuntimeError) as error:
        why = getattr(error, "strerror", None) or error
        raise DataError(f"This path cannot be used ({why}).", "Check it for typing mistakes.", text) from error
    return path


def _unwrapped(text: str) -> str:
    text = text.strip().strip("\"'")
    return unquote(urlparse(text).path) if text.startswith("file://") else text


def identity(source: str | Path) -> str:
    """The id of a source: its name made safe, a dash, and six hex digits of its whole path."""
    path = located(source)
    digest = hashlib.blake2b(str(path).encode("utf-8", "surrogateescape"), digest_size=3)
    return f"{slug(path.stem if path.suffix.lower() in ('.zip', '.csv') else path.name)}-{digest.hexdigest()}"


def home(source: str | Path, workspace: Workspace) -> Path:
    """The folder in the workspace that belongs to a source. It is not made here."""
    return workspace.datasets / identity(source)
