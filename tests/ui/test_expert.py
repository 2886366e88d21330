"""Expert settings: what is chosen is in the draft, what changes the draft elsewhere is what they show."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

import studio.ui
from studio.data.library import Entry, Library
from studio.recipe import Recipe
from studio.recipe.presets import named, presets
from studio.ui import finding
from studio.ui.places import place
from studio.ui.state import draft, save_draft
from studio.workspace import Workspace

APP = Path(studio.ui.__path__[0]) / "app.py"


@pytest.fixture
def entry(workspace: Workspace, pictures: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> Entry:
    monkeypatch.setenv("THAW_WORKSPACE", str(workspace.root))
    return Library(workspace).add(str(pictures()))


@pytest.fixture
def page(entry: Entry) -> AppTest:
    """The Model page with its expert settings open."""
    at = AppTest.from_file(str(APP), default_timeout=30).run()
    at.query_params["dataset"] = entry.id
    at.switch_page(str(place("pages") / "model.py")).run()
    at.toggle(key="expert").set_value(True).run()
    assert not at.exception
    return at


def chosen(page: AppTest, kind: str, name: str, entry: Entry, value: object) -> None:
    getattr(page, kind)(key=f"{name}-{entry.id}").set_value(value).run()
    assert not page.exception and not page.error


def test_every_choice_is_written_into_the_draft(page: AppTest, entry: Entry) -> None:
    for kind, name, value in (
        ("selectbox", "loss.kind", "focal"),
        ("number_input", "loss.focal_gamma", 3.0),
        ("selectbox", "loss.balance", "sampling"),
        ("selectbox", "optimizer.name", "lion"),
        ("number_input", "optimizer.clip", 1.0),
        ("number_input", "optimizer.ema", 0.99),
        ("number_input", "optimizer.l1", 0.25),
        ("selectbox", "schedule.curve", "step"),
        ("number_input", "schedule.step_every", 4),
        ("selectbox", "head.kind", "mlp"),
        ("number_input", "head.hidden", 64),
    ):
        chosen(page, kind, name, entry, value)
        section, _, leaf = name.partition(".")
        assert getattr(getattr(draft(entry), section), leaf) == value, name
    chosen(page, "number_input", "optimizer.clip", entry, None)
    assert draft(entry).optimizer.clip is None


def test_what_holds_for_one_choice_alone_is_hidden_with_the_others(page: AppTest, entry: Entry) -> None:
    shown = {box.key for box in page.number_input}
    hidden = {"loss.focal_gamma", "schedule.step_every", "schedule.step_factor", "head.hidden", "optimizer.momentum"}
    assert not shown & {f"{name}-{entry.id}" for name in hidden}
    chosen(page, "selectbox", "optimizer.name", entry, "sgd")
    assert page.number_input(key=f"optimizer.momentum-{entry.id}").value == 0.9


def test_every_box_explains_itself(page: AppTest) -> None:
    boxes = [box for box in page.number_input if "." in str(box.key)]
    assert len(boxes) > 10 and all(box.help for box in boxes)


def test_a_preset_is_written_whole_and_shown(page: AppTest, entry: Entry) -> None:
    page.selectbox(key=f"preset-of-learning-{entry.id}").set_value("gradual").run()
    assert not page.exception
    assert named("gradual").is_held(draft(entry)) and draft(entry).freeze.strategy == "gradual"
    assert "gradual" in [radio.value for radio in page.radio]
    assert page.number_input(key=f"optimizer.lr-{entry.id}").value == draft(entry).optimizer.lr
    assert any("ULMFiT" in caption.value for caption in page.caption)
    page.selectbox(key=f"preset-of-learning-{entry.id}").set_value("doubtful-labels").run()
    assert named("doubtful-labels").is_held(draft(entry)) and draft(entry).freeze.strategy == "head"
    assert page.number_input(key=f"optimizer.ema-{entry.id}").value == 0.99
    chosen(page, "number_input", "optimizer.weight_decay", entry, 0.3)
    assert page.selectbox(key=f"preset-of-learning-{entry.id}").value == ""


def test_a_preset_after_a_box_was_used_still_shows_its_own_value(page: AppTest, entry: Entry) -> None:
    chosen(page, "number_input", "schedule.epochs", entry, 99)
    page.selectbox(key=f"preset-of-learning-{entry.id}").set_value("two-phase").run()
    assert draft(entry).schedule.epochs == page.number_input(key=f"schedule.epochs-{entry.id}").value == 12
    assert len(presets()) == len(page.selectbox(key=f"preset-of-learning-{entry.id}").options) - 1


def test_a_box_follows_what_changed_the_draft_elsewhere(page: AppTest, entry: Entry) -> None:
    chosen(page, "number_input", "optimizer.lr", entry, 0.5)
    save_draft(entry, draft(entry).amended({"optimizer.lr": 0.004}))
    page.run()
    assert page.number_input(key=f"optimizer.lr-{entry.id}").value == draft(entry).optimizer.lr == 0.004


def test_a_rate_that_was_found_is_drawn_and_used(page: AppTest, entry: Entry) -> None:
    points = [{"lr": 10.0 ** (power / 10), "loss": abs(power + 15) / 30 + 0.1} for power in range(-60, 1)]
    path = finding._place(entry, draft(entry))
    path.parent.mkdir()
    path.write_text(json.dumps({"points": points, "suggested": 0.0032, "words": "A tenth of *it*."}))
    page.run()
    assert not page.exception and any("tenth" in text.value for text in page.markdown)
    next(button for button in page.button if button.label == "Use a rate of 0.0032").click().run()
    assert draft(entry).optimizer.lr == 0.0032
    assert page.number_input(key=f"optimizer.lr-{entry.id}").value == 0.0032
    assert any(caption.value == "This recipe uses it." for caption in page.caption), "another rate is no other curve"


def test_another_loss_asks_for_another_curve(entry: Entry) -> None:
    recipe = Recipe().amended({"data.source": str(entry.source)})
    here = finding._place(entry, recipe)
    assert here == finding._place(entry, recipe.amended({"optimizer.lr": 0.5, "schedule.epochs": 99, "name": "x"}))
    assert here != finding._place(entry, recipe.amended({"loss.kind": "bce"}))
    assert here != finding._place(entry, recipe.amended({"freeze.strategy": "full"}))


def test_a_curve_without_a_suggestion_is_drawn() -> None:
    told = {"points": [{"lr": 1e-6, "loss": 1.0}, {"lr": 1e-5, "loss": 1.0}], "suggested": None, "words": ""}
    assert len(finding.figure(told, 3e-6).layout.shapes) == 1
