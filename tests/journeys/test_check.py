"""A faulty folder in a real Chromium: read the verdict, mend it with buttons, train, and find it said in the run."""

import os
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from studio.checks import Finding, Report, Suggestion, kept
from studio.data.decisions import Decisions
from studio.data.library import Entry, Library
from tests.browser import Watch, settled
from tests.checks.planted import plant
from tests.journeys.test_every_page import CUT_OFF, findings
from tests.journeys.test_main_job import lightly, the_run, walk
from tests.server import CHECKOUT, RunningStudio

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

REAL = Path(os.environ.get("THAW_BENCH_PICTURES") or CHECKOUT.parent / "shared" / "data" / "cats-dogs")
pytestmark = pytest.mark.timeout(420)


def checked(page: "Page") -> str:
    """Wait until a whole check of what there is now is on the page; returns its verdict, with the sentence why."""
    page.get_by_text(re.compile(r"pictures? checked in")).wait_for(timeout=120_000)
    page.get_by_text("You may leave this page").wait_for(state="detached", timeout=120_000)
    settled(page, 60)
    return page.locator("[data-testid=stAlert]:not(.st-key-done *)").first.inner_text()


def finding(page: "Page", title: str) -> "Locator":
    return page.get_by_test_id("stExpander").filter(has_text=title)


def gone(page: "Page", title: str) -> None:
    finding(page, title).wait_for(state="detached", timeout=60_000)
    settled(page, 60)


def gallery(page: "Page", title: str) -> "Locator":
    return finding(page, title).locator("li")


def press(page: "Page", title: str, name: str | re.Pattern[str]) -> None:
    """Press a button of a finding."""
    finding(page, title).get_by_role("button", name=name).click()
    settled(page, 60)


def blobs(folder: Path, kind: int, number: int) -> Path:
    """A picture like no other: blobs in warm colours, or rings in cold ones."""
    generator = np.random.default_rng([kind, number])
    y, x = np.mgrid[0:96, 0:96] / 96
    light = np.zeros((96, 96))
    for cx, cy, size in generator.uniform(0.05, 0.95, (6, 3)):
        distance = np.hypot(x - cx, y - cy) / (0.1 + 0.2 * size)
        light += np.exp(-(distance**2)) if kind else np.cos(9 * distance) * np.exp(-distance)
    colour = generator.uniform(60, 160, 3) + (np.array([70, 20, -40]) if kind else np.array([-40, 20, 70]))
    picture = 40 + light[..., None] * colour + generator.normal(0, 6, (96, 96, 3))
    file = folder / f"{folder.name}-{number:03}.jpg"
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8)).save(file, quality=90)
    return file


@pytest.fixture
def faulty(tmp_path: Path) -> Path:
    """Three copies among the warm ones, and a cold picture that lies among the warm ones too."""
    source = tmp_path / "patterns"
    for kind, label in enumerate(("cold", "warm")):
        for number in range(24):
            blobs(source / label, kind, number)
    for number in range(3):
        shutil.copy(source / "warm" / f"warm-00{number}.jpg", source / "warm" / f"copy-{number}.jpg")
    shutil.copy(source / "cold" / "cold-004.jpg", source / "warm" / "stray.jpg")
    return source


def test_a_faulty_folder_is_mended_and_its_run_says_what_was_decided(
    page: "Page", studio: RunningStudio, faulty: Path
) -> None:
    before = {file: file.read_bytes() for file in sorted(faulty.rglob("*.*"))}
    entry = Library(studio.workspace).add(faulty)
    lightly(entry)
    page.goto(f"/check?dataset={entry.id}")
    page.get_by_role("button", name="Check these pictures").click()
    first = checked(page)
    assert "Not ready" in first and "more than one class" in first

    press(page, "Exact copies", "Set aside all but one of each group")
    page.get_by_text("3 pictures set aside. The files stay where they are.").wait_for()
    gone(page, "Exact copies")
    assert "more than one class" in checked(page)

    both = "The same picture in two classes"
    gallery(page, both).get_by_title("stray.jpg").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("warm/stray.jpg").wait_for()
    dialog.get_by_role("button", name=re.compile("Move (there|to cold)")).click()
    page.get_by_text("1 picture moved to another class, without moving the file.").wait_for()
    gone(page, both)
    assert "more than one class" not in checked(page), "the verdict changes"
    press(page, "Exact copies", "Set aside all but one of each group")
    gone(page, "Exact copies")
    checked(page)
    assert Library(studio.workspace).open(entry.id).counts() == {"cold": 24, "warm": 24}

    page.get_by_text("Your decisions about").click()
    settled(page)
    page.get_by_role("button", name="Undo the last step").click()
    finding(page, "Exact copies").wait_for()
    checked(page)
    settled(page, 60)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download as CSV").click()
    table = download.value.path().read_text(encoding="utf-8-sig").splitlines()
    assert len(table) == 1 + 4 and sum("set-aside" in line for line in table) == 3
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the report").click()
    assert download.value.path().read_text().startswith("<!doctype html>")

    trained_under(page, studio, "Trained under 4 decisions")
    assert {file: file.read_bytes() for file in sorted(faulty.rglob("*.*"))} == before


