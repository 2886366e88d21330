"""A studio whose only page is the bench, and what the tests of the components share."""

import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from studio.recipe import Recipe
from studio.runs.run import Run
from studio.runs.store import Store
from studio.training.events import Finished, Started, Stepped, Thawed, Validated
from tests.conftest import striped
from tests.server import RunningStudio, start_studio

if TYPE_CHECKING:
    from playwright.sync_api import Page

SERVE = """
import sys
from pathlib import Path
from studio.ui.server import serve
from studio.workspace import Workspace
said = dict(zip(sys.argv, sys.argv[1:]))
serve(Workspace.at(said["--workspace"]), port=int(said["--port"]), browser=False, script=Path(said["--bench"]))
"""
STAGES = ["stem", "blocks.0", "blocks.1"]


def start_bench(folder: Path) -> RunningStudio:
    """The studio's server, routes and middleware, with bench.py in the place of its pages."""
    bench = Path(__file__).with_name("bench.py")
    return start_studio(folder, (sys.executable, "-c", SERVE, "--bench", str(bench)))


def heard(page: "Page", what: str) -> None:
    """Wait until the bench shows `what`."""
    page.get_by_text(what).wait_for(timeout=60_000)


def two_thousand(folder: Path) -> Path:
    """2,000 pictures in two classes, about 25 kB each, among what else lies in folders."""
    root = folder / "pets"
    sheets = [Image.fromarray(striped(kind, kind, side=200)) for kind in range(4)]
    for n in range(2000):
        folder = root / ("cat" if n % 2 else "dog")
        folder.mkdir(parents=True, exist_ok=True)
        sheets[n % 4].rotate(n).save(folder / f"{n:04}.jpg", quality=92)
    for name in (".DS_Store", "Thumbs.db", "cat/notes.txt", "cat/.hidden.jpg", "__MACOSX/._0001.jpg"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_bytes(b"no picture")
    return root


class Training:
    """A run that goes as far as a test says."""

    def __init__(self, studio: RunningStudio, epochs: int = 8) -> None:
        recipe = Recipe.from_toml("[data]\nsource = 'nowhere'").amended({"schedule.epochs": epochs})
        self.run: Run = Store(studio.workspace).create(recipe)
        self.epochs, self.epoch, self.step = epochs, 0, 0
        self._lock = self.run.lock()

    def start(self) -> None:
        self._lock.acquire(timeout=5)
        self.run.log(Started("tiny", "cpu", ["a", "b"], STAGES, 3, 1000, 20, 200, 50, 32, self.epochs, 10))
        self.run.log(Thawed(1, 3, STAGES, [], 20))

    def steps(self, count: int = 5) -> None:
        for _ in range(count):
            self.step += 1
            self.run.log(Stepped(self.epoch + 1, self.step, math.exp(-self.step / 30), 0.6, 1e-3, 120.0))

    def ends_epoch(self) -> None:
        self.epoch += 1
        loss = math.exp(-self.step / 30)
        self.run.log(Validated(self.epoch, self.step, loss, 0.7, loss + 0.1, 0.6 + self.epoch / 50, 1e-3, 120.0, 1.0))

    def goes_on(self, epochs: int) -> None:
        for _ in range(epochs):
            self.steps(10)
            self.ends_epoch()

    def ends(self) -> None:
        self.run.log(Finished(False, self.epoch, self.epoch, 0.1, 0.2, 0.76, 120.0, 9.0, "best.safetensors"))
        self._lock.release()
