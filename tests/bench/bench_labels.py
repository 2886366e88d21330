"""Wrong labels and odd pictures: the studio beside cleanlab and cleanvision on one planted folder, and on 60,000.

`make bench`, or this file alone. THAW_BENCH_PICTURES names a folder of class folders of photographs. The two others run
in an environment of their own (labels/requirements.txt), never the product's; cleanlab is given the studio's features.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from studio.checks import check, walk
from studio.checks.report import Report
from studio.data.intake import read_folder
from studio.training.embed import embed
from studio.workspace import Workspace
from tests.bench.bench_engine import many
from tests.bench.labels import oracles_python
from tests.bench.peers.turns import machine
from tests.checks.planted import Planted, plant

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Row:
    """What one found of one kind of fault, and how long it took for all that it looks for."""

    what: str
    who: str
    seconds: float
    found: frozenset[str]
    truth: frozenset[str]

    def __str__(self) -> str:
        hit = len(self.found & self.truth)
        recall, precision = hit / max(1, len(self.truth)), hit / max(1, len(self.found))
        return f"| {self.what} | {self.who} | {len(self.found)} | {recall:.3f} | {precision:.3f} | {self.seconds:.1f} |"


@pytest.mark.parametrize("frame", ["none", "folder", "label"])
def bench_planted(frame: str, tmp_path: Path) -> None:
    """5 % wrong labels and the other faults; without a frame, with one that follows the folder, or the true class."""
    source = os.environ.get("THAW_BENCH_PICTURES")
    if not source:
        pytest.skip("THAW_BENCH_PICTURES names no folder of photographs.")
    follows = "label" if frame == "label" else "folder"
    planted = plant(Path(source), tmp_path / "planted", frame=frame != "none", frame_follows=follows)
    workspace = Workspace.at(tmp_path / "workspace")
    rows = [*ours(planted, workspace), *theirs(planted, workspace, tmp_path)]
    print(
        f"\n{machine()}\nframe: {frame}\n\n| fault | who | named | recall | precision | s |\n|---|---|---|---|---|---|"
    )
    print("\n".join(map(str, rows)))


def ours(planted: Planted, workspace: Workspace) -> list[Row]:
    began = time.monotonic()
    report = check(read_folder(planted.root), workspace=workspace)
    seconds = time.monotonic() - began
    print("\n", *(f"{one.severity}: {one.check}: {one.sentence}\n" for one in report.findings), *report.left_out)
    named = {kind: images_of(report, kind) for kind in ("mislabelled", "blurry", "dark", "bright", "blank")}
    return [Row(kind, "studio", seconds, found, truth(planted)[kind]) for kind, found in named.items()]


def images_of(report: Report, check: str) -> frozenset[str]:
    return frozenset(path for finding in report.findings if finding.check == check for path in finding.images)


def truth(planted: Planted) -> dict[str, frozenset[str]]:
    return {
        "mislabelled": frozenset(planted.wrong),
        "blurry": frozenset(planted.blurred),
        "dark": frozenset(planted.dark),
        "bright": frozenset(planted.bright),
        "blank": frozenset(planted.blank),
    }


def theirs(planted: Planted, workspace: Workspace, folder: Path) -> list[Row]:
    """What cleanlab makes of our features, and cleanvision of the pictures."""
    dataset = read_folder(planted.root)
    looking = embed(dataset, dataset.samples, workspace.cache)
    while True:
        try:
            next(looking)
        except StopIteration as end:
            places, matrix = end.value
            break
    samples = [dataset.samples[place] for place in places.tolist()]
    labels = np.array([dataset.classes.index(sample.label) for sample in samples])
    np.savez(folder / "features.npz", matrix=matrix, labels=labels)
    openable = folder / "openable"  # cleanvision breaks down at the first file that does not open
    shutil.copytree(planted.root, openable)
    for path in planted.unreadable:
        (openable / path).unlink()
    told = subprocess.run(
        [str(oracles_python()), str(HERE / "labels" / "oracles.py"), str(folder / "features.npz"), str(openable)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": ""},
    )
    if told.returncode:
        raise RuntimeError(f"The oracles broke down:\n{told.stderr[-3000:]}")
    said = json.loads(told.stdout.splitlines()[-1])
    known = truth(planted)
    wrong = frozenset(samples[row].path for row in said["cleanlab"]["rows"])
    rows = [Row("mislabelled", "cleanlab", said["cleanlab"]["seconds"], wrong, known["mislabelled"])]
    for kind, paths in said["cleanvision"]["found"].items():
        rows.append(Row(kind, "cleanvision", said["cleanvision"]["seconds"], frozenset(paths), known[kind]))
    return rows


def bench_first_verdict_of_sixty_thousand(tmp_path: Path) -> None:
    """Seconds to the first report that rests on features, and to the last; asked for the first: 60."""
    source = many(tmp_path / "many", int(os.environ.get("THAW_BENCH_MANY", "60000")))
    began, told = time.monotonic(), []
    for one in walk(read_folder(source), Workspace.at(tmp_path / "workspace")):
        if isinstance(one, Report):
            told.append((time.monotonic() - began, one.looked, len(one.findings)))
            print(
                f"\n{told[-1][0]:.1f} s: a report on {one.looked:,} pictures, {len(one.findings)} findings", flush=True
            )
    print(f"{machine()}, {sys.version.split()[0]}")
