"""The main job as a person does it: bring pictures in, train, watch, stop, read the results, try a picture."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from studio.data.library import Entry
from studio.recipe import Recipe
from studio.runs.run import Run
from studio.runs.store import Store
from tests.browser import PLOT, settled, wait_for
from tests.server import RunningStudio

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.timeout(420)

POINTS = f"() => ({PLOT})()?.data?.reduce((sum, line) => sum + line.x.length, 0) ?? 0"


def open_by_path(page: "Page", source: Path) -> None:
    page.goto("/data")
    page.get_by_role("textbox", name="Folder, zip file or CSV table").fill(str(source))
    page.get_by_role("button", name="Open", exact=True).click()


def counted(page: "Page", pictures: int, classes: int) -> None:
    """The Data page says how many there are."""
    page.get_by_text("What there is").wait_for()
    settled(page)
    values = [metric.inner_text() for metric in page.get_by_test_id("stMetricValue").all()]
    assert values[:2] == [str(pictures), str(classes)]


def walk(page: "Page", name: str) -> None:
    """Go to a page by its link in the sidebar."""
    page.get_by_test_id("stSidebar").get_by_role("link", name=name, exact=True).click()
    page.get_by_role("heading", name=name, level=1).wait_for()
    settled(page, 60)


def the_run(page: "Page", studio: RunningStudio) -> Run:
    """The run named in the address."""
    page.wait_for_url("**run=*")
    return Store(studio.workspace).get(page.url.split("run=")[1].split("&")[0])


def lightly(entry: Entry) -> None:
    """Have this dataset's next training take seconds: small pictures, few epochs."""
    recipe = Recipe.model_validate({"data": {"source": entry.source}})
    small = recipe.amended({"model.image_size": 64, "schedule.epochs": 3})
    (entry.folder / "recipe.toml").write_text(small.to_toml(), encoding="utf-8")


def test_a_folder_by_its_path_trains_survives_a_reload_stops_and_is_tried(
    page: "Page", studio: RunningStudio, pictures: Callable[..., Path]
) -> None:
    source = pictures(classes=("red", "blue", "green"), each=20, side=64)
    open_by_path(page, source)
    counted(page, 60, 3)

    walk(page, "Check")
    page.get_by_role("button", name="Check these pictures").click()
    page.get_by_text(re.compile("^(Ready|Needs attention)$")).wait_for(timeout=60_000)  # stripes are much alike

    walk(page, "Augment")
    page.get_by_text("Gentle", exact=True).click()
    page.get_by_text("variant 6").wait_for()

    walk(page, "Model")
    page.get_by_text("Everything from the start").click()
    settled(page)
    page.get_by_text("Expert settings").click()
    settled(page)
    epochs = page.get_by_role("spinbutton", name="Epochs", exact=True)
    epochs.fill("500")
    epochs.press("Enter")
    settled(page)

    walk(page, "Train")
    page.get_by_role("button", name="Start", exact=True).click()
    run = the_run(page, studio)
    page.get_by_text(re.compile(r"Epoch \d+ of 500")).first.wait_for(timeout=90_000)
    wait_for(page, lambda: page.evaluate(POINTS) > 2, 60)
    before = page.evaluate(POINTS)
    wait_for(page, lambda: page.evaluate(POINTS) > before, 60)  # the curve moves while it runs

    page.reload()
    page.get_by_text("of 500", exact=False).first.wait_for()
    assert run.progress().is_live
    second = page.context.new_page()
    second.goto(page.url)
    second.get_by_text("of 500", exact=False).first.wait_for()
    second.close()
    assert len(Store(studio.workspace).all()) == 1, "a reload or a second tab made another run"

    page.get_by_role("button", name="Stop", exact=True).click()
    page.get_by_role("button", name="See the results").wait_for(timeout=60_000)
    assert run.progress().status == "stopped" and (run.folder / "best.safetensors").is_file()

    page.get_by_role("button", name="See the results").click()
    page.get_by_text("Accuracy on the held-back pictures").wait_for()
    page.get_by_text("with 95 % certainty", exact=False).wait_for()
    settled(page)

    walk(page, "Try it")
    page.locator("input[type=file]").set_input_files(source / "blue" / "blue-001.jpg")
    page.get_by_text("This looks like", exact=False).or_(page.get_by_text("unsure", exact=False)).wait_for(
        timeout=60_000
    )

    walk(page, "Runs")
    page.get_by_text("stopped", exact=True).first.wait_for(state="attached")


def test_a_zip_from_the_browser_becomes_a_dataset(page: "Page", pictures: Callable[..., Path], tmp_path: Path) -> None:
    archive = shutil.make_archive(str(tmp_path / "signs"), "zip", pictures(each=12).parent, "pictures")
    page.goto("/data")
    page.get_by_text("Upload a folder or zip").click()
    page.get_by_role("button", name="Choose a zip file").wait_for()
    page.set_input_files("input.zip", archive)
    counted(page, 24, 2)


def test_a_folder_from_the_browser_becomes_a_dataset_and_trains(
    page: "Page", studio: RunningStudio, pictures: Callable[..., Path]
) -> None:
    source = pictures(each=12, name="from-the-browser")
    (source / "cat" / "notes.txt").write_text("not a picture")
    page.goto("/data")
    page.get_by_text("Upload a folder or zip").click()
    page.get_by_role("button", name="Choose a folder").wait_for()
    page.set_input_files("input.folder", source)
    counted(page, 24, 2)
    walk(page, "Train")
    page.get_by_role("button", name="Start", exact=True).click()
    run = the_run(page, studio)
    page.get_by_role("button", name="See the results").wait_for(timeout=90_000)
    assert run.progress().status == "finished"


def test_the_demo_takes_one_click_from_nothing_to_a_running_training(page: "Page", studio: RunningStudio) -> None:
    page.goto("/")
    clicks = 0
    page.get_by_role("button", name="Run the demo").click()
    clicks += 1
    run = the_run(page, studio)
    page.get_by_text("all 9 stages are learning", exact=False).wait_for(timeout=120_000)
    wait_for(page, lambda: len(run.progress().validated) >= 6, 150)  # three epochs of the head, three of all thawed
    page.get_by_role("button", name="Stop", exact=True).click()
    page.get_by_role("button", name="See the results").wait_for(timeout=60_000)
    progress = run.progress()
    head_only, thawed = progress.validated[2].val_accuracy, progress.val_accuracy
    assert clicks <= 3 and [len(thaw.learning) for thaw in progress.thaws] == [0, 9]
    assert thawed is not None and 0.85 < head_only < thawed - 0.02, "thawing is what the demo shows"


def test_a_path_that_leads_nowhere_is_explained(page: "Page", tmp_path: Path) -> None:
    open_by_path(page, tmp_path / "nowhere")
    page.get_by_text("nowhere", exact=False).and_(page.get_by_role("alert").locator("*")).first.wait_for()
