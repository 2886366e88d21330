"""Running ways of training in turns, each in a process of its own, and the table of what came of it."""

import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

from tests.bench.environment import interpreter

HERE = Path(__file__).parent
SHARED = ("torch", "torchvision", "timm", "numpy", "pillow")
CHECKOUT = HERE.parents[2]
ROUNDS = int(os.environ.get("THAW_BENCH_ROUNDS", "3"))
WORKERS = int(os.environ.get("THAW_BENCH_WORKERS", "4"))


def peers_python() -> Path:
    """The Python that the peers run with: of what both have, the product's own versions."""
    wanted = (HERE / "requirements.txt").read_text(encoding="utf-8")
    public = {name: version(name).partition("+")[0] for name in SHARED}  # 2.15.0 of 2.15.0+cpu
    same = "".join(f"{name}=={number}\n" for name, number in public.items())
    return interpreter("bench-peers", "THAW_BENCH_ENV", wanted, same)


@dataclass(frozen=True)
class Outcome:
    """What one run told: its epochs, each a record of job.py's Report, and its last line."""

    epochs: list[dict[str, Any]]
    done: dict[str, Any]

    @property
    def seconds(self) -> float:
        return self.done["seconds"]

    @property
    def reached(self) -> bool:
        return self.done["reached"]

    @property
    def accuracy(self) -> float:
        return max(epoch["val_accuracy"] for epoch in self.epochs)

    @property
    def steady_epoch(self) -> float:
        """Median seconds of an epoch after the first, validation included."""
        return median(epoch["epoch_seconds"] for epoch in self.epochs[1:])

    @property
    def steady_pace(self) -> float:
        """Pictures learnt from in a second: of the steps timed, or the median of the epochs after the first."""
        if len(self.epochs) < 2:
            return self.done["images_per_second"]
        return median(epoch["images_per_second"] for epoch in self.epochs[1:])


def run(way: str, job: dict[str, Any]) -> Outcome:
    """One run of `ours` or a peer, in its environment. Raises RuntimeError with what it said where it broke down."""
    mine = way == "ours"
    python = Path(sys.executable) if mine else peers_python()
    paths = {"PYTHONPATH": str(CHECKOUT)} if mine else {"PYTHONPATH": ""}
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch, "job.json")
        file.write_text(json.dumps({"workers": WORKERS, **job}), encoding="utf-8")
        done = subprocess.run(
            [str(python), str(HERE / f"{way}.py"), str(file)],
            env={**os.environ, **paths},
            cwd=scratch,
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise RuntimeError(f"{way} broke down:\n{done.stderr[-3000:]}")
    records = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return Outcome([record for record in records if "epoch" in record], records[-1])


def in_turns(**jobs: dict[str, Any]) -> dict[str, list[Outcome]]:
    """ROUNDS outcomes of every way, taken in turns: a machine that slows down slows all of them."""
    if "ours" not in jobs or len(jobs) < 2:
        raise ValueError("ours is compared with at least one peer")
    peers_python()  # installing it is no part of any turn
    found: dict[str, list[Outcome]] = {way: [] for way in jobs}
    for _ in range(ROUNDS):
        for way, job in jobs.items():
            found[way].append(run(way, job))
    return found


@dataclass(frozen=True)
class Row:
    """One line of the table. `ratio`: how many times better ours is, by medians."""

    what: str
    ours: str
    peer: str
    theirs: str
    ratio: float
    asked: float
    remark: str = ""

    @classmethod
    def of(
        cls,
        what: str,
        found: dict[str, list[Outcome]],
        asked: float,
        of: Callable[[Outcome], float],
        unit: str,
        remark: str = "",
    ) -> "Row":
        """A row of a measure in seconds (fewer are better) or in pictures/s (more are)."""
        ours, (peer, theirs) = found["ours"], next(item for item in found.items() if item[0] != "ours")
        mine, other = (median(of(outcome) for outcome in outcomes) for outcomes in (ours, theirs))
        ratio = other / mine if unit == "s" else mine / other
        return cls(what, _figure(mine, unit), peer, _figure(other, unit), ratio, asked, remark)

    def __str__(self) -> str:
        verdict = "yes" if self.ratio >= self.asked else "no"
        cells = (self.what, self.ours, self.peer, self.theirs, f"{self.ratio:.1f}", f"{self.asked:g}", verdict)
        return f"| {' | '.join(cells)} | {self.remark} |"


def _figure(value: float, unit: str) -> str:
    return f"{value:,.{0 if value >= 1000 else 2 if value >= 1 else 4}f} {unit}"


@dataclass
class Table:
    """The rows of one session."""

    rows: list[Row] = field(default_factory=list)

    def add(self, row: Row) -> None:
        self.rows.append(row)
        print(f"\n{row}", flush=True)

    def __str__(self) -> str:
        head = "| what | ours | against | theirs | times | asked | met | remark |\n|---|---|---|---|---|---|---|---|"
        return "\n".join((f"\n{machine()}, medians of {ROUNDS}\n", head, *map(str, self.rows)))


def machine() -> str:
    """What this was measured on, in a line."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("torch", "timm"))
    return f"{_cores()} cores, {_processor()}, {packages}, Python {platform.python_version()}"


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _processor() -> str:
    listing = Path("/proc/cpuinfo")
    lines = listing.read_text(encoding="utf-8").splitlines() if listing.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
