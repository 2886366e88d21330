"""Every page without a browser: what it says when there is nothing, something, or something wrong."""

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

import studio.ui
from studio.checks import Looking, Report
from studio.data.dataset import Dataset
from studio.data.library import Entry, Library
from studio.recipe import FreezePlan, Recipe
from studio.runs import pins
from studio.runs.run import Run
from studio.runs.store import Store
from studio.training.events import (
    Event,
    Failed,
    Finished,
    Hindered,
    Noted,
    Paused,
    Prepared,
    Saved,
    Started,
    Steered,
    Stepped,
    Thawed,
    Validated,
)
from studio.ui import checking, forms
from studio.ui.cards import plain
from studio.ui.places import place
from studio.workspace import Workspace

APP = Path(studio.ui.__path__[0]) / "app.py"
PAGES = ["start", "data", "check", "augment", "model", "train", "results", "try_it", "runs"]
HOSTILE = "**bold** :red[x] :material/home: <b>b</b> ![i](http://a.example/i.png) $x$ `c` www.a.example"

Open = Callable[..., AppTest]


@pytest.fixture
def visit(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Open:
    """`visit("train", run=..., dataset=...)` is the page as a first visit draws it."""
    monkeypatch.setenv("THAW_WORKSPACE", str(workspace.root))

    def open_(page: str, **ids: str) -> AppTest:
        at = AppTest.from_file(str(APP), default_timeout=30).run()
        for name, id in ids.items():
            at.query_params[name] = id
        at.switch_page(str(place("pages") / f"{page}.py")).run()
        assert not at.exception
        return at

    return open_


@pytest.fixture
def entry(workspace: Workspace, pictures: Callable[..., Path]) -> Entry:
    return Library(workspace).add(pictures(each=12))


@pytest.fixture
def finished(workspace: Workspace, entry: Entry) -> Run:
    """A run that ended well, with one mistake among eight held-back pictures."""
    return ended(workspace, entry, "first try")


def ended(workspace: Workspace, entry: Entry, name: str) -> Run:
    run = Store(workspace).create(Recipe.model_validate({"name": name, "data": {"source": entry.source}}))
    run.log(Started("tf_efficientnet_lite0", "CPU", ["cat", "dog"], ["a", "b"], 2, 100, 10, 16, 8, 224, 1, 1))
    run.log(Thawed(1, 2, ["a", "b"], [], 10))
    run.log(Validated(1, 1, 0.5, 0.8, 0.4, 0.875, 1e-3, 100.0, 1.0))
    (run.folder / "best.safetensors").touch()
    run.log(Saved("best", "best.safetensors", 1))
    frame = pd.DataFrame(
        [
            {"path": sample.path, "label": sample.label, "predicted": sample.label, "confidence": 0.9, "loss": 0.1}
            for sample in Library(workspace).open(entry.id).samples[8:16]
        ]
    )
    frame.loc[0, ["predicted", "loss"]] = ["dog", 2.3]
    frame.to_json(run.folder / "predictions.json", orient="split", index=False)
    run.log(Finished(False, 1, 1, 0.5, 0.4, 0.875, 100.0, 2.0, "best.safetensors"))
    return run


def said(at: AppTest) -> str:
    """All the words on a page, the sidebar's too."""
    kinds = (
        "title",
        "subheader",
        "caption",
        "markdown",
        "text",
        "error",
        "warning",
        "success",
        "info",
        "button",
        "metric",
    )
    return "\n".join(
        f"{getattr(element, 'label', '')} {getattr(element, 'value', '')}" for kind in kinds for element in at.get(kind)
    )


def button(at: AppTest, label: str) -> Any:
    return next(button for button in at.button if button.label == label)


@pytest.mark.parametrize("page", PAGES)
def test_an_empty_studio_says_on_every_page_what_to_do_next(visit: Open, page: str) -> None:
    at = visit(page)
    assert at.title, "A page has a title."
    assert at.button, "There is something to press."
    assert not at.error


@pytest.mark.parametrize("page", PAGES)
def test_every_page_draws_a_dataset_and_a_finished_run(visit: Open, page: str, entry: Entry, finished: Run) -> None:
    at = visit(page, dataset=entry.id, run=finished.id)
    assert not at.error, at.error[0].value
    assert "first try" in said(at)


@pytest.mark.parametrize("page", ["data", "train", "results", "try_it"])
def test_an_address_that_names_nothing_is_explained(visit: Open, page: str) -> None:
    at = visit(page, run="no-such-run", dataset="no-such-dataset")
    assert "no-such" in at.error[0].value.replace("\\", "").replace("\u2060", "")


def test_a_typed_path_becomes_the_dataset_in_the_address(visit: Open, pictures: Callable[..., Path]) -> None:
    at = visit("data")
    at.text_input(key="opener-path").set_value(str(pictures(each=6)))
    button(at, "Open").click().run()
    assert not at.error
    assert at.query_params["dataset"]
    assert [metric.value for metric in at.metric][:2] == ["12", "2"]


def test_a_path_with_nothing_at_it_is_explained_and_can_be_corrected(visit: Open) -> None:
    at = visit("data")
    at.text_input(key="opener-path").set_value("/no/such/folder")
    button(at, "Open").click().run()
    assert "folder" in at.error[0].value
    assert at.text_input(key="opener-path").value == "/no/such/folder"


@pytest.mark.parametrize(
    ("backbone", "why"),
    [("convnext_atto_rms", "Nobody published weights for"), ("qwen3_vit_88m_enc", "has no classifier")],
)
def test_what_cannot_be_trained_is_told_before_start_on_both_pages(
    visit: Open, entry: Entry, backbone: str, why: str
) -> None:
    chosen = of(entry, {"model.backbone": backbone})
    (entry.folder / "recipe.toml").write_text(chosen.to_toml())
    for page in ("model", "train"):
        at = visit(page, dataset=entry.id)
        assert why in " ".join(each.value for each in at.warning) and not at.exception
    assert at.button(key="start").disabled
    (entry.folder / "recipe.toml").write_text(chosen.started("scratch").to_toml())
    assert visit("train", dataset=entry.id).button(key="start").disabled is ("classifier" in why)


def test_the_share_held_back_is_written_into_the_draft(visit: Open, entry: Entry) -> None:
    at = visit("data", dataset=entry.id)
    at.slider(key=f"val-share-{entry.id}").set_value(40).run()
    assert Recipe.from_toml((entry.folder / "recipe.toml").read_text()).data.val_share == 0.4


def test_a_check_is_kept_and_is_there_at_once_when_one_comes_back(visit: Open, entry: Entry) -> None:
    at = visit("check", dataset=entry.id)
    button(at, "Check these pictures").click().run()
    until((entry.folder / "report.json").is_file)
    assert not at.error or "Not ready" in said(at)
    again = visit("check", dataset=entry.id)
    assert "checked in" in said(again)
    assert button(again, "Check again")


def test_a_check_goes_on_without_its_page_and_only_once(
    visit: Open, entry: Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    going, begun = threading.Event(), []

    def slow(dataset: Dataset, workspace: Workspace) -> Iterator[Looking | Report]:
        begun.append(dataset)
        yield Looking("Opening the pictures", 12, 24)
        going.wait(30)
        yield Looking("Opening the pictures", 24, 24)
        yield Report((), 24, dataset.counts(), 1.0)

    monkeypatch.setattr("studio.checks.walk", slow)
    checking.begin(entry, wait=0.2)
    checking.begin(entry, wait=0.2)
    at = visit("check", dataset=entry.id)
    assert len(begun) == 1, "a second tab began a second check"
    assert button(at, "Cancel") and not any("Check" in other.label for other in at.button)
    button(at, "Cancel").click().run()
    going.set()
    until(lambda: (now := checking.state(entry)) is not None and now.status == "cancelled")
    assert "cancelled" in said(visit("check", dataset=entry.id))
    assert not (entry.folder / "report.json").exists()
    checking.begin(entry, wait=5)
    assert "checked in" in said(visit("check", dataset=entry.id))


def test_a_check_that_was_cut_short_says_so(visit: Open, entry: Entry) -> None:
    (entry.folder / "check.json").write_text(json.dumps({"status": "running", "done": 3, "total": 24}))
    at = visit("check", dataset=entry.id)
    assert "before the last check was done" in at.warning[0].value
    assert button(at, "Check these pictures")


def until(condition: Callable[[], object], seconds: float = 30) -> None:
    ended = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ended, f"not within {seconds} s"
        time.sleep(0.05)


def learns(at: AppTest) -> Any:
    """The choice of what learns."""
    return next(radio for radio in at.radio if radio.label == "What learns")


def test_two_quick_clicks_do_not_undo_each_other(visit: Open, entry: Entry) -> None:
    """The second click is sent before the page was drawn again, with the slider's old value under its old key."""
    at = visit("model", dataset=entry.id)
    slider, old = str(at.select_slider[0].key), at.select_slider[0].value
    learns(at).set_value("two-phase").run()
    at.session_state[slider] = old
    at.toggle(key="expert").set_value(True).run()
    assert (learns(at).value, at.select_slider[0].value) == ("two-phase", 0)
    assert Recipe.from_toml((entry.folder / "recipe.toml").read_text()).freeze.depth == 0


def test_a_preset_is_written_into_the_draft_and_previewed(visit: Open, entry: Entry) -> None:
    at = visit("augment", dataset=entry.id)
    at.radio(key=f"preset-{entry.id}").set_value("strong").run()
    assert not at.error
    assert Recipe.from_toml((entry.folder / "recipe.toml").read_text()).augment.preset == "strong"
    assert len(at.image) == 7


def asked(entry: Entry) -> Recipe:
    """The draft, as it lies on the disk."""
    return Recipe.from_toml((entry.folder / "recipe.toml").read_text())


def test_fixed_variations_are_suggested_written_and_previewed(visit: Open, entry: Entry) -> None:
    at = visit("augment", dataset=entry.id)
    assert "Variations of each picture" not in [box.label for box in at.number_input]
    at.radio(key=f"preset-{entry.id}").set_value("strong").run()
    at.radio(key=f"fixed-{entry.id}").set_value(True).run()
    assert asked(entry).augment.views == 4
    assert re.search(r"Suggested: 4 for your \d\d pictures to learn from and 8 epochs", said(at))
    for views in (3, 4, 3):
        at.number_input(key=f"views-{entry.id}").set_value(views).run()
        assert (at.number_input(key=f"views-{entry.id}").value, asked(entry).augment.views) == (views, views)
        assert len(at.image) == views + 1 and button(at, "Roll again").disabled
    again = visit("augment", dataset=entry.id)
    assert again.number_input(key=f"views-{entry.id}").value == 3
    again.radio(key=f"preset-{entry.id}").set_value("none").run()
    assert not again.error and asked(entry).augment.views == 0


def test_rolling_again_goes_through_the_fixed_variations(visit: Open, entry: Entry) -> None:
    (entry.folder / "recipe.toml").write_text(of(entry, {"augment.preset": "gentle", "augment.views": 8}).to_toml())
    at = visit("augment", dataset=entry.id)
    before = [image.captions[0] for image in varied(at)]
    button(at, "Roll again").click().run()
    assert before == [f"variant {n}" for n in (1, 2, 3, 4, 5, 6)]
    assert [image.captions[0] for image in varied(at)] == [f"variant {n}" for n in (7, 8, 1, 2, 3, 4)]


def test_fixed_variations_that_save_nothing_are_called_so(visit: Open, entry: Entry) -> None:
    for changes, words in (
        ({"freeze": FreezePlan.everything()}, "nothing stays frozen"),
        ({"freeze": FreezePlan.two_phase(head_epochs=2)}, "Only the first 2 epochs"),
        ({"engine.cache": "off"}, "keeping is switched off"),
    ):
        recipe = of(entry, {"augment.preset": "gentle", "augment.views": 2, **changes})
        (entry.folder / "recipe.toml").write_text(recipe.to_toml())
        assert words in said(visit("augment", dataset=entry.id))


@pytest.mark.parametrize(
    ("pictures", "epochs", "suggested"), [(1119, 8, 4), (1119, 5, 3), (100_000, 16, 4), (10_000_000, 8, 1), (0, 1, 1)]
)
def test_no_more_variations_are_suggested_than_fit(pictures: int, epochs: int, suggested: int) -> None:
    assert forms.views_suggested(pictures, epochs) == suggested


def test_what_saves_time_can_be_switched_off_and_on_again(visit: Open, entry: Entry) -> None:
    at = visit("model", dataset=entry.id)
    for keep, precision in ((False, "float32"), (False, "auto"), (True, "float32"), (False, "float32")):
        at.toggle(key=f"cache-{entry.id}").set_value(keep).run()
        at.segmented_control(key=f"precision-{entry.id}").set_value(precision).run()
        engine = asked(entry).engine
        assert (engine.cache, engine.precision) == ("auto" if keep else "off", precision)
    again = visit("model", dataset=entry.id)
    assert again.toggle(key=f"cache-{entry.id}").value is False
    assert again.segmented_control(key=f"precision-{entry.id}").value == "float32"


def test_a_run_says_how_it_saved_time_and_never_as_markup(visit: Open, entry: Entry, finished: Run) -> None:
    finished.log(Noted("Reusing 20 pictures already seen by the frozen part: epochs take 0.02 s."))
    finished.log(Noted(HOSTILE))
    at = visit("train", run=finished.id, dataset=entry.id)
    block = next(one for one in at.expander if one.label == "What it was trained under, and what saved time")
    notes, switches = (caption.value for caption in block.caption)
    assert "Reusing 20 pictures" in notes and notes.endswith(f"\n- {plain(HOSTILE)}")
    assert "under Speed" in switches
    assert block.proto.expanded


def test_a_run_that_saved_nothing_says_nothing_of_it(visit: Open, entry: Entry, finished: Run) -> None:
    at = visit("train", run=finished.id, dataset=entry.id)
    assert not any("saved time" in one.label for one in at.expander)


def of(entry: Entry, changes: dict[str, Any]) -> Recipe:
    return Recipe.model_validate({"data": {"source": entry.source}}).amended(changes)


def varied(at: AppTest) -> list[Any]:
    """The pictures of the preview without the original."""
    return list(at.image)[1:]


def test_strategy_and_depth_move_together(visit: Open, entry: Entry) -> None:
    at = visit("model", dataset=entry.id)
    assert (learns(at).value, at.select_slider[0].value) == ("head", 9)
    at.select_slider[0].set_value(3).run()
    assert (learns(at).value, at.select_slider[0].value) == ("two-phase", 3)
    assert Recipe.from_toml((entry.folder / "recipe.toml").read_text()).freeze.depth == 3
    learns(at).set_value("full").run()
    assert (learns(at).value, at.select_slider[0].value) == ("full", 0)
    recipe = Recipe.from_toml((entry.folder / "recipe.toml").read_text())
    assert (recipe.freeze.strategy, recipe.freeze.depth, recipe.optimizer.lr) == ("full", 0, 3e-4)
    learns(at).set_value("head").run()
    recipe = Recipe.from_toml((entry.folder / "recipe.toml").read_text())
    assert (recipe.freeze, recipe.optimizer.lr) == (FreezePlan.head_only(), 3e-3)


def test_what_does_not_go_together_is_said_before_start(visit: Open, entry: Entry) -> None:
    recipe = Recipe.model_validate({"data": {"source": entry.source}}).amended(
        {"freeze": FreezePlan.two_phase(head_epochs=9)}
    )
    (entry.folder / "recipe.toml").write_text(recipe.to_toml())
    at = visit("train", dataset=entry.id)
    assert "nothing would ever thaw" in at.warning[0].value
    assert at.button(key="start").disabled


def test_start_makes_one_run_however_often_it_is_pressed(
    visit: Open, entry: Entry, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[Any] = []

    def start(run: Run) -> bool:
        if run.is_held():
            return False
        held.append(run.lock())
        held[-1].acquire()
        return True

    monkeypatch.setattr("studio.runs.launch.start", start)
    for _ in range(2):
        visit("train", dataset=entry.id).button(key="start").click().run()
    at = visit("train", dataset=entry.id, run=Store(workspace).all()[0].id)
    assert len(Store(workspace).all()) == 1
    assert not at.error
    for lock in held:
        lock.release()


def test_a_live_run_is_steered_where_its_curves_are(visit: Open, entry: Entry, workspace: Workspace) -> None:
    run = Store(workspace).create(Recipe.model_validate({"data": {"source": entry.source}}))
    with run.lock():
        run.log(Prepared("Waking the engine", 0, 0))
        at = visit("train", run=run.id)
        assert not {"Stop", "Pause"} & {one.label for one in at.button}, "they are in the live chart"
        run.log(Paused(1, 4))
        assert not visit("train", run=run.id, dataset=entry.id).error


def test_a_failed_run_says_why_and_where_its_last_good_checkpoint_is(
    visit: Open, entry: Entry, workspace: Workspace
) -> None:
    run = Store(workspace).create(Recipe.model_validate({"data": {"source": entry.source}}))
    run.log(
        Failed("The loss is not a number any more.", "Choose a lower learning rate.", "Traceback", "best.safetensors")
    )
    at = visit("train", run=run.id, dataset=entry.id)
    assert "not a number" in at.error[0].value and "lower learning rate" in at.error[0].value
    assert at.code[0].value == "Traceback"
    assert "best.safetensors" in said(at)
    assert button(at, "Start it again")


def test_results_name_the_accuracy_and_its_interval(visit: Open, finished: Run) -> None:
    at = visit("results", run=finished.id)
    assert at.metric[0].value == "87.5 %"
    assert "7 of 8 pictures are right, 1 wrong" in said(at)
    at.selectbox(key=f"true-{finished.id}").set_value("cat")
    at.selectbox(key=f"predicted-{finished.id}").set_value("dog").run()
    assert "1 picture of cat, taken for dog" in said(at)


def test_a_run_is_opened_from_the_list(visit: Open, finished: Run, entry: Entry) -> None:
    at = visit("runs")
    at.selectbox[0].set_value(finished.id).run()
    button(at, "Open").click().run()
    assert (at.query_params["run"], at.query_params["dataset"]) == (finished.id, entry.id)
    assert at.title[0].value == "Results"


def test_an_unreadable_run_does_not_hide_the_others(visit: Open, finished: Run, workspace: Workspace) -> None:
    broken = workspace.runs / "20200101-000000-broken-abcd"
    broken.mkdir()
    (broken / "recipe.toml").write_text("this is no recipe")
    for page in ("start", "runs", "data", "train"):
        at = visit(page)
        assert not at.error
    assert set(visit("runs").dataframe[0].value["status"]) == {"finished", "cannot be read"}


def test_names_are_never_markup(visit: Open, entry: Entry, workspace: Workspace) -> None:
    run = ended(workspace, entry, HOSTILE[:120])
    for page in PAGES:
        at = visit(page, run=run.id, dataset=entry.id)
        assert not at.error
        for kind in ("markdown", "caption", "success", "warning", "button", "title", "subheader"):
            for element in at.get(kind):
                for text in (getattr(element, "label", ""), getattr(element, "value", "")):
                    assert ":red[" not in str(text) and "![i]" not in str(text)


def test_plain_text_loses_nothing_but_its_markup() -> None:
    shown = plain(HOSTILE)
    assert re.sub(r"\\(?=[!-/:-@\[-`{-~])|\u2060", "", shown) == HOSTILE
    assert not re.search(r"(?<!\\)[*_`\[\]<>$!:]", shown)
    assert "www" not in shown and ":red" not in shown and "http://" not in shown.replace("\\", "")


def test_the_sidebar_tells_how_far_one_is(visit: Open, entry: Entry, finished: Run) -> None:
    assert "0 of 7" in visit("start").sidebar.get("progress")[0].text  # type: ignore[attr-defined]
    assert "1 of 7" in visit("data", dataset=entry.id).sidebar.get("progress")[0].text  # type: ignore[attr-defined]
    at = visit("results", dataset=entry.id, run=finished.id)
    assert "5 of 7" in at.sidebar.get("progress")[0].text  # type: ignore[attr-defined]
    links = {link.proto.page: link.proto.query_string for link in at.sidebar.get("page_link")}  # type: ignore[attr-defined]
    assert finished.id in links["train"] and entry.id in links["train"]


def test_a_fault_nobody_foresaw_is_a_sentence_with_details(visit: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: object) -> list[Run]:
        raise ZeroDivisionError("nobody foresaw this")

    at = visit("data")
    monkeypatch.setattr("studio.ui.lists.datasets", broken)
    monkeypatch.setattr("studio.ui.openers.by_path", lambda: broken(None))
    at.run()
    assert "went wrong" in at.error[0].value
    assert "ZeroDivisionError" in at.code[0].value


def test_opening_the_app_imports_no_engine(workspace: Workspace) -> None:
    import subprocess
    import sys

    script = (
        "import json, sys\n"
        "from streamlit.testing.v1 import AppTest\n"
        f"at = AppTest.from_file({str(APP)!r}, default_timeout=60).run()\n"
        "assert not at.exception\n"
        "print(json.dumps([n for n in ('torch', 'timm', 'albumentations', 'sklearn') if n in sys.modules]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
        env={**_environment(), "THAW_WORKSPACE": str(workspace.root)},
    )
    assert json.loads(done.stdout.splitlines()[-1]) == []


def _environment() -> dict[str, str]:
    import os

    return dict(os.environ)


def test_a_run_stopped_before_it_learnt_anything_offers_no_results(
    visit: Open, workspace: Workspace, entry: Entry
) -> None:
    run = Store(workspace).create(Recipe.model_validate({"name": "early", "data": {"source": entry.source}}))
    run.log(Finished(True, 0, None, None, None, None, None, 1.0, None))
    at = visit("train", run=run.id, dataset=entry.id)
    assert any("no weights to keep" in note.value for note in at.info) and not at.success
    assert {"again"} <= {button.key for button in at.button}


# ---- how a run ended, and how it goes on


@pytest.fixture
def goes_on(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bool]]:
    """Every run has a checkpoint to go on from; what was started is written down here instead."""
    started: list[tuple[str, bool]] = []
    monkeypatch.setattr(Run, "can_go_on", lambda _: True)
    monkeypatch.setattr("studio.runs.launch.start", lambda run, again=False: started.append((run.id, again)))
    return started


def begun(workspace: Workspace, entry: Entry, *events: Event) -> Run:
    run = Store(workspace).create(Recipe.model_validate({"name": "begun", "data": {"source": entry.source}}))
    run.log(Started("tf_efficientnet_lite0", "CPU", ["cat", "dog"], ["a", "b"], 2, 100, 10, 16, 8, 224, 8, 10))
    run.log(Thawed(1, 2, ["a", "b"], [], 10))
    for event in events:
        run.log(event)
    return run


def test_an_interrupted_run_goes_on_where_it_was(
    visit: Open, workspace: Workspace, entry: Entry, goes_on: list[tuple[str, bool]]
) -> None:
    run = begun(workspace, entry, Stepped(1, 5, 0.5, 0.5, 1e-3, 10.0))
    button(visit("train", run=run.id, dataset=entry.id), "Go on where it was").click().run()
    assert goes_on == [(run.id, True)]


def test_an_interrupted_run_without_a_checkpoint_starts_again(visit: Open, workspace: Workspace, entry: Entry) -> None:
    run = begun(workspace, entry, Stepped(1, 5, 0.5, 0.5, 1e-3, 10.0))
    at = visit("train", run=run.id, dataset=entry.id)
    assert button(at, "Start it again") and not any("Go on" in one.label for one in at.button)


def test_a_stopped_run_goes_on(
    visit: Open, workspace: Workspace, entry: Entry, goes_on: list[tuple[str, bool]]
) -> None:
    end = Finished(True, 1, 1, 0.5, 0.4, 0.875, 100.0, 2.0, "best.safetensors")
    run = begun(workspace, entry, Validated(1, 10, 0.5, 0.8, 0.4, 0.875, 1e-3, 100.0, 1.0), end)
    button(visit("train", run=run.id, dataset=entry.id), "Go on").click().run()
    assert goes_on == [(run.id, True)]


def test_a_finished_run_gets_more_epochs(
    visit: Open, finished: Run, entry: Entry, goes_on: list[tuple[str, bool]]
) -> None:
    at = visit("train", run=finished.id, dataset=entry.id)
    at.number_input(key=f"more-{finished.id}").set_value(3)
    button(at, "Add epochs").click().run()
    assert goes_on == [(finished.id, True)]
    assert (finished.folder / "request.epochs").read_text() == "4"


def test_a_run_that_a_full_disk_ended_goes_on(
    visit: Open, workspace: Workspace, entry: Entry, goes_on: list[tuple[str, bool]]
) -> None:
    full = Failed("A file could not be read or written: No space left on device.", "Make room.")
    at = visit("train", run=begun(workspace, entry, full).id, dataset=entry.id)
    assert button(at, "Go on") and not any(one.label == "Start it again" for one in at.button)
    other = visit("train", run=begun(workspace, entry, Failed("The loss is no number.")).id, dataset=entry.id)
    assert button(other, "Start it again") and not any(one.label == "Go on" for one in other.button)


def test_what_stood_in_the_way_is_said(visit: Open, workspace: Workspace, entry: Entry) -> None:
    run = begun(workspace, entry, Hindered("The disk is full.", "Make room on it."))
    at = visit("train", run=run.id, dataset=entry.id)
    assert any("disk is full" in plain_again(warning.value) for warning in at.warning)


def plain_again(shown: str) -> str:
    return re.sub(r"\\(?=[!-/:-@\[-`{-~])|\u2060", "", shown)


def test_a_steered_run_can_be_saved_as_a_recipe(visit: Open, workspace: Workspace, entry: Entry, finished: Run) -> None:
    assert not visit("train", run=finished.id, dataset=entry.id).get("download_button")
    end = Finished(True, 1, 1, 0.5, 0.4, 0.875, 100.0, 2.0, "best.safetensors")
    run = begun(workspace, entry, Steered(1, 5, lr=1e-4), Validated(1, 10, 0.5, 0.8, 0.4, 0.9, 1e-4, 1.0, 1.0), end)
    [save] = visit("train", run=run.id, dataset=entry.id).get("download_button")
    assert save.proto.label == "Save this as a recipe"
    assert run.as_steered().steering[0].lr == 1e-4


def test_the_doctors_remedy_becomes_the_draft(
    visit: Open, workspace: Workspace, entry: Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    from studio.results.doctor import Diagnosis

    found = Diagnosis(
        "rate",
        "fault",
        "The rate is *too* high.",
        "It was 1.",
        "Lower it.",
        {"optimizer.lr": 1e-4},
        "Use a rate of 0.0001",
    )
    monkeypatch.setattr("studio.results.doctor.diagnose", lambda events, recipe: [found])
    run = begun(workspace, entry, Failed("The loss is no number."))
    at = visit("train", run=run.id, dataset=entry.id)
    assert "The rate is *too* high." in plain_again(said(at))
    button(at, "Use a rate of 0.0001").click().run()
    assert asked(entry).optimizer.lr == 1e-4 and "run" not in at.query_params
    assert button(at, "Start")


def test_early_stopping_and_a_process_of_its_own_are_written_into_the_draft(visit: Open, entry: Entry) -> None:
    at = visit("model", dataset=entry.id)
    at.toggle(key=f"isolated-{entry.id}").set_value(True).run()
    at.toggle(key="expert").set_value(True).run()
    at.number_input(key=f"schedule.patience-{entry.id}").set_value(3).run()
    assert (asked(entry).engine.isolated, asked(entry).schedule.patience) == (True, 3)


def test_a_picture_is_pinned_to_a_live_run(visit: Open, workspace: Workspace, entry: Entry) -> None:
    run = begun(workspace, entry)
    dataset = Library(workspace).open(entry.id)
    with run.lock():
        pins.pin(run, "../My cat.png", dataset.file(dataset.samples[0]).read_bytes())
        at = visit("train", run=run.id, dataset=entry.id)
        [name] = [path.name for path in pins.pinned(run)]
        assert name.startswith("my-cat-") and name in said(at)
        button(at, "Take away").click().run()
        assert pins.pinned(run) == []


@pytest.mark.parametrize("fits", [True, False])
def test_a_file_of_weights_is_tried_as_soon_as_it_is_named(
    fits: bool, visit: Open, workspace: Workspace, pictures: Callable[..., Path], tmp_path: Path
) -> None:
    import timm
    from safetensors.torch import save_file

    file = tmp_path / "**mine**.safetensors"
    save_file(timm.create_model("tf_efficientnet_lite0" if fits else "test_resnet").state_dict(), file)
    entry = Library(workspace).add(str(pictures()))
    at = visit("model", dataset=entry.id)
    next(radio for radio in at.radio if radio.label == "Start from").set_value("file").run()
    next(box for box in at.text_input if box.label == "File of weights").set_value(str(file)).run()
    assert not at.exception
    draft = entry.folder / "recipe.toml"
    written = Recipe.from_toml(draft.read_text()) if draft.is_file() else Recipe()
    assert written.model.weights == (str(file) if fits else "")
    said = " ".join(element.value for element in (*at.success, *at.warning, *at.markdown))
    assert ("Training starts from them" in said) == fits
    assert ("do not fit" in said and "conv\\_" in said.replace("\N{WORD JOINER}", "")) != fits
    assert ("Its weights come from" in said and "**mine**" not in said) == fits
