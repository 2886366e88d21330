"""The auditions and the advisor on a page: what was found is shown, and followed at a click; nothing is waited for."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from studio.advice import advisor, audition, depths, keeping
from studio.advice.advisor import Advice
from studio.advice.counsel import counsel
from studio.data.library import Entry, Library
from studio.ui.background import Background
from studio.workspace import Workspace
from tests.advice.runs import audition as held
from tests.advice.runs import expected, facts, heard, small
from tests.ui.test_pages import asked, button, entry, of, said

__all__ = ["entry"]


def drawn() -> None:
    """The three pieces on one page, as the Model page draws them among others."""
    from studio.ui import advising, auditioning
    from studio.ui.state import current_dataset, draft, save_draft

    entry = current_dataset()
    assert entry is not None
    recipe = advising.show(entry, draft(entry))
    recipe = auditioning.show(entry, recipe)
    auditioning.by_depth(entry, recipe)
    save_draft(entry, recipe)


@pytest.fixture
def page(workspace: Workspace, entry: Entry, monkeypatch: pytest.MonkeyPatch) -> Callable[..., AppTest]:
    monkeypatch.setenv("THAW_WORKSPACE", str(workspace.root))

    def open_(which: Entry = entry) -> AppTest:
        at = AppTest.from_function(drawn, default_timeout=30)
        at.query_params["dataset"] = which.id
        at.run()
        assert not at.exception
        return at

    return open_


def found(workspace: Workspace, entry: Entry, kind: str, asked: Any, record: dict[str, Any]) -> None:
    """As if it had been measured for the draft as it is."""
    recipe, dataset = of(entry, {}), Library(workspace).open(entry.id)
    keeping.keep(keeping.place(workspace, kind, dataset, recipe, asked), record)


def heard_before(workspace: Workspace, entry: Entry) -> None:
    slow = heard("tf_efficientnet_lite1", 0.95, pace=40.0)
    quick = heard("tf_efficientnet_lite0", 0.94, behind=0.01, behind_low=-0.01, behind_high=0.03)
    models = [audition.identity(model) for model in audition.at_hand(of(entry, {}))]
    found(workspace, entry, "audition", models, held(slow, quick).as_dict())


def test_with_nothing_measured_each_offers_to_measure(page: Callable[..., AppTest]) -> None:
    at = page()
    labels = {each.label for each in at.button}
    assert {"Ask for advice", "Hold an audition", "Try the depths"} <= labels
    assert not any(label.startswith("Apply") for label in labels)


def test_a_ranking_calls_a_tie_a_tie_and_a_backbone_is_taken_from_it(
    page: Callable[..., AppTest], workspace: Workspace, entry: Entry
) -> None:
    heard_before(workspace, entry)
    (entry.folder / "recipe.toml").write_text(of(entry, {"model.backbone": "resnet18"}).to_toml())
    at = page()
    table = at.dataframe[0].value
    assert table["Backbone"].tolist() == ["tf_efficientnet_lite1", "tf_efficientnet_lite0"]
    assert table["Against the best"].tolist() == ["a tie", "a tie"]
    assert "A tie" in said(at) and "colours alone tell" in said(at)
    next(each for each in at.button if each.label.startswith("Use")).click().run()
    assert asked(entry).model.backbone == "tf_efficientnet_lite0" and not at.exception


def test_what_a_depth_should_reach_is_found_for_the_slider(
    page: Callable[..., AppTest], workspace: Workspace, entry: Entry
) -> None:
    expectation = expected({9: 0.9, 5: 0.96, 0: 0.965}, 9, 5)
    recipe = of(entry, {})
    found(workspace, entry, "depths", depths._asked(recipe), expectation.as_dict())
    assert depths.kept(recipe, Library(workspace).open(entry.id), workspace) == expectation
    assert "With 5 of 9 stages frozen a run should reach" in said(page()).replace("\\", "").replace("\u2060", "")


def advised(workspace: Workspace, entry: Entry) -> Advice:
    recipe = of(entry, {})
    thawed = expected({9: 0.9, 5: 0.96, 0: 0.965}, 9, 5)
    measured = facts(depths=thawed, audition=held(heard("tf_efficientnet_lite0")), counts={"cat": 90, "dog": 20})
    advice = Advice(counsel(measured, recipe), measured.similarity, measured.pictures, 20.0)
    found(workspace, entry, "advice", advisor._asked(recipe), advice.as_dict())
    return advice


def test_advice_is_followed_piece_by_piece(page: Callable[..., AppTest], workspace: Workspace, entry: Entry) -> None:
    advised(workspace, entry)
    at = page()
    assert "What learns: First the head" in said(at) and "Already so" in "".join(
        str(each.value) for each in at.markdown
    )
    at.button(key=f"apply-freeze-{entry.id}").click().run()
    assert not at.exception and (asked(entry).freeze.strategy, asked(entry).freeze.depth) == ("two-phase", 5)
    assert asked(entry).augment.preset == "none"
    at.button(key=f"apply-augment-{entry.id}").click().run()
    assert asked(entry).augment.preset != "none" and asked(entry).loss.balance == "none"


def test_apply_all_makes_the_advised_recipe_the_draft(
    page: Callable[..., AppTest], workspace: Workspace, entry: Entry
) -> None:
    advice = advised(workspace, entry)
    before = of(entry, {"name": entry.name})
    at = page()
    button(at, "Apply all" if any(each.label == "Apply all" for each in at.button) else "Apply the rest").click().run()
    assert asked(entry) == advice.followed(before) and asked(entry).problems() == []
    assert not any(each.label.startswith("Apply") for each in at.button)


def ended(work: Background) -> None:
    ends = time.monotonic() + 60
    while work.is_running and time.monotonic() < ends:
        time.sleep(0.2)


def test_an_audition_is_held_in_the_background(
    page: Callable[..., AppTest], workspace: Workspace, pictures: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audition, "at_hand", lambda recipe: (small(),))
    more = Library(workspace).add(pictures(each=20, name="more"))
    button(page(more), "Hold an audition").click().run()
    ended(Background(more.folder, "audition"))
    (row,) = page(more).dataframe[0].value.itertuples()
    assert row.Backbone == "test_resnet (from scratch)" and not (more.folder / "audition.json").exists()


def test_why_an_audition_came_to_no_end_is_said(page: Callable[..., AppTest], entry: Entry) -> None:
    button(page(), "Hold an audition").click().run()
    ended(Background(entry.folder, "audition"))
    at = page()
    assert "There are too few pictures to compare backbones on" in at.error[0].value and not at.exception
