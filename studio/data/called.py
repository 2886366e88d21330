"""What uploaded files were called before their names were made safe: shown to a person, never part of a path."""

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from studio.workspace import Workspace, write_text

_FILE = "names.json"
_MOST = 256 << 20  # bytes of it that are read


def keep_names(upload: Path, names: Mapping[str, str]) -> None:
    """Write down, beside an upload's files, what those were called whose names are different on disk.

    `names` go by the path within `upload`, with forward slashes.
    """
    if names:
        write_text(upload / _FILE, json.dumps(names))


def called(root: Path, workspace: Workspace) -> dict[str, str]:
    """What the pictures under a dataset's root were called, by their path under it; empty for what was not uploaded."""
    uploads, real = workspace.uploads.resolve(), root.resolve()
    if uploads not in real.parents:
        return {}
    upload = uploads / real.relative_to(uploads).parts[0]
    with suppress(OSError, ValueError, RecursionError, AttributeError):
        if (upload / _FILE).stat().st_size <= _MOST:
            known = json.loads((upload / _FILE).read_text(encoding="utf-8"))
            before = f"{real.relative_to(upload).as_posix()}/"
            return {path.removeprefix(before): str(name) for path, name in known.items() if path.startswith(before)}
    return {}
