"""What a check leaves beside the dataset: `report.json`, the last report, and `map.json`, where each picture lies."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from studio.checks.report import Finding, Report, Suggestion
from studio.workspace import write_text

SPAN = 10_000  # places on the map are whole numbers from 0 to this


@dataclass(frozen=True)
class Kept:
    """A report, the fingerprint of the pictures that it is about, and when its check began (seconds since 1970).

    `changed` tells one writing of the report from another.
    """

    report: Report
    fingerprint: str
    at: float
    changed: int = 0


@dataclass(frozen=True)
class Places:
    """Where pictures lie on the map: `paths`, and as many `x` and `y`, whole numbers from 0 to `SPAN`."""

    paths: tuple[str, ...]
    x: tuple[int, ...]
    y: tuple[int, ...]


def keep(folder: Path, report: Report, fingerprint: str, at: float) -> None:
    """Write a report down."""
    whole: dict[str, Any] = asdict(report) | {"verdict": report.verdict, "sentence": report.sentence}
    record = {"fingerprint": fingerprint, "at": at, "report": whole}
    write_text(folder / "report.json", json.dumps(record))


def last(folder: Path) -> Kept | None:
    """The last report; None where there is none, or none that can be read."""
    changed = changed_at(folder)
    return _kept(folder / "report.json", changed) if changed else None


def changed_at(folder: Path) -> int:
    """When the last report was written, in nanoseconds; 0 where there is none."""
    try:
        return (folder / "report.json").stat().st_mtime_ns
    except OSError:
        return 0


def keep_places(folder: Path, fingerprint: str, paths: Sequence[str], places: np.ndarray) -> None:
    """Write down where pictures lie: `places` are (n, 2), of any span; they are spread over the whole map."""
    low, high = (
        (places.min(axis=0), places.max(axis=0)) if len(places) else (np.zeros(2, np.float32), np.ones(2, np.float32))
    )
    spread = np.rint((places - low) / np.maximum(high - low, 1e-9) * SPAN).astype(int)
    x, y = spread.T.tolist() if len(places) else ([], [])
    record = {"fingerprint": fingerprint, "paths": list(paths), "x": x, "y": y}
    write_text(folder / "map.json", json.dumps(record, separators=(",", ":")))


def places(folder: Path) -> Places | None:
    """The map; None where there is none, or none that can be read."""
    changed = places_changed_at(folder)
    return _places(folder / "map.json", changed) if changed else None


def places_changed_at(folder: Path) -> int:
    """When the map was written, in nanoseconds; 0 where there is none."""
    try:
        return (folder / "map.json").stat().st_mtime_ns
    except OSError:
        return 0


@lru_cache(maxsize=4)
def _kept(file: Path, changed: int) -> Kept | None:
    """A report read once: that of 60,000 pictures is several megabytes."""
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
        return Kept(_report(record["report"]), str(record["fingerprint"]), float(record.get("at", 0.0)), changed)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


@lru_cache(maxsize=4)
def _places(file: Path, changed: int) -> Places | None:
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
        paths, x, y = (tuple(record[name]) for name in ("paths", "x", "y"))
        whole = all(isinstance(number, int) for number in (*x, *y))
        return Places(paths, x, y) if whole and len(paths) == len(x) == len(y) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _report(record: dict[str, Any]) -> Report:
    told = {name: value for name, value in record.items() if name not in ("verdict", "sentence", "findings")}
    told["left_out"] = tuple(told.get("left_out", ()))
    return Report(findings=tuple(_finding(finding) for finding in record["findings"]), **told)


def _finding(record: dict[str, Any]) -> Finding:
    shaped = {
        "images": tuple(record.get("images", ())),
        "groups": tuple(tuple(group) for group in record.get("groups", ())),
        "suggestions": {path: Suggestion(**one) for path, one in (record.get("suggestions") or {}).items()},
    }
    return Finding(**{**record, **shaped})