def trained_under(page: "Page", studio: RunningStudio, words: str) -> None:
    walk(page, "Train")
    page.get_by_role("button", name="Start", exact=True).click()
    run = the_run(page, studio)
    page.get_by_role("button", name="See the results").wait_for(timeout=120_000)
    assert run.progress().status == "finished"
    page.get_by_text(words).first.wait_for()


@pytest.mark.skipif(not REAL.is_dir(), reason="there are no photographs of cats and dogs here")
def test_wrong_labels_among_photographs_are_found_moved_and_said_in_the_run(
    page: "Page", studio: RunningStudio, tmp_path: Path
) -> None:
    planted = plant(REAL, tmp_path / "pets", frame=False, copies=4, looks=2, most=150)
    entry = Library(studio.workspace).add(planted.root)
    lightly(entry)
    page.goto(f"/check?dataset={entry.id}")
    page.get_by_role("button", name="Check these pictures").click()
    checked(page)
    press(page, "Exact copies", "Set aside all but one of each group")
    gone(page, "Exact copies")
    checked(page)
    finding(page, WRONG).wait_for()
    suspects = gallery(page, WRONG)
    if not suspects.count():  # folded, as others come before it
        finding(page, WRONG).get_by_text(WRONG).first.click()
        settled(page, 60)
    suspects.first.locator("button").click()
    dialog = page.get_by_role("dialog")
    name = dialog.get_by_text(re.compile(r"^(cat|dog)/.*\.jpg$")).inner_text()
    assert name in planted.wrong
    dialog.get_by_role("button", name=f"Move to {planted.labels[name]}").click()
    page.get_by_text("1 picture moved to another class").wait_for()
    checked(page)
    assert dict.fromkeys([name], planted.labels[name]) == {
        one.path: one.label for one in Decisions(entry.folder).all() if one.action == "move"
    }
    trained_under(page, studio, "Trained under")


@pytest.fixture
def suspicious(studio: RunningStudio, pictures: Callable[..., Path]) -> Entry:
    """A dataset with a report that somebody made up, and a map."""
    entry = Library(studio.workspace).add(pictures(classes=("red", "blue"), each=60, side=48))
    dataset = Library(studio.workspace).open(entry.id)
    paths = [sample.path for sample in dataset.samples]
    reds = [path for path in paths if path.startswith("red")]
    wrong = Finding(
        "mislabelled",
        "critical",
        "10 pictures look as if they were in the wrong class.",
        "A model that learns from wrong classes is wrong itself.",
        "Look at each, and move those that are wrong.",
        images=tuple(reds[:10]),
        suggestions={path: Suggestion("blue", 0.99 - n / 50) for n, path in enumerate(reds[:10])},
    )
    copies = Finding(
        "near-duplicate",
        "attention",
        "20 pictures are nearly the same as another one.",
        images=tuple(reds[10:50]),
        groups=tuple(zip(reds[10:50:2], reds[11:50:2], strict=True)),
    )
    report = Report((wrong, copies), 120, dataset.counts(), 2.0, 120, left_out=("Dates: no picture has one.",))
    kept.keep(entry.folder, report, dataset.fingerprint, time.time())
    places = np.random.default_rng(0).normal(size=(120, 2)) + np.array(
        [[3 * path.startswith("red"), 0] for path in paths]
    )
    kept.keep_places(entry.folder, dataset.fingerprint, paths, places)
    return entry


WRONG = "Pictures that may be in the wrong class"


