"""Every page, empty and furnished, light and dark, wide and narrow: whole, quiet, readable, reachable by keyboard."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from PIL import Image

from studio.data.library import Library
from tests.browser import settled
from tests.conftest import striped
from tests.server import CHECKOUT, RunningStudio

if TYPE_CHECKING:
    from playwright.sync_api import Page

PAGES = ("", "data", "check", "augment", "model", "train", "results", "try", "runs")
WIDTHS = (1440, 420)
CUT_OFF = (Path(__file__).parent / "cut_off.js").read_text(encoding="utf-8")
GROUND = "() => getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor"
pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def furnished(studio: RunningStudio, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The query of an address with a dataset and a trained run."""
    folder = tmp_path_factory.mktemp("stripes")
    for kind, label in enumerate(("ash", "birch", "a-class-whose-name-is-quite-long-for-a-narrow-screen")):
        (folder / label).mkdir()
        for seed in range(10):
            Image.fromarray(striped(kind, seed)).save(folder / label / f"{label}-{seed:02}.png")
    dataset = Library(studio.workspace).add(str(folder)).id
    command = [sys.executable, "-m", "studio.cli", "train", str(folder), "--epochs", "2", "--json"]
    command += ["--workspace", str(studio.workspace.root)]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return "?" + urlencode({"dataset": dataset, "run": json.loads(done.stdout)["run"]})


@pytest.fixture(params=["empty", "furnished"])
def query(request: pytest.FixtureRequest) -> str:
    return request.getfixturevalue("furnished") if request.param == "furnished" else ""


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("width", WIDTHS)
def test_a_page_is_whole_readable_and_walked_with_the_tab_key(
    open_page: "Callable[..., Page]", query: str, path: str, width: int
) -> None:
    page = open_page(width=width)
    page.goto(f"/{path}{query}")
    settled(page)
    inside = page.locator('[data-testid="stMain"]')
    assert page.locator('[data-testid="stException"]').all_inner_texts() == []
    assert inside.locator("h1").count() == 1, "a page has one heading"
    assert inside.locator("button, a[href]").count() > 0, "a page says how to go on"
    assert page.evaluate(CUT_OFF) == []
    assert findings(page) == [], "in light"
    ground = page.evaluate(GROUND)
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(f"before => ({GROUND})() !== before", arg=ground)
    settled(page)
    assert findings(page) == [], "in dark"
    if width == WIDTHS[0]:
        walk(page)


def walk(page: "Page") -> None:
    """Press Tab until every control was reached, each where it is seen."""
    waiting = set(page.evaluate(MARK_CONTROLS))
    for _ in range(150):
        page.keyboard.press("Tab")
        reached = page.evaluate(FOCUSED)
        if reached["name"] is None and not waiting:
            break
        assert reached["visible"], f"the focus went where nobody sees it: {reached['name']}"
        waiting.discard(reached["mark"])
        if not waiting:
            break
    names = [page.locator(f'[data-walk="{mark}"]').inner_text() for mark in waiting]
    assert not waiting, f"not reached by Tab: {names}"


def findings(page: "Page") -> list[str]:
    """What axe-core calls serious or critical, each as one line."""
    page.evaluate(AXE_SCRIPT)
    report = page.evaluate("() => axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{found['id']}: {node['html'][:160]} {node.get('failureSummary', '')[:240]}"
        for found in report["violations"]
        if found["impact"] in ("serious", "critical")
        for node in found["nodes"]
    ]


# Of a group of buttons Tab reaches one, and the arrow keys the others.
MARK_CONTROLS = """() => { const GROUP = '[role=toolbar], [role=radiogroup], [role=group]'
  return [...document.querySelectorAll('[data-testid=stMain] button, [data-testid=stMain] a[href]')]
  .filter(one => one.tabIndex >= 0 && !one.disabled && one.checkVisibility({visibilityProperty: true})
                 && one.getBoundingClientRect().width > 1 && one.role !== 'radio' && one.role !== 'tab'
                 && !(one.previousElementSibling && one.parentElement.matches(GROUP)))
  .map((one, n) => (one.dataset.walk = `c${n}`)) }"""

FOCUSED = """() => {
  let one = document.activeElement
  while (one?.shadowRoot?.activeElement) one = one.shadowRoot.activeElement
  if (!one || one === document.body) return {name: null, mark: null, visible: true}
  const around = one.closest('canvas') ?? (one.matches('input') && one.closest('label, [data-rac], [class*=st-]'))
  const seen = around || one  // a table's cells lie in its canvas
  const box = seen.getBoundingClientRect()
  const inside = box.bottom > 0 && box.right > 0 && box.top < innerHeight && box.left < innerWidth
  return {name: `${one.tagName} ${one.getAttribute('aria-label') ?? one.innerText ?? ''}`.slice(0, 80),
          mark: one.dataset?.walk ?? null, visible: inside && box.width > 0 && box.height > 0}
}"""
