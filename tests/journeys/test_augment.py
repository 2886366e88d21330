"""The Augment page as a person uses it: a preset becomes one's own, is changed, measured and taken along."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from studio.data.library import Library
from studio.recipe import Recipe
from tests.browser import settled
from tests.server import RunningStudio

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.timeout(240)

SECOND = "() => [...document.querySelectorAll('img')].find(one => one.alt.startsWith('Variant 2'))?.src"


def test_a_pipeline_is_put_together_seen_measured_and_taken_along(
    page: "Page", studio: RunningStudio, pictures: Callable[..., Path]
) -> None:
    entry = Library(studio.workspace).add(pictures(classes=("red", "blue"), each=20, side=64))

    def steps() -> list[str]:
        text = (entry.folder / "recipe.toml").read_text(encoding="utf-8")
        return [step.transform for step in Recipe.from_toml(text).augment.steps]

    page.goto(f"/augment?dataset={entry.id}")
    page.get_by_text("Standard", exact=True).click()
    page.get_by_text("variant 6").wait_for()
    settled(page)
    page.get_by_text("Its 3 steps").click()
    settled(page)
    page.get_by_role("button", name="Make it your own").click()
    settled(page)
    for place in (1, 0):
        page.get_by_role("button", name="Move up: Light and colour").click()
        settled(page)
        assert steps()[place] == "ColorJitter"

    page.get_by_text("Add a step").click()
    page.get_by_role("textbox", name="Search").fill("upside down")
    page.keyboard.press("Enter")
    page.get_by_role("img", name="Flip top-bottom on one of your pictures").wait_for()
    settled(page)
    page.get_by_role("button", name="Add", exact=True).first.click()
    page.get_by_role("button", name="Remove: Flip top-bottom").wait_for()
    settled(page)
    assert steps()[-1] == "VerticalFlip"

    before = page.evaluate(SECOND)
    page.get_by_role("slider", name="Overall strength").focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function(f"before => ({SECOND})() !== before", arg=before)
    page.get_by_text("Step by step").click()
    page.get_by_text(re.compile("Kept \\d+ % of the area")).wait_for()

    page.get_by_role("button", name="Measure the safety").click()
    page.get_by_text(re.compile("Intervals are of 95")).wait_for(timeout=90_000)
    page.get_by_role("tab", name="Take it along").click()
    with page.expect_download() as taken:
        page.get_by_role("button", name="Download as JSON").click()
    page.get_by_role("tab", name="Load a pipeline").click()
    page.locator("input[type=file]").set_input_files(taken.value.path())
    settled(page)
    assert "VerticalFlip" in steps()
