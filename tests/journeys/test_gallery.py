"""The gallery in a real Chromium: two thousand pictures in time, picked by hand and by key."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from studio.data.library import Library
from tests.browser import Watch
from tests.journeys.bench_studio import heard, start_bench, two_thousand
from tests.server import RunningStudio

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.timeout(300)

READY = """() => new Promise(done => {
  const find = (root) => { for (const one of root.querySelectorAll('*')) {
    if (one.matches('ul[aria-label^=Pictures]')) return one
    const inside = one.shadowRoot && find(one.shadowRoot)
    if (inside) return inside } }
  let laid
  const look = () => {
    const grid = find(document)
    if (!grid) return setTimeout(look, 10)
    laid ??= performance.now()
    const seen = [...grid.children].slice(0, 150).map(cell => cell.querySelector('img'))
      .filter(one => one.getBoundingClientRect().top < innerHeight)
    if (!seen.every(one => one.complete && one.naturalWidth)) return setTimeout(look, 10)
    done({cells: grid.children.length, seen: seen.length, ready: performance.now(), laid})
  }
  look()
})"""


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStudio]:
    """The bench in the place of the studio's pages."""
    running = start_bench(tmp_path_factory.mktemp("bench"))
    yield running
    running.stop()
    assert running.calls_out() == []


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return two_thousand(tmp_path_factory.mktemp("many"))


@pytest.fixture(scope="module")
def shelf(studio: RunningStudio, many: Path) -> str:
    return Library(studio.workspace).add(many).id


def test_2000_pictures_are_ready_in_time(page: "Page", shelf: str) -> None:
    page.goto("/?show=picker")  # so that Streamlit's own start is not counted
    page.get_by_role("button", name="Choose a folder").wait_for()
    page.goto(f"/?show=gallery&dataset={shelf}", wait_until="commit")
    found = page.evaluate(READY)
    print(f"2,000 pictures: grid at {found['laid']:.0f} ms, ready at {found['ready']:.0f} ms after navigation")
    assert found["cells"] == 2000 and found["seen"] > 20
    assert found["ready"] - found["laid"] < 2000


def test_a_click_and_a_key_pick_a_picture(page: "Page", shelf: str) -> None:
    page.goto(f"/?show=gallery&dataset={shelf}")
    cells = page.locator("li button")
    cells.nth(3).click()
    heard(page, "picked: [3]")
    cells.first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    row = page.evaluate("""() => { const found = document.querySelectorAll('*')
      for (const one of found) { const cells = one.shadowRoot?.querySelectorAll('li')
        if (cells?.length) return [...cells].findIndex(cell => cell.offsetTop > cells[0].offsetTop) } }""")
    heard(page, f"picked: [3, {row - 1}]")
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    heard(page, f"picked: [3, {row - 1}, 1999]")


def test_only_what_is_near_the_screen_is_asked_for(page: "Page", shelf: str) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/thaw/picture/" in request.url else None)
    page.goto(f"/?show=gallery&dataset={shelf}")
    page.evaluate(READY)
    page.wait_for_timeout(500)
    assert 20 < len(asked) < 500


def test_a_picture_that_is_gone_does_not_break_the_grid(
    page: "Page", studio: RunningStudio, watch: Watch, pictures: Callable[..., Path]
) -> None:
    watch.allow("status of 404")
    folder = pictures(each=3)
    id = Library(studio.workspace).add(folder).id
    broken = sorted((folder / "cat").iterdir())[0]
    broken.write_bytes(b"\x89PNG\r\n\x1a\n but damaged")
    page.goto(f"/?show=gallery&dataset={id}")
    page.locator("li").nth(5).wait_for()
    sizes = {round(page.locator("li button").nth(n).bounding_box()["height"]) for n in range(6)}  # type: ignore[index]
    assert len(sizes) == 1
