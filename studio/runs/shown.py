"""What a watching page is sent of a run: small, safe for JSON, and with its peaks, however long the run is."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any, TypeVar

import pandas as pd

from studio.runs.marks import marks
from studio.runs.pace import seconds
from studio.training.events import Event, Stepped, Validated

if TYPE_CHECKING:
    from studio.runs.progress import Progress

MOST = 44_000  # bytes; the route adds what is asked, pinned and found by the doctor
_DRAWN = 400  # moments that a curve is thinned to before it is sent to a browser; where that is too much, fewer
_CLASSES = 12  # the worst ones, drawn one by one
_PINNED_CLASSES = 3  # the likeliest ones of a pinned picture
_HISTORY = ("train_loss", "val_loss", "train_accuracy", "val_accuracy", "lr", "images_per_second")
_CURVE = ("train_loss", "train_accuracy", "lr", "images_per_second")

_Row = TypeVar("_Row", Stepped, Validated)


def as_dict(progress: "Progress") -> dict[str, Any]:
    """What a watching page needs, safe for JSON and under 50 kB however long the run is."""
    points = _DRAWN
    while True:
        record = _standing(progress) | _drawn(progress, points)
        if points <= 25 or len(json.dumps(record, separators=(",", ":"))) <= MOST:
            return record
        points //= 2


def _standing(progress: "Progress") -> dict[str, Any]:
    """How the run stands, in numbers and words."""
    failure = asdict(progress.failure) if progress.failure else None
    if failure:
        failure["details"] = failure["details"][-4000:]
    return {
        "status": progress.status,
        "sentence": progress.sentence,
        "is_live": progress.is_live,
        "device": progress.started.device if progress.started else None,
        "epoch": progress.epoch,
        "epochs": progress.epochs,
        "step": progress.step,
        "steps": progress.steps,
        "steps_per_epoch": progress.steps_per_epoch,
        "share_done": progress.share_done,
        "seconds": progress.seconds,
        "seconds_left": progress.seconds_left,
        "images_per_second": progress.images_per_second,
        "best_epoch": progress.best_epoch,
        "val_accuracy": progress.val_accuracy,
        "lr": progress.lr,
        "depth": progress.thaws[-1].depth if progress.thaws else None,
        "stages": [stage[:60] for stage in progress.started.stages] if progress.started else [],
        "warnings": [warning.sentence[:600] for warning in progress.warnings[:20]],
        "notes": [note[:300] for note in progress.notes[:20]],
        "hindered": f"{progress.hindered.sentence} {progress.hindered.remedy}".strip() if progress.hindered else None,
        "failure": failure,
    }


def _drawn(progress: "Progress", points: int) -> dict[str, Any]:
    """What the charts are drawn from, in about `points` moments and half as many epochs."""
    epochs, moments = thinned(progress.validated, points // 2), thinned(list(progress.stepped), points)
    return {
        "history": {
            "epoch": [event.epoch for event in epochs],
            "step": [event.step for event in epochs],
            "time": _times(progress, epochs),
            **{name: _column(epochs, name) for name in _HISTORY},
        },
        "curve": {
            "epoch": [round(event.step / progress.steps_per_epoch, 5) for event in moments],
            "time": _times(progress, moments),
            **{name: _column(moments, name) for name in _CURVE},
        },
        "classes": _classes(progress, points // 5),
        "pins": _pins(progress, points // 10),
        "marks": [
            {
                "kind": mark.kind,
                "step": mark.step,
                "epoch": round(mark.step / progress.steps_per_epoch, 5),
                "time": round(seconds(progress, mark.at), 1),
                "label": mark.label,
                "sentence": mark.sentence[:300],
            }
            for mark in marks(progress)
        ],
    }


def _classes(progress: "Progress", points: int) -> dict[str, Any] | None:
    """Epoch by epoch how often each class is named rightly: of the classes that do worst now."""
    measured = [event for event in progress.validated if event.class_accuracy]
    if not measured or progress.started is None:
        return None
    now, names = measured[-1].class_accuracy or [], progress.started.classes
    known = [place for place, share in enumerate(now[: len(names)]) if share is not None]
    worst = sorted(known, key=lambda place: now[place] or 0.0)[:_CLASSES]
    epochs = _spread(measured, points)
    return {
        "of": len(names),
        "names": [names[place][:80] for place in worst],
        "epoch": [event.epoch for event in epochs],
        "step": [event.step for event in epochs],
        "time": _times(progress, epochs),
        "accuracy": [[_rounded((event.class_accuracy or [])[place]) for event in epochs] for place in worst],
    }


def _pins(progress: "Progress", points: int) -> list[dict[str, Any]]:
    """For each pinned picture how likely its likeliest classes were, epoch by epoch."""
    names, found = progress.started.classes if progress.started else [], []
    for picture in dict.fromkeys(event.picture for event in progress.tried):
        answers = [event for event in progress.tried if event.picture == picture]
        now = answers[-1].probabilities[: len(names)]
        likeliest = sorted(range(len(now)), key=lambda place: -now[place])[:_PINNED_CLASSES]
        told = _spread(answers, points)
        found.append(
            {
                "picture": picture,
                "epoch": [event.epoch for event in told],
                "names": [names[place][:80] for place in likeliest],
                "chances": [[_rounded(event.probabilities[place]) for event in told] for place in likeliest],
            }
        )
    return found[:8]


def thinned(rows: Sequence[_Row], points: int = _DRAWN) -> Sequence[_Row]:
    """About `points` of them at most; each stretch keeps its lowest and highest train_loss, so peaks stay."""
    if len(rows) <= points:
        return rows
    stretches, kept = max(points // 2 - 1, 1), {0, len(rows) - 1}
    for stretch in range(stretches):
        places = range(len(rows) * stretch // stretches, len(rows) * (stretch + 1) // stretches)
        if places:
            kept |= {min(places, key=lambda at: rows[at].train_loss or 0.0)}
            kept |= {max(places, key=lambda at: rows[at].train_loss or 0.0)}
    return [rows[place] for place in sorted(kept)]


def frame(events: Iterable[Event], kind: type[Event]) -> pd.DataFrame:
    names = [part.name for part in fields(kind)]
    return pd.DataFrame([[getattr(event, name) for name in names] for event in events], columns=names)


def _spread(rows: Sequence[Any], points: int) -> Sequence[Any]:
    """At most `points` of them, evenly, the last one always."""
    if len(rows) <= points:
        return rows
    return [rows[(len(rows) - 1) * place // (points - 1)] for place in range(points)]


def _times(progress: "Progress", rows: Sequence[Event]) -> list[float]:
    return [round(seconds(progress, event.at), 1) for event in rows]


def _column(rows: Sequence[Event], name: str) -> list[float | None]:
    return [_rounded(getattr(event, name)) for event in rows]


def _rounded(value: float | None) -> float | None:
    """Five digits that count: a rate of 0.0000012 is not zero."""
    return None if value is None else float(f"{value:.5g}")
