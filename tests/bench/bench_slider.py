"""How long a person waits from moving a slider on the Augment page to the pictures that it changes, in a Chromium.

THAW_BENCH_PICTURES names a folder of photographs in classes; without it drawn stripes are shown.
"""

import os
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from studio.data.library import Library
from tests.bench.peers.turns import machine
from tests.browser import settled
from tests.server import RunningStudio

if TYPE_CHECKING:
    from playwright.sync_api import Page

TURNS = 25
# Resolves with the milliseconds from the slider's next change to the last of the variants being another picture.
CHANGE = """() => new Promise((done) => {
  const shown = () => [...document.querySelectorAll('img')].filter((one) => one.alt.startsWith('Variant '))
  const before = shown().map((one) => one.src)
  let began = null
  document.addEventListener('keydown', () => { began = performance.now() }, {capture: true, once: true})
  const look = () => {
    const now = shown()
    if (began && now.length === before.length && now.every((one, n) => one.src !== before[n] && one.complete)) {
      return done(performance.now() - began)
    }
    requestAnimationFrame(look)
  }
  look()
  window.ready = true
})"""


def bench_a_slider_of_the_preview(page: "Page", studio: RunningStudio, pictures: Callable[..., Path]) -> None:
    source = os.environ.get("THAW_BENCH_PICTURES") or pictures(each=40, side=300)
    entry = Library(studio.workspace).add(source)
    page.goto(f"/augment?dataset={entry.id}")
    page.get_by_text("Strong", exact=True).click()
    page.get_by_text("variant 6").wait_for()
    settled(page, 60)
    slider = page.get_by_role("slider", name="Overall strength")
    waits = []
    for turn in range(TURNS):
        slider.focus()
        page.evaluate(f"() => {{ window.took = null; ({CHANGE})().then((ms) => {{ window.took = ms }}) }}")
        page.keyboard.press("ArrowLeft" if turn % 8 < 4 else "ArrowRight")
        page.wait_for_function("() => window.took !== null")
        waits.append(page.evaluate("() => window.took"))
        settled(page)
    waits = sorted(waits[5:])  # the first ones warm up
    print(f"\n{machine()}\nfrom a slider to all six variants: median {median(waits):.0f} ms, "
          f"p95 {waits[int(len(waits) * 0.95) - 1]:.0f} ms of {len(waits)} (asked: 300)")  # fmt: skip
