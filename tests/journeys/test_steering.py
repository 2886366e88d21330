"""Steady hands in a real Chromium: a run is thawed while it goes, and one whose studio died goes on where it was."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from studio.runs.run import Run
from studio.runs.store import Store
from studio.training.events import Resumed, Validated
from tests.browser import PLOT, Watch, wait_for
from tests.server import RunningStudio, start_studio
from tests.training.recipes import tiny

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.timeout(300)

EPOCHS = 9000  # it does not end before the test says so
MARKS = f"() => ({PLOT})()?.layout?.annotations?.map(mark => mark.text) ?? []"


def test_a_run_is_steered_while_it_goes(
    page: "Page", watch: Watch, studio: RunningStudio, pictures: Callable[..., Path]
) -> None:
    watch.allow("status of 422")
    run = Store(studio.workspace).create(tiny(pictures(each=40), schedule__epochs=9000, engine__cache="off"))
    page.goto(f"/train?run={run.id}")
    page.get_by_role("button", name="Start", exact=True).click()
    page.locator(".plot .xtick").first.wait_for(timeout=60_000)
    stages = len(run.progress().started.stages)  # type: ignore[union-attr]

    depth = page.get_by_label("Stages that stay frozen")
    assert depth.input_value() == str(stages)
    depth.fill(str(stages - 1))
    page.get_by_text(f"The head and the last of {stages} stages learn").wait_for()
    page.get_by_text("Thawed by hand").wait_for(timeout=30_000)
    page.wait_for_function(f"() => ({MARKS})().includes('thaw')")
    assert page.get_by_text("Asked for").count() == 0 and run.progress().thaws[-1].depth == stages - 1
    assert depth.input_value() == str(stages - 1)

    rate = page.get_by_label("Learning rate (the highest)")
    rate.fill("20")
    rate.press("Enter")
    page.get_by_role("alert").get_by_text("lr must be a number from").wait_for()
    rate.fill("0.0005")
    rate.press("Enter")
    page.get_by_text("The learning rate became 0.0005").wait_for(timeout=30_000)
    assert rate.input_value() == "0.0005" and page.get_by_text("lr must be a number").count() == 0

    page.get_by_role("button", name="Pause", exact=True).click()
    page.locator(".sentence", has_text="Paused in epoch").wait_for(timeout=30_000)
    before = run.progress().step
    page.wait_for_timeout(700)
    assert run.progress().step == before
    page.get_by_role("button", name="Go on", exact=True).click()
    wait_for(page, lambda: run.progress().step > before)

    page.get_by_role("button", name="Stop", exact=True).click()
    page.get_by_role("button", name="Save this as a recipe").wait_for(timeout=60_000)
    assert page.get_by_text("Thawed by hand").is_visible(), "the marks stay when it has ended"
    assert [(change.depth, change.lr) for change in run.as_steered().steering] == [(stages - 1, None), (None, 0.0005)]


@pytest.fixture
def restarted(tmp_path: Path) -> Iterator[list[RunningStudio]]:
    """The studios of one workspace, one after the other; the last one is stopped at the end."""
    studios = [start_studio(tmp_path / "studio")]
    yield studios
    studios[-1].stop()


def test_a_run_whose_studio_was_killed_goes_on_where_it_was(
    chromium: "Browser", watch: Watch, restarted: list[RunningStudio], pictures: Callable[..., Path]
) -> None:
    studio = restarted[0]
    watch.allow("ERR_CONNECTION_REFUSED")  # what a page asks of a studio that is being killed
    recipe = tiny(pictures(each=40), schedule__epochs=EPOCHS, engine__cache="off")
    run = Store(studio.workspace).create(recipe)
    page = watch.open(chromium, studio.url)
    page.goto(f"/train?run={run.id}")
    page.get_by_role("button", name="Start", exact=True).click()
    wait_for(page, lambda: len(run.progress().validated) > 3)
    page.get_by_role("button", name="Pause", exact=True).click()
    wait_for(page, run.can_go_on)  # a pause keeps everything
    page.get_by_role("button", name="Go on", exact=True).click()
    lost = len(run.progress().validated) + 3
    wait_for(page, lambda: len(run.progress().validated) > lost)
    page.close()
    studio.process.kill()
    studio.process.wait()
    assert run.progress().status == "interrupted", "it ended before it was killed"

    restarted.append(start_studio(studio.workspace.root.parent))
    page = watch.open(chromium, restarted[-1].url)
    page.goto(f"/train?run={run.id}")
    page.get_by_role("button", name="Go on where it was").click()
    wait_for(page, lambda: run.progress().is_live and len(run.progress().validated) > lost)
    last = run.progress().epoch + 10
    run.request("epochs", last)
    page.get_by_role("button", name="See the results").wait_for(timeout=120_000)
    assert page.get_by_text("Taken up again").is_visible()
    assert whole(run, last) and run.progress().status == "finished"

    page.get_by_label("Train for so many epochs more").fill("3")
    page.get_by_role("button", name="Add epochs").click()
    page.get_by_text(f"The run was given {last + 3} epochs in all after epoch {last}.").wait_for(timeout=60_000)
    page.get_by_role("button", name="See the results").wait_for(timeout=60_000)
    wait_for(page, lambda: run.progress().status == "finished")
    assert whole(run, last + 3)


def whole(run: Run, epochs: int) -> bool:
    """Whether the history has every epoch once, though those after the checkpoint were trained twice."""
    trained = [event.epoch for event in run.events() if isinstance(event, Validated)]
    assert any(isinstance(event, Resumed) and event.again for event in run.events())
    assert len(trained) > epochs, "nothing was lost, so nothing was brought back"
    return [event.epoch for event in run.progress().validated] == list(range(1, epochs + 1))
