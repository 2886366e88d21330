"""Every component, light and dark, wide and narrow: nothing cut off, no serious finding of axe-core."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from studio.data.library import Library
from studio.training.events import Warned
from tests.journeys.bench_studio import Training, start_bench
from tests.journeys.test_every_page import findings
from tests.server import RunningStudio

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStudio]:
    """The bench in the place of the studio's pages."""
    running = start_bench(tmp_path_factory.mktemp("bench"))
    yield running
    running.stop()
    assert running.calls_out() == []


@pytest.mark.parametrize(("width", "dark"), [(1440, False), (420, True)])
def test_every_component_can_be_read_and_reached(
    open_page: "Callable[..., Page]", studio: RunningStudio, pictures: Callable[..., Path], width: int, dark: bool
) -> None:
    shelf = Library(studio.workspace).add(pictures(each=15)).id
    training = Training(studio)
    training.start()
    training.run.log(Warned("A warning."))
    training.goes_on(2)
    page = open_page(width=width, dark=dark)
    for address, part in (
        ("picker", ".zone"),
        (f"live&run={training.run.id}", ".plot .xtick"),
        (f"gallery&dataset={shelf}", "li img"),
    ):
        page.goto(f"/?show={address}")
        page.locator(part).first.wait_for()
        page.wait_for_timeout(400)
        assert page.evaluate("() => document.scrollingElement.scrollWidth <= innerWidth"), "scrolls sideways"
        assert findings(page) == []
    training.ends()
