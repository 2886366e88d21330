"""What a check leaves, without a page: the report without what was decided since, the map, the file for a colleague."""

import gzip
import html
import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from studio.checks import Finding, Report, Suggestion, kept
from studio.checks.html import MOST_PICTURES, as_html
from studio.data.dataset import Dataset, Sample
from studio.data.decided import decide
from studio.data.decisions import Decision, Decisions
from studio.data.library import Entry, Library
from studio.ui.points import marks
from studio.ui.renewed import without
from studio.ui.routes import routes
from studio.ui.routes.map import columns
from studio.workspace import Workspace

HOSTILE = "<script>alert(1)</script>\"'{{ 7 * 7 }}"


@pytest.fixture
def entry(workspace: Workspace, pictures: Callable[..., Path]) -> Entry:
    return Library(workspace).add(pictures(each=8))


@pytest.fixture
def client(workspace: Workspace) -> Iterator[TestClient]:
    with TestClient(Starlette(routes=routes(workspace))) as client:
        yield client


def opened(entry: Entry) -> Dataset:
    return Library(Workspace(entry.folder.parent.parent)).open(entry.id)


def report_on(dataset: Dataset, *findings: Finding) -> Report:
    return Report(findings, len(dataset.samples), dataset.counts(), 1.0, len(dataset.samples))


# ---- a report of a moment ago

A, B, C, D = "cat/a", "cat/b", "dog/c", "dog/d"
NOW = Dataset(Path("/nowhere"), tuple(Sample(path, path[:3]) for path in (A, B, C, D)))


def left(finding: Finding, *decided: Decision, dataset: Dataset = NOW) -> Finding | None:
    samples = {sample.path: sample for sample in dataset.samples}
    found = without(report_on(dataset, finding), decided, dataset, samples).findings
    return found[0] if found else None


@pytest.mark.parametrize(
    ("decision", "stays"),
    [
        (Decision(A, "set-aside"), (B, C)),
        (Decision(A, "move", "dog"), (B, C)),
        (Decision(A, "keep", check="mislabelled"), (B, C)),
        (Decision(A, "keep", check="blurry"), (A, B, C)),
        (Decision(D, "set-aside"), (A, B, C)),
    ],
)
def test_a_decided_picture_leaves_the_findings_that_it_settles(decision: Decision, stays: tuple[str, ...]) -> None:
    found = left(Finding("mislabelled", "attention", "Wrong.", images=(A, B, C)), decision)
    assert found is not None and found.images == stays


def test_a_move_settles_nothing_about_how_a_picture_looks() -> None:
    found = left(Finding("blurry", "attention", "Blurred.", images=(A,)), Decision(A, "move", "dog"))
    assert found is not None and found.images == (A,)


def test_a_group_of_one_is_none() -> None:
    copies = Finding("exact-duplicate", "attention", "Copies.", images=(A, B, C, D), groups=((A, B), (C, D)))
    found = left(copies, Decision(B, "set-aside"))
    assert found is not None and found.groups == ((C, D),) and found.images == (C, D)
    assert left(copies, Decision(B, "set-aside"), Decision(C, "set-aside")) is None


def test_one_picture_in_one_class_is_no_conflict_any_more() -> None:
    conflict = Finding("conflicting-duplicate", "critical", "Two.", images=(A, C), groups=((A, C),))
    moved = replace(NOW, samples=(Sample(A, "dog"), *NOW.samples[1:]))
    assert left(conflict, Decision(A, "move", "dog"), dataset=moved) is None
    assert left(conflict) == conflict


def test_a_copy_on_one_side_only_is_no_leak_any_more() -> None:
    sides = Dataset(Path("/nowhere"), (Sample(A, "cat", "train"), Sample(B, "cat", "train"), Sample(C, "cat", "val")))
    leak = Finding("split-leak", "critical", "Both.", images=(A, B, C), groups=((A, B, C),))
    assert left(leak, Decision(C, "set-aside"), dataset=sides) is None
    assert left(leak, Decision(B, "set-aside"), dataset=sides) is not None


def test_the_verdict_goes_with_the_findings() -> None:
    samples = {sample.path: sample for sample in NOW.samples}
    grave = report_on(NOW, Finding("mislabelled", "critical", "Wrong.", images=(A,)))
    assert grave.verdict == "not-ready"
    assert without(grave, [Decision(A, "set-aside")], NOW, samples).verdict == "ready"
    bare = report_on(NOW, Finding("imbalance", "attention", "Uneven."))
    assert without(bare, [Decision(A, "set-aside")], NOW, samples).findings == bare.findings


