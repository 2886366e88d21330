"""The live charts in a real Chromium: they grow, they stay as they were left, they tell the page what it must know."""

import re
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from studio.training.events import Failed, Thawed, Warned
from tests.browser import PLOT, Watch
from tests.journeys.bench_studio import STAGES, Training, heard, start_bench
from tests.server import RunningStudio

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.timeout(300)

LOOK = f"""() => {{
  const plot = ({PLOT})(), {{xaxis, yaxis}} = plot._fullLayout
  window.first ??= plot
  return {{x: xaxis.range, y: yaxis.range, points: plot.data.map(line => line.x.length), same: plot === window.first,
          shown: plot.data.map(line => line.visible), dash: plot.data.map(line => line.line.dash),
          thaws: plot.layout.shapes.map(shape => shape.x0), ink: plot._fullLayout.font.color}}
}}"""


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStudio]:
    """The bench in the place of the studio's pages."""
    running = start_bench(tmp_path_factory.mktemp("bench"))
    yield running
    running.stop()
    assert running.calls_out() == []


@pytest.fixture
def training(studio: RunningStudio) -> Training:
    return Training(studio)


def test_the_curves_grow_and_stay_as_the_person_left_them(page: "Page", training: Training) -> None:
    training.start()
    page.goto(f"/?show=live&run={training.run.id}")
    page.get_by_text("The curves begin here").wait_for()
    assert page.locator(".plot").first.is_hidden(), "an empty axis"
    training.goes_on(2)
    page.locator(".plot .xtick").first.wait_for()
    before = page.evaluate(LOOK)
    assert before["dash"] == ["dash", "solid"] and before["shown"] == [True, True] and before["points"][1] == 2

    box = page.locator(".plot").first.bounding_box()
    assert box
    page.mouse.move(box["x"] + 100, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + 260, box["y"] + 160, steps=6)
    training.steps()
    page.wait_for_timeout(800)  # an answer comes while the hand is down
    page.mouse.up()
    page.get_by_role("button", name="Training", exact=True).click()
    zoomed = page.evaluate(LOOK)
    assert zoomed["x"] != before["x"] and zoomed["shown"] == [False, True]

    training.ends_epoch()
    training.run.log(Thawed(4, 1, STAGES[:1], STAGES[1:], 800))
    training.goes_on(2)
    page.wait_for_function(f"() => ({LOOK})().points[1] === 5", timeout=5000)
    page.get_by_role("button", name="Draw the page again").click()
    heard(page, "drawn: 2")
    page.wait_for_timeout(700)
    after = page.evaluate(LOOK)
    assert after["same"] and (after["x"], after["y"], after["shown"]) == (zoomed["x"], zoomed["y"], [False, True])
    assert after["thaws"] == [3]
    assert page.get_by_text("From epoch 4 on, the head and the last 2 stages (blocks.0, blocks.1) learn.").is_visible()

    page.get_by_role("button", name="Show all again").click()
    page.get_by_role("button", name="Training", exact=True).click()
    whole = page.evaluate(LOOK)
    assert whole["shown"] == [True, True] and whole["x"][0] == 0 and whole["x"][1] >= 5
    training.ends()
    heard(page, "statuses: ['finished']")


def test_what_happens_is_shown_within_a_second(page: "Page", training: Training) -> None:
    training.start()
    training.goes_on(1)
    page.goto(f"/?show=live&run={training.run.id}")
    page.locator(".plot .xtick").first.wait_for()
    waits = []
    for epoch in range(2, 6):
        training.goes_on(1)
        began = time.monotonic()
        page.wait_for_function(f"() => ({LOOK})().points[1] === {epoch}", timeout=5000, polling=20)
        waits.append(time.monotonic() - began)
    assert max(waits) < 1.0, waits
    training.ends()


def test_the_page_is_told_once_when_it_begins_and_once_when_it_ends(page: "Page", training: Training) -> None:
    page.goto(f"/?show=live&run={training.run.id}")
    page.get_by_text("Not started yet.").wait_for()
    training.start()
    page.get_by_text(re.compile(r"statuses: \['(preparing|training)'\]")).wait_for()
    training.goes_on(2)
    page.wait_for_timeout(1500)
    training.ends()
    page.get_by_text(re.compile(r"statuses: \['\w+', 'finished'\]")).wait_for()
    page.wait_for_timeout(1500)
    assert page.get_by_text("drawn: 3").is_visible(), "three drawings: the first, and one for each change"


def test_the_numbers_are_told_in_words(page: "Page", training: Training) -> None:
    training.start()
    training.run.log(Warned("3 pictures could not be opened and were left out."))
    training.goes_on(2)
    page.goto(f"/?show=live&run={training.run.id}")
    numbers = page.locator("dl")
    page.get_by_text("2 of 8", exact=True).wait_for()
    for expected in ("Time left", "120", "cpu", "64.0 % (epoch 2)"):
        assert expected in numbers.inner_text()
    assert page.get_by_role("progressbar").get_attribute("aria-valuenow") == "25"
    assert page.get_by_text("3 pictures could not be opened").is_visible()
    assert page.locator("[aria-live=polite]", has_text="Epoch 2 of 8 is finished. Accuracy 64.0 %").count() == 1
    training.run.log(Failed("The disk is full.", "Free some space and start again.", "Traceback: <b>x</b>"))
    page.get_by_role("alert").get_by_text("Free some space and start again.").wait_for()
    page.get_by_text("Details to copy into a report").click()
    assert page.locator("pre").inner_text() == "Traceback: <b>x</b>"


def test_a_studio_that_does_not_answer_is_said_and_comes_back(page: "Page", watch: Watch, training: Training) -> None:
    watch.allow("Failed to load resource")
    training.start()
    training.goes_on(1)
    page.goto(f"/?show=live&run={training.run.id}")
    page.locator(".plot .xtick").first.wait_for()
    page.route("**/thaw/run/*", lambda route: route.abort())
    page.get_by_text("The studio does not answer. Trying again…").wait_for()
    assert page.locator(".plot").first.is_visible()
    page.unroute("**/thaw/run/*")
    page.get_by_text("The studio does not answer. Trying again…").wait_for(state="hidden")
    training.ends()


def test_nothing_new_costs_no_bytes_and_leaving_ends_the_asking(page: "Page", training: Training) -> None:
    training.start()
    training.goes_on(1)
    statuses: list[int] = []
    page.on("response", lambda answer: statuses.append(answer.status) if "/thaw/run/" in answer.url else None)
    page.goto(f"/?show=live&run={training.run.id}")
    page.locator(".plot .xtick").first.wait_for()
    page.wait_for_timeout(2500)
    assert statuses.count(200) <= 2 and statuses.count(304) >= 2
    training.ends()


def test_the_charts_follow_the_theme(page: "Page", training: Training) -> None:
    training.start()
    training.goes_on(2)
    page.goto(f"/?show=live&run={training.run.id}")
    page.locator(".plot .xtick").first.wait_for()
    light = page.evaluate(LOOK)["ink"]
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(f"light => ({LOOK})().ink !== light", arg=light, timeout=5000)
    training.ends()
