"""What was measured is kept in the workspace's cache, and found by the pictures and by what was asked of them."""

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from studio import __version__
from studio.data.dataset import Dataset
from studio.recipe import Recipe
from studio.workspace import Workspace, write_text

_KEPT = 200  # results of a kind


def place(workspace: Workspace, kind: str, dataset: Dataset, recipe: Recipe, asked: Any) -> Path:
    """Where the result of a `kind` lies, or would. `dataset` is as it was opened; `recipe` says how it is divided.

    `asked` is all else that decides the result, as JSON takes it.
    """
    told = [__version__, dataset.fingerprint, recipe.data.val_share, recipe.seed, asked]
    digest = hashlib.blake2b(json.dumps(told, sort_keys=True).encode(), digest_size=12).hexdigest()
    return workspace.cache / "advice" / f"{kind}-{digest}.json"


def read(path: Path) -> dict[str, Any] | None:
    """What was kept there; None where there is nothing, or it is damaged."""
    with suppress(OSError, ValueError):
        found = json.loads(path.read_text(encoding="utf-8"))
        return found if isinstance(found, dict) else None
    return None


def keep(path: Path, record: Mapping[str, Any]) -> None:
    """Keep it beside the last few hundred others. A disk that takes nothing costs the next one some time, no more."""
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, json.dumps(record, ensure_ascii=False))
        kind = path.name.partition("-")[0]
        others = sorted(path.parent.glob(f"{kind}-*.json"), key=lambda each: each.stat().st_mtime)
        for old in others[:-_KEPT]:
            old.unlink(missing_ok=True)