# ---- what is kept


def test_a_report_is_read_as_it_was_written(entry: Entry) -> None:
    finding = Finding(
        "mislabelled",
        "attention",
        "Wrong.",
        images=(A, B),
        groups=((A, B),),
        value=2.0,
        reasons={A: "Why."},
        suggestions={A: Suggestion("dog", 0.9)},
    )
    report = Report((finding,), 4, {"cat": 2, "dog": 2}, 1.5, 3, False, ("No dates.",))
    kept.keep(entry.folder, report, "abc", 12.0)
    last = kept.last(entry.folder)
    assert last is not None and (last.report, last.fingerprint, last.at) == (report, "abc", 12.0)
    assert json.loads((entry.folder / "report.json").read_text())["report"]["verdict"] == "attention"


def test_places_are_spread_over_the_map(entry: Entry) -> None:
    kept.keep_places(entry.folder, "abc", [A, B, C], np.array([[-3, 5], [1, 5], [0, 5]], np.float32))
    assert kept.places(entry.folder) == kept.Places((A, B, C), (0, 10_000, 7500), (0, 0, 0))
    kept.keep_places(entry.folder, "abc", [], np.zeros((0, 2), np.float32))
    assert kept.places(entry.folder) == kept.Places((), (), ())


# ---- the map's address


def test_the_map_is_of_the_pictures_as_they_are_now(client: TestClient, entry: Entry) -> None:
    dataset = opened(entry)
    paths = [sample.path for sample in dataset.samples]
    generator = np.random.default_rng(0)
    kept.keep_places(entry.folder, dataset.fingerprint, [*paths[::-1], "cat/gone.png"], generator.normal(size=(17, 2)))
    told = client.get(f"/thaw/map/{entry.id}").json()
    assert told["classes"] == ["cat", "dog"] and sorted(told["n"]) == list(range(16))
    Decisions(entry.folder).add(
        [*decide(dataset, [paths[0]], "set-aside"), *decide(dataset, [paths[1]], "move", "dog")]
    )
    told = client.get(f"/thaw/map/{entry.id}").json()
    assert len(told["n"]) == len(told["x"]) == len(told["y"]) == 15
    assert told["label"][told["n"].index(0)] == 1, "the first of them now is the one that was moved"


