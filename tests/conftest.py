"""What the tests share: a workspace, pictures, a running studio, a Chromium that is watched."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from studio.workspace import Workspace
from tests import chromium as browsers
from tests.browser import Watch
from tests.command import Thaw
from tests.server import RunningStudio, start_studio

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

if "PYTEST_XDIST_WORKER" in os.environ:  # threads of several trainings on two cores spend their time waiting spinning
    os.environ["OMP_NUM_THREADS"] = "1"

COLOURS = ((200, 60, 50), (50, 90, 200), (60, 170, 80), (220, 180, 40), (150, 70, 180), (40, 180, 190))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first, so that no process is left with it alone; what needs a Chromium runs last:
    Playwright's loop then stays in the main thread.
    """
    for item in items:
        if "chromium" in getattr(item, "fixturenames", ()):
            item.add_marker("browser")
    items.sort(key=lambda item: (item.get_closest_marker("browser") is not None, _place(item.path.stem)))


LONGEST_FIRST = (
    *("test_follow", "test_world", "test_apart", "test_train", "test_killed", "test_boundary", "test_one_start"),
    *("test_every_page", "test_check", "test_main_job", "test_live_chart", "test_model", "test_steering"),
    *("test_augment", "test_picker", "test_doors", "test_components", "test_gallery"),
)


def _place(file: str) -> int:
    return LONGEST_FIRST.index(file) if file in LONGEST_FIRST else len(LONGEST_FIRST)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """An empty workspace of this test's own."""
    return Workspace.at(tmp_path / "workspace")


@pytest.fixture
def thaw(workspace: Workspace, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Thaw:
    """`thaw("runs", "--json")` is (exit status, stdout, stderr), in a workspace of its own."""
    from studio import cli

    def run(*arguments: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["thaw", *map(str, arguments)])
        monkeypatch.setenv("THAW_WORKSPACE", str(workspace.root))
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capfd.readouterr()
        return int(ended.value.code or 0), out, err

    return run


Draw = Callable[[int, int, int], np.ndarray]


@pytest.fixture
def pictures(tmp_path: Path) -> Callable[..., Path]:
    """A factory: `pictures(classes=("cat", "dog"), each=6, side=48, split=None, name="pictures")` is a folder.

    Classes differ in colour and in the direction of their stripes, pictures of a class in phase and noise; PNG and
    JPEG take turns. `split=("train", "val")` makes a folder for each split with the class folders inside.
    """
    return folder_of(striped, tmp_path)


def folder_of(draw: Draw, parent: Path) -> Callable[..., Path]:
    """The factory `pictures`, of what `draw(kind, seed, side)` draws."""

    def make(
        classes: tuple[str, ...] = ("cat", "dog"),
        each: int = 6,
        side: int = 48,
        split: tuple[str, ...] | None = None,
        name: str = "pictures",
    ) -> Path:
        root = parent / name
        for s, part in enumerate(split or ("",)):
            for c, label in enumerate(classes):
                folder = root / part / label
                folder.mkdir(parents=True, exist_ok=True)
                for i in range(each):
                    picture = Image.fromarray(draw(c, 1000 * s + i, side))
                    picture.save(folder / f"{label}-{part}{i:03}.{'png' if i % 2 == 0 else 'jpg'}")
        return root

    return make


def striped(kind: int, seed: int, side: int = 48) -> np.ndarray:
    """A picture (side, side, 3) uint8 RGB: stripes in the colour and direction of `kind`, phase and noise by `seed`."""
    generator = np.random.default_rng([kind, seed])
    y, x = np.mgrid[0:side, 0:side] / side
    angle = np.pi * (kind % 6) / 6
    wave = np.sin(2 * np.pi * 4 * (x * np.cos(angle) + y * np.sin(angle)) + generator.uniform(0, 2 * np.pi))
    light = (0.75 + 0.25 * wave)[..., None] * np.array(COLOURS[kind % len(COLOURS)])
    return np.clip(light + generator.normal(0, 12, (side, side, 3)), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStudio]:
    """A studio that runs for this module: `.url .workspace .log .calls_out()`. It must call nobody outside."""
    running = start_studio(tmp_path_factory.mktemp("studio"))
    yield running
    running.stop()
    assert running.calls_out() == [], "The server called out."


@pytest.fixture(scope="session")
def chromium() -> "Iterator[Browser]":
    """One Chromium for all tests."""
    found = browsers.find()
    if found is None:
        pytest.fail(browsers.MISSING, pytrace=False)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(found), args=browsers.FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def watch() -> Iterator[Watch]:
    """Fails the test for console errors and requests that leave the machine; `watch.allow("text")` excuses some."""
    watching = Watch()
    yield watching
    watching.close()
    assert not watching.left(), "\n".join(watching.left())


@pytest.fixture
def open_page(chromium: "Browser", studio: RunningStudio, watch: Watch) -> "Callable[..., Page]":
    """`open_page(width=1440, height=900, dark=False)` is a watched page of the running studio, nothing loaded yet."""

    def make(**choices: Any) -> "Page":
        return watch.open(chromium, studio.url, **choices)

    return make


@pytest.fixture
def page(open_page: "Callable[..., Page]") -> "Page":
    """A watched page of the running studio, 1440 by 900, light."""
    return open_page()
