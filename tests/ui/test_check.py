"""The Check page without a browser: what it says in every state, and what each of its buttons decides."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

import studio.ui
from studio.checks import Finding, Looking, Report, Suggestion, kept
from studio.data.dataset import Dataset
from studio.data.decisions import Decision, Decisions, alike
from studio.data.library import Entry, Library
from studio.ui import checking, pictures
from studio.ui.components import Chosen, Item
from studio.ui.places import place
from studio.workspace import Workspace, lock

APP = Path(studio.ui.__path__[0]) / "app.py"
HOSTILE = "**bold** :red[x] <b>b</b>"
CATS = tuple(f"cat/cat-{n:03}.{'png' if n % 2 == 0 else 'jpg'}" for n in range(12))
DOGS = tuple(path.replace("cat", "dog") for path in CATS)

WRONG = Finding(
    "mislabelled",
    "critical",
    "3 pictures look as if they were in the wrong class.",
    why="A model learns what it is told.",
    remedy="Look at each.",
    images=CATS[:3],
    suggestions={path: Suggestion("dog", 0.97) for path in CATS[:3]},
)
COPIES = Finding(
    "exact-duplicate",
    "attention",
    "2 pictures are exact copies of others.",
    images=(CATS[4], CATS[5], DOGS[4], DOGS[5]),
    groups=((CATS[4], CATS[5]), (DOGS[4], DOGS[5])),
    value=2,
)
CONFLICT = Finding(
    "conflicting-duplicate",
    "critical",
    "1 picture lies in two classes.",
    images=(CATS[6], DOGS[6]),
    groups=((CATS[6], DOGS[6]),),
)
BROKEN = Finding(
    "unreadable", "attention", "1 picture cannot be opened.", images=(DOGS[9],), reasons={DOGS[9]: "Cut off."}
)
UNEVEN = Finding("imbalance", "note", "'cat' has more pictures than 'dog'.")


@pytest.fixture
def entry(workspace: Workspace, pictures: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> Entry:
    monkeypatch.setenv("THAW_WORKSPACE", str(workspace.root))
    return Library(workspace).add(pictures(each=12))


@pytest.fixture
def visit(entry: Entry) -> Callable[[], AppTest]:
    """The page as a first visit draws it."""

    def open_() -> AppTest:
        at = AppTest.from_file(str(APP), default_timeout=30).run()
        at.query_params["dataset"] = entry.id
        at.switch_page(str(place("pages") / "check.py")).run()
        assert not at.exception
        return at

    return open_


@pytest.fixture
def renewals(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """How often a decision asked for a new check; none goes."""
    asked: list[str] = []
    monkeypatch.setattr(checking, "renew", lambda entry: asked.append(entry.id))
    return asked


@pytest.fixture
def found(entry: Entry, renewals: list[str]) -> Callable[..., Report]:
    """`found(WRONG, COPIES, ...)` leaves a report with these findings beside the dataset."""

    def leave(*findings: Finding, **changes: Any) -> Report:
        dataset = opened(entry)
        report = replace(Report(findings, 24, dataset.counts(), 1.5, 24), **changes)
        kept.keep(entry.folder, report, dataset.fingerprint, time.time())
        return report

    return leave


def opened(entry: Entry) -> Dataset:
    return Library(Workspace(entry.folder.parent.parent)).open(entry.id)


def taken(entry: Entry) -> dict[str, tuple[str, str, str]]:
    """What was decided: path -> action, label, check."""
    return {one.path: (one.action, one.label, one.check) for one in Decisions(entry.folder).all()}


def button(at: AppTest, label: str) -> Any:
    return next(one for one in at.button if one.label == label)


def labels(at: AppTest) -> list[str]:
    return [one.label for one in at.button]


def said(at: AppTest) -> str:
    kinds = ("caption", "markdown", "text", "error", "warning", "success", "info", "expander")
    words = (f"{getattr(one, 'label', '')} {getattr(one, 'value', '')}" for kind in kinds for one in at.get(kind))
    return "\n".join(words).replace("\\", "").replace("\u2060", "")


def ticking(monkeypatch: pytest.MonkeyPatch, *paths: str, clicked: str = "") -> list[list[Item]]:
    """Galleries in which these are ticked, or one is clicked; the items that each was given."""
    given: list[list[Item]] = []

    def choose(entry: Entry, dataset: Dataset, items: list[Item], key: str) -> Chosen:
        given.append(items)
        places = pictures.places(dataset)
        shown = {item["n"] for item in items}
        picked = places.get(clicked) if len(given) == 1 else None
        return Chosen(picked, tuple(places[path] for path in paths if places.get(path) in shown))

    monkeypatch.setattr(pictures, "choose", choose)
    return given


def until(condition: Callable[[], object], seconds: float = 30) -> None:
    ended = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ended, f"not within {seconds} s"
        time.sleep(0.05)


# ---- states


def test_before_a_check_there_is_one_thing_to_press(visit: Callable[[], AppTest]) -> None:
    at = visit()
    assert "Check these pictures" in labels(at) and "Nothing is changed" in said(at)
    assert not at.expander and not at.get("link_button")


@pytest.mark.parametrize(
    ("findings", "title", "why"),
    [
        ((), "Ready", "Nothing stands in the way of training on these 24 pictures."),
        ((UNEVEN,), "Ready", "Nothing stands in the way"),
        ((COPIES,), "Needs attention", "Good to train on, but look at this first: 2 pictures are exact copies"),
        ((WRONG, COPIES), "Not ready", "3 pictures look as if they were in the wrong class (and 1 more finding)."),
    ],
)
def test_one_verdict_on_top_says_why(
    visit: Callable[[], AppTest], found: Callable[..., Report], findings: tuple[Finding, ...], title: str, why: str
) -> None:
    found(*findings)
    at = visit()
    [verdict] = [*at.success, *at.warning, *at.error]
    assert verdict.proto.title == title and verdict.value.replace("\\", "").replace("\u2060", "").startswith(why)
    assert "24 pictures checked in 2 s." in said(at)


def test_a_verdict_on_a_part_says_what_it_rests_on(
    visit: Callable[[], AppTest], found: Callable[..., Report], entry: Entry
) -> None:
    found(COPIES, looked=10, complete=False)
    assert "from the first 10 of 24 pictures; the check ended before" in said(visit())
    with lock(entry.folder / "check.lock"):
        (entry.folder / "check.json").write_text(
            json.dumps({"status": "running", "done": 15, "total": 24, "what": "Opening the pictures"})
        )
        at = visit()
    assert "from the first 10 of 24 pictures; the rest is being looked at" in said(at)
    assert "Opening the pictures: 15 of 24" in [bar.text for bar in at.get("progress")] and "Cancel" in labels(at)
    assert "Check again" not in labels(at) and any("Exact copies" in one.label for one in at.expander)


def test_pictures_that_were_opened_but_not_yet_recognised_are_told_of(
    visit: Callable[[], AppTest], found: Callable[..., Report]
) -> None:
    found(complete=False)
    assert "All 24 pictures were opened, but the check ended before it looked at what they show." in said(visit())


@pytest.mark.parametrize(
    ("ended", "words"),
    [
        ({"status": "cancelled"}, "was cancelled"),
        ({"status": "running"}, "The studio was closed"),
        ({"status": "failed", "what": "The disk is full.", "remedy": "Make room."}, "The disk is full. Make room."),
    ],
)
def test_how_a_check_ended_is_said_beside_what_an_earlier_one_found(
    visit: Callable[[], AppTest], found: Callable[..., Report], entry: Entry, ended: dict[str, str], words: str
) -> None:
    found(COPIES)
    (entry.folder / "check.json").write_text(json.dumps(ended))
    at = visit()
    assert words in " ".join(said(at).split()) and "Check again" in labels(at)
    assert any("Exact copies" in one.label for one in at.expander)


@pytest.mark.parametrize("damaged", ["", "[]", "{", '{"report": {}}', '{"report": {"findings": 3}, "fingerprint": 1}'])
def test_a_report_that_cannot_be_read_is_none(visit: Callable[[], AppTest], entry: Entry, damaged: str) -> None:
    (entry.folder / "report.json").write_text(damaged)
    (entry.folder / "map.json").write_text(damaged)
    assert "Check these pictures" in labels(visit())


def test_a_report_on_other_pictures_stays_and_says_so(
    visit: Callable[[], AppTest], found: Callable[..., Report], entry: Entry
) -> None:
    found(COPIES)
    time.sleep(0.1)
    (Path(entry.source) / CATS[4]).unlink()
    at = visit()
    assert "Since this check the pictures or your decisions have changed" in said(at)
    assert button(at, "Check again").proto.type == "primary"
    assert any("Exact copies" in one.label for one in at.expander)


def test_findings_are_folded_after_the_first_few_and_those_draw_no_picture(
    visit: Callable[[], AppTest], found: Callable[..., Report], monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = [Finding(check, "attention", "Some.", images=CATS[:2]) for check in ("blurry", "dark", "bright", "blank")]
    found(*looks, UNEVEN)
    given = ticking(monkeypatch)
    at = visit()
    unfolded = [one.label for one in at.expander if one.proto.expanded]
    assert len([one for one in at.expander if "decisions" not in one.label]) == 5
    assert len(unfolded) == 3 and len(given) == 3 and "Blurred pictures" in unfolded[0]


def test_many_pictures_are_turned_by_pages(
    visit: Callable[[], AppTest], found: Callable[..., Report], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "A_PAGE", 5)
    found(replace(WRONG, images=CATS, suggestions={}), replace(COPIES, groups=tuple(zip(CATS, DOGS, strict=True)) * 3))
    given = ticking(monkeypatch)
    visit()
    assert [len(items) for items in given] == [5, 24]
    assert {item.get("group") for item in given[1]} == set(range(1, 13))


def test_a_picture_says_what_it_looks_like_and_how_sure_that_is(
    visit: Callable[[], AppTest], found: Callable[..., Report], monkeypatch: pytest.MonkeyPatch
) -> None:
    found(WRONG)
    given = ticking(monkeypatch)
    at = visit()
    assert given[0][0]["caption"] == "looks like dog\n97 % sure, is in cat\ncat-000.png"
    assert "Why this matters: A model learns what it is told." in said(at) and "What to do: Look at each." in said(at)


def test_names_are_never_markup(
    visit: Callable[[], AppTest], found: Callable[..., Report], monkeypatch: pytest.MonkeyPatch
) -> None:
    suggestions = {CATS[0]: Suggestion(HOSTILE, 0.9)}
    found(replace(WRONG, sentence=HOSTILE, why=HOSTILE, remedy=HOSTILE, suggestions=suggestions), left_out=(HOSTILE,))
    ticking(monkeypatch, clicked=CATS[0])
    at = visit()
    kinds = ("markdown", "caption", "error", "button", "expander")
    words = [f"{getattr(one, 'label', '')} {getattr(one, 'value', '')}" for kind in kinds for one in at.get(kind)]
    assert any("bold" in one for one in words) and not any(":red[" in one or "<b>" in one for one in words)


# ---- decisions


def test_all_suspects_move_to_the_class_they_look_like(
    visit: Callable[[], AppTest], found: Callable[..., Report], entry: Entry, renewals: list[str]
) -> None:
    found(WRONG, COPIES)
    at = visit()
    button(at, "Move all 3 to dog").click().run()
    assert taken(entry) == dict.fromkeys(CATS[:3], ("move", "dog", "mislabelled"))
    assert renewals == [entry.id] and opened(entry).counts() == {"cat": 9, "dog": 15}
    assert not any("wrong class" in one.label for one in at.expander), "the finding is gone"
    assert not at.error and at.warning[0].proto.title == "Needs attention"
    assert "3 pictures moved to another class" in said(at)
    assert (Path(entry.source) / CATS[0]).is_file()


def test_what_was_done_last_can_be_undone_where_it_is_said(
    visit: Callable[[], AppTest], found: Callable[..., Report], entry: Entry, renewals: list[str]
) -> None:
    found(WRONG)
    at = visit()
    button(at, "Set aside all 3").click().run()
    assert "3 pictures set aside. The files stay where they are." in said(at) and len(opened(entry).samples) == 21
    button(at, "Undo").click().run()
    assert taken(entry) == {} and "Undone for 3 pictures." in said(at) and len(renewals) == 2
    assert at.error[0].proto.title == "Not ready", "the report is the one on these pictures again"
    button(at, "Close").click().run()
    assert "Undone" not in said(at)


def test_only_what_is_ticked_is_decided_about(
    visit: Callable[[], AppTest], found: Callable[..., Report], entry: Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    found(WRONG)
    ticking(monkeypatch, CATS[0], CATS[2])
    at = visit()
    button(at, "Keep the 2 ticked as they are").click().run()
    assert taken(entry) == dict.fromkeys((CATS[0], CATS[2]), ("keep", "", "mislabelled"))
    assert any("1 picture" in one.label for one in at.expander), "the finding shrinks"
    button(at, "Keep it as it is").click().run()
    assert not any("wrong class" in one.label for one in at.expander)


def test_ticked_pictures_go_to_a_class_of_ones_choice(
    visit: Callable[[], AppTest], found: Callable[..., Report], entry: Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    found(replace(WRONG, suggestions={}))
    ticking(monkeypatch, CATS[1])
    at = visit()
    next(box for box in at.selectbox if box.label == "Class").set_value("dog").run()
    button(at, "Move the 1 ticked").click().run()
    assert taken(entry) == {CATS[1]: ("move", "dog", "mislabelled")}


def test_all_but_one_of_each_group_is_the_first_button_and_the_largest_file_stays(
    visit: Callable[[], AppTest], found: Callable[..., Report], entry: Entry
) -> None:
    found(COPIES)
    at = visit()
    mine = [label for label in labels(at) if "all" in label]
    assert mine[0] == "Set aside all but one of each group"
    button(at, mine[0]).click().run()
    root = Path(entry.source)
    for group in COPIES.groups:
        [stays] = [path for path in group if path not in taken(entry)]
        assert (root / stays).stat().st_size == max((root / path).stat().st_size for path in group)
    assert at.success[-1].proto.title == "Ready" and not any("copies" in one.label for one in at.expander)


def test_of_a_leak_the_held_back_picture_stays(visit: Callable[[], AppTest], workspace: Workspace) -> None:
    from studio.data.dataset import Sample
    from studio.ui.remedies import others

    dataset = Dataset(
        workspace.root, (Sample("train/cat/1.png", "cat", "train"), Sample("val/cat/1.png", "cat", "val"))
    )
    assert others(dataset, ["train/cat/1.png", "val/cat/1.png"]) == ["train/cat/1.png"]


def test_a_picture_in_two_classes_is_kept_in_the_right_one_or_in_none(
    visit: Callable[[], AppTest], found: Callable[..., Report], entry: Entry
) -> None:
    found(CONFLICT)
    at = visit()
    assert "Set aside all 2" in labels(at)
    next(box for box in at.selectbox if box.label == "Keep in").set_value("dog").run()
    button(at, "Set 1 picture aside").click().run()
    assert taken(entry) == {CATS[6]: ("set-aside", "", "conflicting-duplicate")}
    assert not any("two classes" in one.label for one in at.expander)


def test_a_file_that_does_not_open_is_listed_and_set_aside(
    visit: Callable[[], AppTest], found: Callable[..., Report], entry: Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    found(BROKEN)
    given = ticking(monkeypatch)
    at = visit()
    assert not given and at.dataframe[0].value.to_numpy().tolist() == [[DOGS[9], "Cut off."]]
    button(at, "Set aside it").click().run()
    assert taken(entry)[DOGS[9]][0] == "set-aside"


def test_what_no_picture_settles_has_no_buttons(visit: Callable[[], AppTest], found: Callable[..., Report]) -> None:
    found(replace(UNEVEN, severity="attention"), Finding("shortcut", "attention", "The frame tells.", images=CATS[:3]))
    at = visit()
    assert not any(word in label for label in labels(at) for word in ("Set aside", "Keep", "Move"))


# ---- one picture


def test_a_click_shows_a_picture_large_and_decides_about_it_alone(
    visit: Callable[[], AppTest], found: Callable[..., Report], entry: Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    found(WRONG)
    ticking(monkeypatch, clicked=CATS[1])
    at = visit()
    assert CATS[1] in said(at) and "It looks like dog, 97 % sure." in said(at) and len(at.get("image")) == 1
    at.button(key="one-move").click().run()
    assert taken(entry) == {CATS[1]: ("move", "dog", "mislabelled")}
    assert not at.get("image"), "it is closed"


@pytest.mark.parametrize(("key", "action"), [("one-aside", "set-aside"), ("one-keep", "keep")])
def test_one_picture_is_set_aside_or_kept(
    visit: Callable[[], AppTest],
    found: Callable[..., Report],
    entry: Entry,
    monkeypatch: pytest.MonkeyPatch,
    key: str,
    action: str,
) -> None:
    found(WRONG)
    ticking(monkeypatch, clicked=CATS[1])
    visit().button(key=key).click().run()
    assert taken(entry) == {CATS[1]: (action, "", "mislabelled")}


# ---- the panel


def test_decisions_are_listed_withdrawn_and_taken_along(
    visit: Callable[[], AppTest], found: Callable[..., Report], entry: Entry, renewals: list[str]
) -> None:
    found(WRONG)
    assert not any("Your decisions" in one.label for one in visit().expander)
    button(visit(), "Set aside all 3").click().run()
    at = visit()
    assert any(one.label == "Your decisions about 3 pictures" for one in at.expander)
    assert "Your files themselves were not touched" in said(at) and "trained under" in said(at)
    table = at.dataframe[-1].value
    assert sorted(table["Picture"]) == sorted(CATS[:3]) and set(table["Decision"]) == {"set aside"}
    assert set(table["Because of"]) == {"Pictures that may be in the wrong class"} and "Holds" not in table
    assert button(at, "Withdraw the selected").disabled
    assert {one.proto.label: one.proto.url for one in at.get("link_button")} == {
        "Download the report": f"/thaw/check/{entry.id}/report.html",
        "Download as CSV": f"/thaw/check/{entry.id}/decisions.csv",
    }
    button(at, "Undo the last step").click().run()
    assert taken(entry) == {} and len(renewals) == 2


def test_a_decision_on_a_file_that_has_changed_is_said_not_to_hold(
    visit: Callable[[], AppTest], found: Callable[..., Report], entry: Entry
) -> None:
    found()
    Decisions(entry.folder).add([Decision(CATS[0], "set-aside", size=3)])
    table = visit().dataframe[-1].value
    assert table["Holds"].tolist() == ["no: the file has changed or is gone"]


def test_damaged_decisions_are_explained_and_never_lost(visit: Callable[[], AppTest], entry: Entry) -> None:
    (entry.folder / "decisions.json").write_text("{")
    at = visit()
    assert "decisions" in at.error[0].value and (entry.folder / "decisions.json").read_text() == "{"


# ---- the check behind it


def walking(
    monkeypatch: pytest.MonkeyPatch, *reports: Callable[[Dataset], Report]
) -> tuple[threading.Event, list[Dataset]]:
    """A check that yields these reports, and waits before the last until it may go on; and what it was asked about."""
    going, begun = threading.Event(), list[Dataset]()

    def walk(dataset: Dataset, workspace: Workspace) -> Iterator[Looking | Report]:
        begun.append(dataset)
        for report in reports[:-1]:
            yield report(dataset)
        while not going.wait(0.02):
            yield Looking("Recognising what they show", 1, 24)
        yield reports[-1](dataset)

    monkeypatch.setattr("studio.checks.walk", walk)
    return going, begun


def test_a_decision_while_a_check_goes_makes_it_begin_anew(entry: Entry, monkeypatch: pytest.MonkeyPatch) -> None:
    going, begun = walking(monkeypatch, lambda dataset: Report((), len(dataset.samples), dataset.counts(), 1.0))
    checking.begin(entry, wait=0)
    until(lambda: len(begun) == 1)
    size = (Path(entry.source) / CATS[0]).stat().st_size
    Decisions(entry.folder).add([Decision(CATS[0], "set-aside", size=size)])
    checking.renew(entry)
    until(lambda: len(begun) == 2)
    going.set()
    until(lambda: checking.state(entry) is None)
    last = kept.last(entry.folder)
    assert last and last.report.images == 23 and last.fingerprint == opened(entry).fingerprint and len(begun) == 2


def test_a_first_report_is_shown_but_never_replaces_a_complete_one(
    entry: Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def part(dataset: Dataset) -> Report:
        return Report((), 24, dataset.counts(), 1.0, 10, complete=False)

    def whole(dataset: Dataset) -> Report:
        return Report((COPIES,), 24, dataset.counts(), 2.0, 24)

    for looked in (10, 24):
        going, begun = walking(monkeypatch, part, whole)
        checking.begin(entry, wait=0)
        until(lambda: begun and kept.last(entry.folder))  # noqa: B023
        until(lambda looked=looked: (last := kept.last(entry.folder)) is not None and last.report.looked == looked)
        going.set()
        until(lambda: checking.state(entry) is None)
    assert (last := kept.last(entry.folder)) is not None and last.report == whole(opened(entry))


def test_copies_are_written_down_for_the_split_and_those_one_keeps_are_not_forgotten(
    entry: Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    reports = [(COPIES, replace(COPIES, check="near-duplicate", groups=((CATS[0], CATS[1]),)), WRONG), ()]
    for findings in reports:
        going, _ = walking(monkeypatch, lambda data, found=findings: Report(found, 24, data.counts(), 1.0, 24))
        going.set()
        checking.begin(entry, wait=5)
        until(lambda: checking.state(entry) is None)
        if findings:
            assert alike(entry.folder) == tuple(sorted([*COPIES.groups, (CATS[0], CATS[1])]))
            size = (Path(entry.source) / CATS[0]).stat().st_size
            Decisions(entry.folder).add([Decision(CATS[0], "keep", check="near-duplicate", size=size)])
    assert alike(entry.folder) == ((CATS[0], CATS[1]),)


def test_a_check_of_real_pictures_is_renewed_by_a_decision(
    visit: Callable[[], AppTest], entry: Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shutil

    shutil.copy(Path(entry.source) / CATS[0], Path(entry.source) / "cat" / "copy.png")
    at = visit()
    button(at, "Check these pictures").click().run()
    until(lambda: checking.state(entry) is None and kept.last(entry.folder))
    at = visit()
    assert any("Exact copies" in one.label for one in at.expander)
    button(at, "Set aside all but one of each group").click().run()
    until(lambda: checking.state(entry) is None)
    at = visit()
    assert not any("Exact copies" in one.label for one in at.expander) and "24 pictures checked" in said(at)
