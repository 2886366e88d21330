"""A run in a few words: one row of a list, and the document of its outcome."""

from typing import Any

from studio.errors import RunError
from studio.results.evaluate import interval
from studio.runs.foretold import foretold
from studio.runs.run import Run


def summary(run: Run) -> dict[str, Any]:
    """A row: run, name, status, created (ISO 8601), data, backbone, strategy, epochs, val_accuracy, seconds.

    A run whose recipe cannot be read is listed as "damaged".
    """
    try:
        recipe, progress = run.recipe, run.progress()
    except RunError:
        return {
            "run": run.id,
            "name": run.id,
            "status": "damaged",
            "created": run.created.isoformat(),
            "data": None,
            "backbone": None,
            "strategy": None,
            "epochs": None,
            "val_accuracy": None,
            "seconds": None,
        }
    return {
        "run": run.id,
        "name": run.name,
        "status": progress.status,
        "created": run.created.isoformat(),
        "data": recipe.data.source,
        "backbone": recipe.model.backbone,
        "strategy": recipe.freeze.strategy,
        "epochs": len(progress.validated),
        "val_accuracy": progress.val_accuracy,
        "seconds": progress.seconds,
    }


def outcome(run: Run) -> dict[str, Any]:
    """What became of a run, as `thaw train --json` prints it. What is not known yet is None.

    `frozen_tensors` is how many parameters and statistics were frozen at any time, and `frozen_changed` names those of
    them that changed all the same: none, if everything is right. `cost` has what it took beside what was predicted.
    """
    progress = run.progress()
    started, finished = progress.started, progress.finished
    counted = progress.looked or started
    best = progress.best
    low = high = None
    if counted and progress.val_accuracy is not None:
        low, high = interval(round(progress.val_accuracy * counted.val_images), counted.val_images)
    return {
        "run": run.id,
        "status": progress.status,
        "backbone": run.recipe.model.backbone,
        "stages": started.stages if started else None,
        "frozen_stages": started.frozen_stages if started else None,
        "parameters": started.parameters if started else None,
        "trainable_parameters": started.trainable_parameters if started else None,
        "cost": foretold(progress).as_dict(),
        "frozen_tensors": progress.proven.tensors if progress.proven else None,
        "frozen_changed": progress.proven.changed if progress.proven else None,
        "classes": started.classes if started else None,
        "train_images": counted.train_images if counted else None,
        "val_images": counted.val_images if counted else None,
        "epochs": len(progress.validated),
        "seconds": finished.seconds if finished else progress.seconds,
        "images_per_second": progress.images_per_second,
        "train_loss": best.train_loss if best else None,
        "val_loss": best.val_loss if best else None,
        "val_accuracy": progress.val_accuracy,
        "val_accuracy_low": low,
        "val_accuracy_high": high,
        "checkpoint": str(run.folder / progress.checkpoint) if progress.checkpoint else None,
    }
