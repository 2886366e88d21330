"""How many pictures a second a frozen backbone looks at on this machine: measured where it was, else estimated.

What was measured lies in the workspace's cache, by processor, backbone and size. The others are estimated from their
floating-point operations and the numbers that they move: how long one of each takes is fitted to what was measured.
"""

import json
import os
import platform
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from studio.model.listing import Row
from studio.model.waking import wake
from studio.workspace import Workspace, write_text

_BATCH = 16  # pictures at once
_SECONDS = 0.8  # that a measurement takes, its warming up left out
_MOVED_SHARE = 25.0  # operations that moving a number counts as: a guess, until three measurements tell


@dataclass(frozen=True)
class Pace:
    """Pictures a second, and whether they were measured or estimated."""

    pictures: float
    measured: bool


@cache
def machine() -> str:
    """This machine in a few words that stay the same: its processor and how many threads torch would take."""
    name = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), name)
    except OSError:
        pass
    return f"{name}, {os.cpu_count()} threads"


def kept(workspace: Workspace) -> dict[str, float]:
    """What was measured on this machine before: pictures a second, by `architecture@size`."""
    return {str(name): float(pace) for name, pace in _read(workspace).get(machine(), {}).items()}


def keep(workspace: Workspace, row: Row, pictures: float) -> None:
    """Keep a measurement."""
    everything = _read(workspace)
    everything.setdefault(machine(), {})[key(row)] = round(pictures, 3)
    write_text(_file(workspace), json.dumps(everything, indent=1))


def key(row: Row) -> str:
    """What a measurement is kept under: the weights' values do not matter for it."""
    return f"{row.architecture}@{row.size}"


def paces(rows: Iterable[Row], measured: Mapping[str, float]) -> dict[str, Pace]:
    """The pace of each row, by its name, where it can be known: nothing is estimated before one was measured."""
    rows = list(rows)
    a, b = _fit([(row, measured[key(row)]) for row in rows if key(row) in measured and row.flops and row.moved])
    found = {}
    for row in rows:
        if key(row) in measured:
            found[row.name] = Pace(measured[key(row)], True)
        elif a and row.flops and row.moved:
            found[row.name] = Pace(1 / (a * row.flops + b * row.moved), False)
    return found


def _fit(known: Sequence[tuple[Row, float]]) -> tuple[float, float]:
    """Seconds for an operation and for a number moved, neither below 0; (0, 0) where nothing was measured.

    Least squares of relative errors. One measurement alone tells one number: then their ratio is the usual one.
    """
    shapes = {key(row): (row.flops or 0, row.moved or 0, pace) for row, pace in known}
    table = np.array([[flops * pace, moved * pace] for flops, moved, pace in shapes.values()], dtype=float)
    if not len(table):
        return 0.0, 0.0
    usual = table @ np.array([1.0, _MOVED_SHARE])
    one = float(usual.sum() / (usual @ usual))
    if len(table) < 3:
        return one, one * _MOVED_SHARE
    (a, b), *_ = np.linalg.lstsq(table, np.ones(len(table)), rcond=None)
    if a > 0 and b > 0:
        return float(a), float(b)
    alone = [float(column.sum() / (column @ column)) for column in table.T]
    errors = [float(((column * share - 1) ** 2).sum()) for column, share in zip(table.T, alone, strict=True)]
    return (alone[0], 0.0) if errors[0] <= errors[1] else (0.0, alone[1])


def measure(rows: Sequence[Row], workspace: Workspace) -> Iterator[tuple[int, Row, float]]:
    """Time each row's network for about a second; yields how many are done, the row and its pictures a second.

    Time it while nothing else computes. Raises BackboneError where a network cannot be built.
    """
    wake()
    for done, row in enumerate(rows, 1):
        pictures = _time(row)
        keep(workspace, row, pictures)
        yield done, row, pictures


def _time(row: Row) -> float:
    """Pictures a second through the frozen network, in the way that training runs it."""
    wake()
    import torch

    from studio.model.boundary import cut
    from studio.model.frozen import Frozen
    from studio.model.stages import stages
    from studio.model.weights import build

    with torch.random.fork_rng():
        model = build(row.architecture, 2, pretrained=False, image_size=row.size).eval()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    squares = torch.rand(_BATCH, 3, row.size, row.size, device=device).to(memory_format=torch.channels_last)
    depth = len(stages(model))
    with torch.no_grad():
        halves = cut(model, [depth], squares[:3])
        look: Any = Frozen(halves.front([depth]), device) if halves else model
        look(squares)
        _wait(device)
        looked, began = 0, time.perf_counter()
        while (took := time.perf_counter() - began) < _SECONDS:
            look(squares)
            _wait(device)
            looked += _BATCH
    return looked / took


def _wait(device: Any) -> None:
    """Until the device has done what it was given."""
    if device.type == "cuda":
        import torch

        torch.cuda.synchronize()


def _file(workspace: Workspace) -> Path:
    return workspace.cache / "paces.json"


def _read(workspace: Workspace) -> dict[str, Any]:
    try:
        found = json.loads(_file(workspace).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
