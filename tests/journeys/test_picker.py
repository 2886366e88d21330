"""The picker in a real Chromium: a folder, a zip, a drop; what fails, what is refused, what is left behind."""

import re
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from studio.data.library import Library
from tests.browser import Watch
from tests.conftest import striped
from tests.journeys.bench_studio import start_bench, two_thousand
from tests.server import RunningStudio

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

pytestmark = pytest.mark.timeout(300)


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


def dataset_of(page: "Page", studio: RunningStudio) -> Any:
    """The entry and the dataset of the one upload that the bench heard of."""
    line = page.get_by_text(re.compile(r"^datasets: \['"))
    line.wait_for(timeout=120_000)
    library = Library(studio.workspace)
    entry = library.get(line.inner_text().split("'")[1])
    return entry, library.open(entry.id)


def resident(studio: RunningStudio, which: str) -> float:
    """The server's memory in MB: VmRSS now, VmHWM at its highest."""
    status = Path(f"/proc/{studio.process.pid}/status").read_text()
    return int(re.search(rf"{which}:\s+(\d+)", status).group(1)) / 1000  # type: ignore[union-attr]


def test_2000_files_arrive_complete_in_time_with_flat_memory(page: "Page", studio: RunningStudio, many: Path) -> None:
    page.goto("/?show=picker")
    page.get_by_role("button", name="Choose a folder").wait_for()
    before = resident(studio, "VmRSS") if sys.platform == "linux" else 0
    began = time.monotonic()
    page.set_input_files("input.folder", many)
    entry, dataset = dataset_of(page, studio)
    seconds = time.monotonic() - began
    grown = resident(studio, "VmHWM") - before if sys.platform == "linux" else 0
    print(f"2,000 files in {seconds:.1f} s, server memory +{grown:.0f} MB")
    assert seconds < 30 and grown < 60
    assert (entry.name, entry.kind, dataset.counts()) == ("pets", "upload", {"cat": 1000, "dog": 1000})
    for sample in dataset.samples[::97]:
        assert dataset.file(sample).read_bytes() == (many / sample.path).read_bytes()
    assert page.locator("details.skipped summary").inner_text() == "5 files left out, because they are no pictures"
    assert not list(studio.workspace.uploads.glob("*.part"))


def test_a_zip_arrives(page: "Page", studio: RunningStudio, pictures: Callable[..., Path], tmp_path: Path) -> None:
    folder, archive = pictures(each=4), tmp_path / "my pets.ZIP"
    with zipfile.ZipFile(archive, "w") as packed:
        for file in folder.rglob("*.*"):
            packed.write(file, file.relative_to(folder))
    page.goto("/?show=picker")
    page.set_input_files("input.zip", archive)
    entry, dataset = dataset_of(page, studio)
    assert (entry.name, entry.kind, dataset.counts()) == ("my pets", "zip", {"cat": 4, "dog": 4})


def test_a_folder_can_be_dropped(page: "Page", studio: RunningStudio) -> None:
    page.goto("/?show=picker")
    page.locator(".zone").evaluate("""async (zone) => {
      const canvas = new OffscreenCanvas(20, 20)
      canvas.getContext('2d').fillRect(0, 0, 9, 9)
      const picture = await canvas.convertToBlob()
      const file = (path) => ({isFile: true, fullPath: path,
        file: (done) => done(new File([picture, path], path.split('/').at(-1)))})
      const folder = (...inside) => ({isFile: false, createReader: () => {
        const batches = [...inside.map(one => [one]), []]  // as browsers give them: some at a time
        return {readEntries: (done) => done(batches.shift())} }})
      const root = folder(folder(file('/garden/bee/1.png'), file('/garden/bee/2.png')),
                          folder(file('/garden/ant/1.png'), file('/garden/ant/.x.png')), file('/garden/.DS_Store'))
      const event = new Event('drop', {cancelable: true})
      event.dataTransfer = {items: [{webkitGetAsEntry: () => root}], files: []}
      zone.dispatchEvent(event)
    }""")
    entry, dataset = dataset_of(page, studio)
    assert (entry.name, dataset.counts()) == ("garden", {"ant": 1, "bee": 2})


def test_what_fails_on_the_way_is_sent_again(
    page: "Page", studio: RunningStudio, watch: Watch, pictures: Callable[..., Path]
) -> None:
    watch.allow("Failed to load resource")
    failures = iter([True, True])

    def sometimes(route: "Route") -> None:
        route.abort() if next(failures, False) else route.continue_()

    page.route("**/thaw/upload/*/files", sometimes)
    page.goto("/?show=picker")
    page.set_input_files("input.folder", pictures(each=10))
    assert dataset_of(page, studio)[1].counts() == {"cat": 10, "dog": 10}


def test_what_keeps_failing_can_be_retried_by_hand(
    page: "Page", studio: RunningStudio, watch: Watch, pictures: Callable[..., Path]
) -> None:
    watch.allow("Failed to load resource")
    page.route("**/thaw/upload/*/files", lambda route: route.abort())
    page.goto("/?show=picker")
    page.set_input_files("input.folder", pictures(each=3))
    retry = page.get_by_role("button", name="Retry 6 files")
    retry.wait_for()
    assert "6 files could not be sent: cat/" in page.get_by_role("alert").inner_text()
    page.unroute("**/thaw/upload/*/files")
    retry.click()
    assert dataset_of(page, studio)[1].counts() == {"cat": 3, "dog": 3}