def test_pictures_are_ticked_by_mouse_and_by_key(page: "Page", suspicious: Entry, watch: Watch) -> None:
    watch.allow("/thaw/picture/")  # those of the state between the decision and its undoing may come too late
    page.goto(f"/check?dataset={suspicious.id}")
    settled(page)
    boxes = gallery(page, WRONG).locator("input")
    boxes.nth(1).click()
    boxes.nth(4).click(modifiers=["Shift"])
    finding(page, WRONG).get_by_text("4 ticked").first.wait_for()
    finding(page, WRONG).get_by_role("button", name="Set aside the 4 ticked").wait_for()
    boxes.nth(4).focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    finding(page, WRONG).get_by_role("button", name="Set aside the 5 ticked").wait_for()
    page.keyboard.press("Home")
    page.keyboard.press("Shift+Space")
    finding(page, WRONG).get_by_role("button", name="Set aside the 6 ticked").wait_for()
    finding(page, WRONG).get_by_role("button", name="Untick all").click()
    finding(page, WRONG).get_by_role("button", name="Set aside all 10").wait_for()
    finding(page, WRONG).get_by_role("button", name="Tick all shown").click()
    gallery(page, WRONG).locator("button").nth(0).click(modifiers=["Control"])
    press(page, WRONG, "Move the 9 ticked to blue")
    page.get_by_text("9 pictures moved to another class").wait_for()
    assert {one.label for one in Decisions(suspicious.folder).all()} == {"blue"}
    assert len(Decisions(suspicious.folder).all()) == 9
    page.get_by_role("button", name="Undo", exact=True).click()
    page.get_by_text("Undone for 9 pictures.").wait_for()
    assert Decisions(suspicious.folder).all() == ()


def test_pictures_that_belong_together_are_walked_through_with_the_arrow_keys(page: "Page", suspicious: Entry) -> None:
    page.goto(f"/check?dataset={suspicious.id}")
    settled(page)
    cells = gallery(page, "Nearly the same picture twice")
    assert cells.count() == 24, "twelve groups are on the first page"
    cells.nth(0).locator("button").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    focused = "e => e.getRootNode().activeElement?.closest('li') === e"
    row = [n for n in range(24) if cells.nth(n).evaluate(focused)]
    assert row and row[0] > 2
    page.keyboard.press("End")
    assert cells.nth(23).evaluate(focused)
    page.get_by_role("button", name=re.compile("page 2$", re.IGNORECASE)).click()
    cells.nth(16).wait_for(state="detached")
    assert cells.count() == 16


MAP = """() => {
  const find = (root) => { for (const one of root.querySelectorAll('*')) {
    if (one.classList.contains('js-plotly-plot')) return one
    const inside = one.shadowRoot && find(one.shadowRoot)
    if (inside) return inside } }
  return find(document)
}"""
MARKED = f"""() => {{ // where the first suspect lies on the screen
  const plot = ({MAP})(), trace = plot.data.at(-1), box = plot.getBoundingClientRect()
  const {{xaxis, yaxis}} = plot._fullLayout
  return {{name: trace.name, n: trace.customdata[0], points: plot.data.reduce((sum, one) => sum + one.x.length, 0),
    x: box.left + xaxis._offset + xaxis.d2p(trace.x[0]), y: box.top + yaxis._offset + yaxis.d2p(trace.y[0])}}
}}"""


def test_the_map_shows_a_picture_on_hover_and_opens_it_on_a_click(
    page: "Page", watch: Watch, suspicious: Entry
) -> None:
    page.goto(f"/check?dataset={suspicious.id}")
    settled(page)
    page.get_by_text("A map of all pictures").scroll_into_view_if_needed()
    page.wait_for_function(f"() => ({MAP})()?.data?.length")
    page.wait_for_timeout(500)
    page.mouse.wheel(0, 600)
    page.wait_for_timeout(500)
    suspect = page.evaluate(MARKED)
    assert suspect["name"] == "maybe in the wrong class" and suspect["points"] == 130
    page.mouse.move(suspect["x"] - 30, suspect["y"])
    page.mouse.move(suspect["x"], suspect["y"], steps=5)
    page.get_by_text(re.compile(r"^looks like blue, \d+ % sure$")).wait_for()
    page.mouse.click(suspect["x"], suspect["y"])
    page.get_by_role("dialog").get_by_role("button", name="Move to blue").wait_for()
    page.get_by_role("dialog").get_by_role("button", name="Close").click()
    page.get_by_role("dialog").wait_for(state="detached")


@pytest.mark.parametrize(("width", "dark"), [(1440, False), (420, True)])
def test_a_report_is_whole_and_readable(
    open_page: "Callable[..., Page]", suspicious: Entry, width: int, dark: bool
) -> None:
    page = open_page(width=width, dark=dark)
    page.goto(f"/check?dataset={suspicious.id}")
    settled(page)
    page.wait_for_function(f"() => ({MAP})()?.data?.length")
    page.get_by_text("What was not looked for").click()
    settled(page)
    assert page.evaluate(CUT_OFF) == [] and findings(page) == []
    gallery(page, WRONG).locator("button").first.click()
    page.get_by_role("dialog").get_by_role("button", name="Keep as it is").wait_for()
    settled(page)
    assert findings(page) == []
    page.get_by_role("dialog").get_by_role("button", name="Keep as it is").click()
    page.get_by_text("1 picture kept as it is.").wait_for()
    page.get_by_text("Your decisions about").click()
    settled(page, 60)
    assert page.evaluate(CUT_OFF) == [] and findings(page) == []
