"""The safety meter in the background: a thread that writes how far it is and what it found beside the dataset.

Truth lies in the dataset's folder: `safety.lock` is held while one goes, `safety.json` tells of one that goes or
came to no end, `safety.cancel` asks it to end. What was found lies in `safety/`, by pictures, backbone and steps.
"""

import hashlib
import json
import threading
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from filelock import Timeout

from studio.augment.pipeline import Pipeline
from studio.data.dataset import Dataset
from studio.data.library import Entry
from studio.data.picture import open_image
from studio.errors import PictureError, StudioError
from studio.model.waking import wake
from studio.recipe import Recipe
from studio.ui import pictures
from studio.ui.shown import shape
from studio.workspace import Workspace, is_held, lock, write_text

_SEEN = 4  # examples kept of a step
_KEPT = 40  # measurements kept of a dataset


def place(entry: Entry, dataset: Dataset, recipe: Recipe) -> Path:
    """Where the measurement of this recipe's steps on these pictures lies, or would."""
    geometry = shape(recipe)
    asked = (recipe.model.model_dump(), recipe.data.val_share, recipe.seed, Pipeline(recipe.augment, 64).identity)
    told = json.dumps([dataset.fingerprint, str(geometry), *asked])
    return entry.folder / "safety" / f"{hashlib.blake2b(told.encode(), digest_size=12).hexdigest()}.json"


def found(path: Path) -> dict[str, Any] | None:
    """An earlier measurement, if there is one: `steps`, each with title, sentence, severity, classes and examples."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def state(entry: Entry) -> dict[str, str]:
    """How the measurement that goes stands, or the last one if it came to no end; empty where there is nothing to say.

    `status` is running, cancelled, failed or interrupted; `what` says what it does, or why it failed, then `remedy`.
    """
    try:
        told = json.loads((entry.folder / "safety.json").read_text(encoding="utf-8"))
        status, what, remedy = (str(told[name]) for name in ("status", "what", "remedy"))
    except (OSError, ValueError, TypeError, KeyError):
        return {}
    if status == "running" and not is_held(entry.folder / "safety.lock"):
        return {"status": "interrupted"}
    return {"status": status, "what": what, "remedy": remedy}


def cancel(entry: Entry) -> None:
    """Ask the measurement to end after the step that it is at."""
    (entry.folder / "safety.cancel").touch()


def begin(entry: Entry, dataset: Dataset, recipe: Recipe, wait: float = 0.5) -> None:
    """Measure in the background; no second one where one goes already, in whatever tab or process."""
    held = lock(entry.folder / "safety.lock")
    try:
        held.acquire(timeout=0.5)
    except Timeout:
        return
    (entry.folder / "safety.cancel").unlink(missing_ok=True)
    _write(entry, "running", "Getting ready")
    path = place(entry, dataset, recipe)

    def work() -> None:
        try:
            _measure(entry, dataset.root, recipe, path)
        finally:
            held.release()

    thread = threading.Thread(target=work, name=f"safety {entry.id}", daemon=True)
    thread.start()
    thread.join(wait)


def _measure(entry: Entry, root: Path, recipe: Recipe, path: Path) -> None:
    """The whole work of the thread; whatever comes of it is written down."""
    wake()
    from studio.results.meter import safety

    told = safety(recipe, Workspace(entry.folder.parent.parent))
    try:
        while True:
            _write(entry, "running", next(told))
            if (entry.folder / "safety.cancel").exists():
                _write(entry, "cancelled")
                return
    except StopIteration as end:
        steps, paths = end.value
        _keep(path, [_told(root, recipe, step, paths) for step in steps])
        (entry.folder / "safety.json").unlink(missing_ok=True)
    except StudioError as error:
        _write(entry, "failed", str(error.what), str(error.remedy))
    except OSError as error:
        _write(entry, "failed", f"The measurement could not go on ({error.strerror}).", "Measure again.")


def _keep(path: Path, steps: list[dict[str, Any]]) -> None:
    path.parent.mkdir(exist_ok=True)
    write_text(path, json.dumps({"steps": steps}, ensure_ascii=False))
    old = sorted(path.parent.glob("*.json"), key=lambda each: each.stat().st_mtime)
    for each in old[:-_KEPT]:
        each.unlink(missing_ok=True)


def _told(root: Path, recipe: Recipe, step: Any, paths: list[str]) -> dict[str, Any]:
    """A step's findings as plain values, with pictures of what flipped in the class that suffers most."""
    rows = step.worst.examples[:_SEEN] if step.worst else ()
    return {
        "title": step.title,
        "sentence": step.sentence,
        "severity": step.severity,
        "classes": [{**asdict(each), "severity": each.severity} for each in step.classes],
        "examples": [pair for row in rows for pair in _example(root, recipe, step, paths[row], row)],
    }


def _example(root: Path, recipe: Recipe, step: Any, path: str, row: int) -> list[dict[str, str]]:
    """A picture before and after; none where it does not open any more."""
    wake()
    from studio.results.safety import alone

    geometry = shape(recipe)
    try:
        base = geometry.base(open_image(root / path, at_least=geometry.base_size))
    except PictureError:
        return []
    after = alone(step.step, geometry, base, recipe.seed, row)
    return [{"path": path, "before": _small(geometry.centre(base)), "after": _small(after)}]


def _small(picture: np.ndarray) -> str:
    return pictures.inline(picture[:: max(1, picture.shape[0] // 160), :: max(1, picture.shape[1] // 160)])


def _write(entry: Entry, status: str, what: str = "", remedy: str = "") -> None:
    write_text(entry.folder / "safety.json", json.dumps({"status": status, "what": what, "remedy": remedy}))