def test_the_map_is_packed_for_whoever_can_unpack_it(client: TestClient, entry: Entry) -> None:
    dataset = opened(entry)
    paths = [sample.path for sample in dataset.samples]
    kept.keep_places(entry.folder, dataset.fingerprint, paths, np.zeros((16, 2)))
    packed = client.get(f"/thaw/map/{entry.id}", headers={"accept-encoding": "gzip"})
    plain = client.get(f"/thaw/map/{entry.id}", headers={"accept-encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip" and "content-encoding" not in plain.headers
    assert packed.json() == plain.json() and plain.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("id", ["nobody-123456", "%2E%2E", ".hid", "{}"])
def test_where_there_is_no_map_it_says_so(client: TestClient, entry: Entry, id: str) -> None:
    answer = client.get(f"/thaw/map/{id.format(entry.id)}")
    assert answer.status_code == 404 and answer.json()["error"]


@pytest.mark.parametrize(
    "damaged", ["", "[]", "{}", '{"paths": ["a"], "x": [1], "y": []}', '{"paths": ["a"], "x": ["1"], "y": [1]}']
)
def test_a_damaged_map_is_none(client: TestClient, entry: Entry, damaged: str) -> None:
    (entry.folder / "map.json").write_text(damaged)
    assert client.get(f"/thaw/map/{entry.id}").status_code == 404


def test_a_map_of_60_000_pictures_is_small_and_soon_there() -> None:
    samples = tuple(Sample(f"class-{n % 50}/{n:06}.jpg", f"class-{n % 50}") for n in range(60_000))
    there = tuple(int(place) for place in np.random.default_rng(0).integers(0, 10_001, 60_000))
    places = kept.Places(tuple(sample.path for sample in samples), there, there[::-1])
    began = time.monotonic()
    body = columns(Dataset(Path("/nowhere"), samples), places)
    assert len(body) < 2_000_000 and len(gzip.compress(body, 4)) < 800_000
    assert time.monotonic() - began < 5


def test_suspects_are_marked_once_with_what_they_look_like(entry: Entry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THAW_WORKSPACE", str(entry.folder.parent.parent))
    dataset = opened(entry)
    first, second, third = (sample.path for sample in dataset.samples[:3])
    found = [
        Finding("outlier", "attention", "Odd.", images=(first, second)),
        Finding(
            "mislabelled", "attention", "Wrong.", images=(second, third), suggestions={second: Suggestion("dog", 0.9)}
        ),
        Finding("blurry", "attention", "Blurred.", images=(third,)),
    ]
    assert marks(dataset, found) == [
        {"name": "maybe in the wrong class", "pictures": [(1, "looks like dog, 90 % sure"), (2, "")]},
        {"name": "unlike all others", "pictures": [(0, "")]},
    ]


# ---- a picture in a state of the dataset


def test_a_decision_never_shows_one_picture_in_the_place_of_another(client: TestClient, entry: Entry) -> None:
    before = opened(entry)
    old = before.fingerprint[:12]
    second = client.get(f"/thaw/picture/{entry.id}/1?v={old}").content
    Decisions(entry.folder).add(decide(before, [before.samples[0].path], "set-aside"))
    new = opened(entry).fingerprint[:12]
    assert client.get(f"/thaw/picture/{entry.id}/0?v={new}").content == second
    assert client.get(f"/thaw/picture/{entry.id}/1?v={old}").content == second
    assert client.get(f"/thaw/picture/{entry.id}/0?v=0123456789ab").status_code == 404


# ---- the file for a colleague


class Tags(HTMLParser):
    """Every tag of a page with its attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.all: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.all.append((tag, dict(attrs)))


def test_the_file_holds_all_that_it_shows_and_runs_nothing(entry: Entry) -> None:
    dataset = opened(entry)
    images = tuple(sample.path for sample in dataset.samples)
    finding = Finding("blurry", "attention", "16 pictures are blurred.", "Why.", "Do.", images=images)
    page = as_html(report_on(dataset, finding), dataset, "Pets")
    tags = Tags(page).all
    pictures = [attributes["src"] for tag, attributes in tags if tag == "img"]
    assert len(pictures) == MOST_PICTURES and all(str(one).startswith("data:image/webp;base64,") for one in pictures)
    assert "And 4 more." in page and "Blurred pictures" in page and "Needs attention" in page
    assert not {"script", "link", "iframe", "object", "form", "a"} & {tag for tag, _ in tags}
    assert not re.search(r"https?:|url\(|@import|\son\w+=", page)
    assert "default-src 'none'" in page and "prefers-color-scheme: dark" in page and "@media print" in page
    assert len(page) < 300_000


def test_everything_that_a_person_named_is_escaped(pictures: Callable[..., Path], workspace: Workspace) -> None:
    root = pictures(classes=("cat", "<b>dog"), each=3)
    dataset = Library(workspace).open(Library(workspace).add(root).id)
    path = dataset.samples[0].path
    finding = Finding(
        "mislabelled",
        "critical",
        HOSTILE,
        HOSTILE,
        HOSTILE,
        images=(path, "<i>gone</i>"),
        reasons={path: HOSTILE, "<i>gone</i>": HOSTILE},
        suggestions={path: Suggestion(HOSTILE, 0.9)},
    )
    report = replace(report_on(dataset, finding), left_out=(HOSTILE,))
    page = as_html(report, replace(dataset, decided=(Decision(HOSTILE, "move", HOSTILE),)), HOSTILE, {path: HOSTILE})
    assert not {"script", "b", "i"} & {tag for tag, _ in Tags(page).all}
    assert page.count(html.escape(HOSTILE, quote=False)[:20]) >= 8 and "{{ 7 * 7 }}" in page


def test_the_file_names_decisions_and_what_does_not_open(entry: Entry) -> None:
    dataset = opened(entry)
    path, other = dataset.samples[0].path, dataset.samples[1].path
    dataset.file(dataset.samples[0]).write_bytes(b"\x89PNG\r\n\x1a\n")
    broken = Finding("unreadable", "attention", "One.", images=(path,), reasons={path: "Cut off."})
    blurred = Finding("blurry", "note", "One.", images=(path,))
    decided = (Decision(other, "move", "dog"), Decision(path, "set-aside"))
    report = replace(report_on(dataset, broken, blurred), complete=False, looked=7)
    page = as_html(report, replace(dataset, decided=decided), "Pets", at=0.0)
    assert "Cut off." in page and "moved to dog" in page and "set aside" in page and "not touched" in page
    assert "first 7 of 16 pictures" in page and not [1 for tag, _ in Tags(page).all if tag == "img"]
