"""The Model page as a person uses it: a network found by a filter, its cost seen, advice taken, trained, and proven."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from studio.data.library import Entry, Library
from studio.model import listing, pace
from studio.recipe import Recipe
from studio.runs.run import Run
from studio.runs.store import Store
from tests.browser import settled
from tests.journeys.test_main_job import lightly
from tests.server import RunningStudio

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.timeout(420)

COST = re.compile(r"The whole run of \d+ epochs should take about")
EPOCH, HOPE = "An epoch should take about", "Expected accuracy"


def asked(entry: Entry) -> Recipe:
    return Recipe.from_toml((entry.folder / "recipe.toml").read_text(encoding="utf-8"))


def epoch(page: "Page") -> str:
    """What an epoch at the chosen depth should cost. (That of a whole short run is mostly its first look.)"""
    return page.get_by_text(EPOCH).inner_text().partition(EPOCH)[2]


def chosen(page: "Page", label: str, option: str) -> None:
    """Choose from a list by typing."""
    page.get_by_role("combobox", name=label).click()
    page.keyboard.type(option)
    page.get_by_role("option", name=option).first.click()


def test_a_network_is_found_timed_advised_trained_and_proven(
    page: "Page", studio: RunningStudio, pictures: Callable[..., Path]
) -> None:
    entry = Library(studio.workspace).add(pictures(classes=("red", "blue"), each=20, side=64))
    lightly(entry)

    page.goto(f"/model?dataset={entry.id}")
    settled(page)
    page.get_by_text("In plain words").click()
    page.get_by_text("not one of its numbers changes", exact=False).wait_for()

    page.get_by_role("button", name="EfficientNet").click()
    page.get_by_text("Depth, width and picture size grow together").first.wait_for()
    settled(page)
    page.get_by_role("textbox", name="Search all networks").fill("tf_efficientnet_lite")
    page.keyboard.press("Enter")
    page.get_by_text("5 networks", exact=True).wait_for()
    settled(page)
    page.get_by_test_id("stPopoverButton").click()
    chosen(page, "Parameters (learnt numbers)", "up to 5 million")
    page.get_by_text("1 network", exact=True).wait_for()
    page.keyboard.press("Escape")
    settled(page)
    page.get_by_role("button", name="Clear filters").click()
    page.get_by_text("1 network", exact=True).wait_for(state="detached")
    for backbone in ("tf_efficientnet_lite1", "tf_efficientnet_lite0"):  # the second one is the one that is timed
        chosen(page, "Network to start from (backbone)", backbone)
        settled(page)
        assert asked(entry).model.backbone == backbone

    page.get_by_role("button", name="Time it on this machine").click()
    page.get_by_text(COST).wait_for(timeout=180_000)
    settled(page)
    head_only = epoch(page)
    slider = page.get_by_role("slider", name="How many stages stay frozen")
    slider.focus()
    page.keyboard.press("Home")
    page.wait_for_function("told => !document.body.innerText.includes(told)", arg=head_only)
    settled(page)
    assert asked(entry).freeze.depth == 0

    page.get_by_role("button", name="Ask for advice").click()
    rest = page.get_by_role("button", name=re.compile("^Apply (all|the rest)$"))
    rest.click(timeout=180_000)
    rest.wait_for(state="detached")  # until then the page still tells what the network before it costs
    settled(page)
    page.get_by_text("Already so").first.wait_for()
    sentence = page.get_by_text("parameters learn").filter(has_text=HOPE)
    before = sentence.inner_text()  # what learns, what it costs, and what it should reach
    slider.focus()
    page.keyboard.press("ArrowRight" if asked(entry).freeze.depth == 0 else "ArrowLeft")
    page.wait_for_function("told => !document.body.innerText.includes(told)", arg=before)
    page.get_by_text(COST).wait_for(timeout=180_000)  # another backbone is timed as soon as it is chosen
    settled(page, 60)

    page.get_by_role("button", name="Go to training").click()
    page.get_by_role("button", name="Start", exact=True).click()
    page.wait_for_url("**run=*")
    page.get_by_role("button", name="See the results").wait_for(timeout=180_000)
    run: Run = Store(studio.workspace).get(page.url.split("run=")[1].split("&")[0])
    page.get_by_role("button", name="See the results").click()
    page.get_by_text("Freeze proof").wait_for()
    page.get_by_role("heading", name="Time and memory").wait_for()
    settled(page)
    progress = run.progress()
    assert progress.proven is not None and progress.proven.tensors > 0 and not progress.proven.changed
    assert progress.predicted is not None and progress.spent is not None


def test_a_click_on_a_dot_chooses_its_network(
    page: "Page", studio: RunningStudio, pictures: Callable[..., Path]
) -> None:
    entry, rows = Library(studio.workspace).add(pictures()), listing.rows()
    (lite4,) = listing.choose(rows, listing.Wanted(text="tf_efficientnet_lite4"))
    pace.keep(studio.workspace, lite4, 20.0)
    page.goto(f"/model?dataset={entry.id}")
    settled(page)
    page.get_by_role("textbox", name="Search all networks").fill("tf_efficientnet_lite4")
    page.keyboard.press("Enter")
    page.get_by_text("1 network", exact=True).wait_for()
    page.get_by_text("Accuracy against speed on this machine").click()
    dot = page.locator(".js-plotly-plot .scatterlayer .point")
    dot.wait_for()
    settled(page)
    dot.click(force=True)  # what lies above it hands the click on
    page.wait_for_function("document.querySelectorAll('.js-plotly-plot .scatterlayer .point').length == 2")  # its ring
    settled(page)
    assert asked(entry).model.backbone == lite4.name
