"""The way in, in a real Chromium: the token that is asked for once, and an upload that goes on where it broke off."""

import socket
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from studio.data.library import Library
from tests.browser import Watch, settled
from tests.journeys.bench_studio import start_bench
from tests.journeys.test_picker import dataset_of
from tests.server import RunningStudio, start_studio
from tests.ui.test_token import SERVE, TOKEN, ask

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStudio]:
    """A studio that listens to the whole network."""
    with pytest.MonkeyPatch.context() as waiting:
        waiting.setattr("tests.server._healthy", lambda url: ask(url, "/_stcore/health")[0] == 401)
        running = start_studio(tmp_path_factory.mktemp("open"), (sys.executable, "-c", SERVE))
    yield running
    running.stop()
    assert running.calls_out() == []


@pytest.mark.parametrize("dark", [False, True])
def test_the_token_is_asked_for_once(
    chromium: "Browser", studio: RunningStudio, watch: Watch, dark: bool, tmp_path: Path
) -> None:
    watch.allow("status of 401")
    page = watch.open(chromium, studio.url, width=420, height=800, dark=dark)
    page.goto("/data")
    box = page.get_by_label("Token")
    assert page.get_by_role("heading", name="Thaw Studio").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "it fits a narrow screen"
    canvas = page.evaluate("getComputedStyle(document.body).color")
    assert (canvas == "rgb(255, 255, 255)") is dark, "text is light on dark, and dark on light"
    box.fill("not this one")
    page.get_by_role("button", name="Open the studio").click()
    page.get_by_role("alert").get_by_text("That is not the token").wait_for()
    page.get_by_label("Token").fill(TOKEN)
    page.get_by_role("button", name="Open the studio").click()
    settled(page)
    assert page.url == f"{studio.url}/data", "the token does not stay in the address"
    page.goto("/")
    settled(page)
    assert page.evaluate("document.cookie").find(TOKEN) < 0, "no script sees it"


def test_the_printed_address_opens_the_studio_and_all_that_moves_in_it(
    chromium: "Browser", studio: RunningStudio, watch: Watch, pictures: Callable[..., Path]
) -> None:
    at_home = studio.log_file.parent / "home" / "pictures"  # the folder that is allowed by itself
    entry = Library(studio.workspace).add(pictures().rename(at_home))
    page = watch.open(chromium, studio.url)
    page.goto(f"/data?dataset={entry.id}&token={TOKEN}")
    settled(page)
    page.locator("li img").first.wait_for()  # from the gallery's own route
    assert page.url == f"{studio.url}/data?dataset={entry.id}"


class Cutting:
    """A way to a server on which every connection breaks off after so many bytes."""

    def __init__(self, url: str, after: int) -> None:
        self.host, self.port = url.removeprefix("http://").split(":")
        self.after, self.sent, self.breaks = after, 0, 0
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                far = socket.create_connection((self.host, int(self.port)))
                threading.Thread(target=self._pass_on, args=(near, far, True), daemon=True).start()
                threading.Thread(target=self._pass_on, args=(far, near, False), daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket, upwards: bool) -> None:
        passed = 0
        with suppress(OSError):
            while data := source.recv(1 << 16):
                sink.sendall(data)
                passed += len(data)
                self.sent += len(data) if upwards else 0
                if upwards and passed > self.after:
                    self.breaks += 1
                    break
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._listening.close()


def test_an_upload_that_breaks_off_goes_on_where_it_was(
    chromium: "Browser", watch: Watch, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    watch.allow("Failed to load resource")
    running = start_bench(tmp_path_factory.mktemp("bench"))
    archive, noise = tmp_path / "pets.zip", np.random.default_rng(0)
    with zipfile.ZipFile(archive, "w") as packed:
        for n in range(4):
            file = tmp_path / f"{n}.png"
            Image.fromarray(noise.integers(0, 256, (1000, 1700, 3), dtype=np.uint8)).save(file, compress_level=1)
            packed.write(file, f"{'cat' if n % 2 else 'dog'}/{n}.png")
    size = archive.stat().st_size
    way = Cutting(running.url, after=size // 4)  # so it never arrives in one go
    try:
        page = watch.open(chromium, way.url)
        page.goto("/?show=picker")
        page.set_input_files("input.zip", archive)
        _, dataset = dataset_of(page, running)
        assert dataset.counts() == {"cat": 2, "dog": 2} and way.breaks >= 4
        print(
            f"{size / 1e6:.0f} MB arrived over a way that broke off {way.breaks} times; {way.sent / 1e6:.0f} were sent"
        )
    finally:
        way.close()
        running.stop()