def test_one_can_go_on_without_what_keeps_failing(
    page: "Page", studio: RunningStudio, watch: Watch, pictures: Callable[..., Path]
) -> None:
    watch.allow("Failed to load resource")
    bad = b'"path":"cat/cat-000.png"'
    page.route(
        "**/thaw/upload/*/files",
        lambda route: route.abort() if bad in (route.request.post_data_buffer or b"") else route.continue_(),
    )
    page.goto("/?show=picker")
    page.set_input_files("input.folder", pictures(each=3))
    page.get_by_role("button", name="Retry 1 file").wait_for()
    page.get_by_role("button", name="Go on without them").click()
    assert dataset_of(page, studio)[1].counts() == {"cat": 2, "dog": 3}


def test_cancel_leaves_nothing_behind(page: "Page", studio: RunningStudio, pictures: Callable[..., Path]) -> None:
    page.route("**/thaw/upload/*/files", lambda route: None)  # it hangs
    before = set(studio.workspace.uploads.iterdir())
    page.goto("/?show=picker")
    page.set_input_files("input.folder", pictures())
    cancel = page.get_by_role("button", name="Cancel")
    cancel.wait_for()
    cancel.click()
    page.get_by_text("Cancelled. Nothing was kept.").wait_for()
    deadline = time.monotonic() + 5
    while set(studio.workspace.uploads.iterdir()) != before and time.monotonic() < deadline:
        page.wait_for_timeout(50)
    assert set(studio.workspace.uploads.iterdir()) == before
    assert page.get_by_role("button", name="Choose a folder").is_visible()


def test_leaving_the_page_ends_the_upload(page: "Page", studio: RunningStudio, pictures: Callable[..., Path]) -> None:
    page.route("**/thaw/upload/*/files", lambda route: None)
    before = set(studio.workspace.uploads.iterdir())
    page.on("dialog", lambda dialog: dialog.accept())
    page.goto("/?show=picker")
    with page.expect_request("**/thaw/upload/*/files"):  # from then on the page knows which upload is its own
        page.set_input_files("input.folder", pictures())
    assert set(studio.workspace.uploads.iterdir()) != before
    deadline = time.monotonic() + 5
    page.goto("about:blank")
    while set(studio.workspace.uploads.iterdir()) != before and time.monotonic() < deadline:
        page.wait_for_timeout(50)
    assert set(studio.workspace.uploads.iterdir()) == before


@pytest.mark.parametrize(
    ("kind", "name", "said"),
    [
        ("folder", "notes.txt", "There are no pictures in what you chose."),
        ("zip", "notes.txt", "notes.txt is not a zip file."),
        ("zip", "empty.zip", "zip"),
    ],
)
def test_what_cannot_be_used_is_said(
    page: "Page", watch: Watch, tmp_path: Path, kind: str, name: str, said: str
) -> None:
    watch.allow("status of 422")  # Chromium writes every refusal to the console
    (tmp_path / "chosen").mkdir()
    (tmp_path / "chosen" / name).write_text("hello")
    page.goto("/?show=picker")
    page.set_input_files(f"input.{kind}", tmp_path / "chosen" / ("" if kind == "folder" else name))
    page.get_by_role("alert").get_by_text(said).first.wait_for()
    assert page.get_by_role("button", name="Choose a folder").is_visible()


def test_a_page_from_an_earlier_start_is_told_to_reload(
    page: "Page", watch: Watch, pictures: Callable[..., Path]
) -> None:
    watch.allow("status of 403")

    def elsewhere(route: "Route") -> None:
        route.continue_(headers={**route.request.headers, "x-thaw-token": "of-yesterday"})

    page.route("**/thaw/upload/begin", elsewhere)
    page.goto("/?show=picker")
    page.set_input_files("input.folder", pictures())
    page.get_by_role("alert").get_by_text("Reload the page").wait_for()


def test_hostile_names_stay_text(page: "Page", studio: RunningStudio, tmp_path: Path) -> None:
    evil = "<img src=x onerror=alert(1)>"
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: dialogs.append(dialog.message))
    for label in (evil, "**bold** [a](http:x)"):
        (tmp_path / "x" / label).mkdir(parents=True)
        Image.fromarray(striped(0, 0)).save(tmp_path / "x" / label / f"{evil}.png")
        (tmp_path / "x" / label / f"{evil}.txt").write_text("")
    page.goto("/?show=picker")
    page.set_input_files("input.folder", tmp_path / "x")
    entry, dataset = dataset_of(page, studio)
    page.locator("details.skipped summary").click()
    assert page.locator("details.skipped li").first.inner_text().endswith(f"{evil}.txt")
    page.goto(f"/?show=gallery&dataset={entry.id}")
    captions = page.locator("li .caption")
    captions.first.wait_for()
    shown = set(captions.all_inner_texts())
    assert shown == {f"{sample.path.rpartition('/')[2]}, {sample.label}" for sample in dataset.samples}
    assert dialogs == []
