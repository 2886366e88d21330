"""The safety meter in the background: a thread that writes what it found beside the dataset.

What was found lies in `safety/`, by pictures, backbone and steps; how it stands is told by `studio.ui.background`.
"""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from studio.augment.pipeline import Pipeline
from studio.data.dataset import Dataset
from studio.data.library import Entry
from studio.data.picture import open_image
from studio.errors import PictureError
from studio.model.waking import wake
from studio.recipe import Recipe
from studio.ui import pictures
from studio.ui.background import Background, Standing, Tell
from studio.ui.shown import shape
from studio.workspace import Workspace, write_text

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


def background(entry: Entry) -> Background:
    """The measuring of a dataset's pipelines, one at a time."""
    return Background(entry.folder, "safety")


def state(entry: Entry) -> Standing | None:
    """How the measurement that goes stands, or the last one if it came to no end; None: there is nothing to say."""
    return background(entry).state()


def begin(entry: Entry, dataset: Dataset, recipe: Recipe) -> None:
    """Measure in the background; no second one where one goes already, in whatever tab or process."""
    path = place(entry, dataset, recipe)
    background(entry).begin(lambda tell: _measure(entry, dataset.root, recipe, path, tell))


def _measure(entry: Entry, root: Path, recipe: Recipe, path: Path, tell: Tell) -> None:
    """The whole work of the thread."""
    wake()
    from studio.results.meter import safety

    told = safety(recipe, Workspace(entry.folder.parent.parent))
    while True:
        try:
            tell(next(told))
        except StopIteration as end:
            steps, paths = end.value
            _keep(path, [_told(root, recipe, step, paths) for step in steps])
            return


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
