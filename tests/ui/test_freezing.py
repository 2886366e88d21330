"""Strategy and depth on the Model page: they move together, say what they cost, and are drawn as a timeline."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from studio.advice.depths import DepthExpectation, Expected
from studio.model.catalogue import default
from studio.recipe import FreezePlan, HeadChoice, Recipe, ThawAt
from studio.results.evaluate import Results
from studio.runs import launch
from studio.runs.store import Store
from studio.training.cost import Cost, Costs
from studio.ui import depths, timeline
from studio.workspace import Workspace
from tests.training.recipes import tiny

COSTS = Costs(tuple(Cost(n, 60.0 / (n + 1), 5.0, 3_000_000_000 - 200_000_000 * n, 7) for n in range(10)), "CPU", 0.0)
HOPES = DepthExpectation({9: Expected(9, 0.91, 0.88, 0.94), 3: Expected(3, 0.97, 0.95, 0.985)}, 9, 100, 50, 3, 9.0)


def page() -> None:
    """The controls and the timeline of whatever recipe the session holds."""
    from types import SimpleNamespace
    from typing import Any

    import streamlit as st

    from studio.ui import freezing, timeline

    held = st.session_state
    entry: Any = SimpleNamespace(id="pets")
    held["recipe"] = freezing.choose(held["recipe"], held["backbone"], 5, entry, held["costs"], held["hopes"])
    timeline.draw(held["recipe"], held["backbone"], 20)


@pytest.fixture
def drawn() -> Callable[..., AppTest]:
    def open_(recipe: Recipe | None = None, costs: Costs | None = None, hopes: Any = None) -> AppTest:
        at = AppTest.from_function(page, default_timeout=20)
        at.session_state["recipe"] = recipe or Recipe()
        at.session_state["backbone"] = default()
        at.session_state["costs"], at.session_state["hopes"] = costs, hopes
        at.run()
        assert not at.exception
        return at

    return open_


def plan(at: AppTest) -> FreezePlan:
    assert not at.exception
    return at.session_state["recipe"].freeze


def test_a_hope_that_was_not_measured_says_where_it_comes_from(drawn: Callable[..., AppTest]) -> None:
    between = replace(HOPES, by_depth={**HOPES.by_depth, 5: Expected(5, 0.95, 0.93, 0.97, measured=False)})
    recipe = Recipe(freeze=FreezePlan.two_phase(depth=5))
    at = drawn(recipe, hopes=between)
    assert "taken from the depths beside it" in " ".join(each.value for each in at.markdown)
    told = at.dataframe[0].value.set_index("frozen")["from"].dropna().to_dict()
    assert sorted(told.values()) == ["short fits", "short fits", "the depths beside it"]
    at = drawn(Recipe(freeze=FreezePlan.two_phase(depth=3)), hopes=between)
    assert "taken from the depths beside it" not in " ".join(each.value for each in at.markdown)


def test_gradual_keeps_its_strategy_while_the_depth_moves(drawn: Callable[..., AppTest]) -> None:
    at = drawn()
    at.radio[0].set_value("gradual").run()
    at.select_slider[0].set_value(4).run()
    assert (plan(at).strategy, plan(at).depth) == ("gradual", 4)
    at.number_input(key="freeze.every-pets").set_value(2).run()
    at.number_input(key="freeze.head_epochs-pets").set_value(1).run()
    assert plan(at) == FreezePlan.gradual(4, 1, 2)
    at.select_slider[0].set_value(9).run()
    assert at.radio[0].value == "head" and plan(at).strategy == "head"


def test_layer_decay_is_set_and_gone_again_with_the_head_alone(drawn: Callable[..., AppTest]) -> None:
    at = drawn()
    at.radio[0].set_value("two-phase").run()
    at.number_input(key="freeze.layer_decay-pets").set_value(0.65).run()
    assert plan(at).layer_decay == 0.65
    at.radio[0].set_value("head").run()
    assert plan(at) == FreezePlan.head_only()


def test_a_plan_of_ones_own_begins_with_a_good_one_and_leaves_nothing_behind(drawn: Callable[..., AppTest]) -> None:
    at = drawn()
    at.radio[0].set_value("custom").run()
    assert plan(at).thaws == (ThawAt(epoch=3, depth=4), ThawAt(epoch=5, depth=0)) and plan(at).depth is None
    recipe = at.session_state["recipe"].amended({"data.source": "x"})
    assert recipe.problems() == [] and not at.select_slider
    at.radio[0].set_value("two-phase").run()
    assert plan(at).strategy == "two-phase" and plan(at).thaws == ()


def test_thawing_under_a_random_head_is_warned_of_with_the_reason(drawn: Callable[..., AppTest]) -> None:
    at = drawn(Recipe(freeze=FreezePlan.two_phase()))
    assert not at.warning
    at.radio[0].set_value("full").run()
    assert "still random" in at.warning[0].value and "noise" in at.warning[0].value


def test_the_slider_says_what_a_depth_costs_and_what_to_expect(drawn: Callable[..., AppTest]) -> None:
    at = drawn(costs=COSTS, hopes=HOPES)
    said = at.markdown[0].value
    assert "6.0 s" in said and "1.2 GB" in said and "91" in said and "94" in said
    at.select_slider[0].set_value(3).run()
    said = at.markdown[0].value
    assert "15 s" in said and "2.4 GB" in said and "97" in said and "98" in said
    frame = at.dataframe[0].value
    assert frame["seconds"].is_monotonic_increasing and len(frame) == 10 and frame["chosen"].tolist().index(True) == 6
    assert frame["band"].notna().sum() == 2


def test_what_is_not_known_is_not_said(drawn: Callable[..., AppTest]) -> None:
    at = drawn()
    assert not at.dataframe and "epoch" not in at.markdown[0].value and "xpected" not in at.markdown[0].value


def test_a_hidden_layer_counts_among_what_learns() -> None:
    backbone = default()
    stages = len(backbone.stages)
    assert depths.learning(backbone, stages, 5, HeadChoice()) == 1280 * 5 + 5
    assert depths.learning(backbone, stages, 5, HeadChoice(kind="mlp", hidden=64)) == 1280 * 64 + 64 + 64 * 5 + 5


@pytest.mark.parametrize("strategy", ["head", "two-phase", "gradual", "full", "custom"])
def test_every_strategy_is_drawn_with_its_stages_epochs_and_rates(strategy: str, drawn: Callable[..., AppTest]) -> None:
    thaws = (ThawAt(epoch=2, depth=6), ThawAt(epoch=5, depth=8)) if strategy == "custom" else ()
    freeze = FreezePlan(strategy=strategy, thaws=thaws, layer_decay=1.0 if strategy == "head" else 0.5)  # type: ignore[arg-type]
    recipe = Recipe(freeze=freeze)
    rows = timeline.spans(recipe, 9, 20)
    assert len(rows) == 10 and [span.rate is None for span in rows[-1]] == [False], "the head learns throughout"
    for stage, row in enumerate(rows[:-1]):
        for span in row:
            learns = {stage >= freeze.depth_at(epoch, 9) for epoch in range(span.first, span.last + 1)}
            assert learns == {span.rate is not None}
        assert (row[0].first, row[-1].last) == (1, 8)
    bars = [trace for trace in timeline.figure(recipe, [f"s{n}" for n in range(9)], 20).data if trace.type == "bar"]
    drawn_epochs = {(y, epoch) for bar in bars for y, base, x in zip(bar.y, bar.base, bar.x, strict=True)
                    for epoch in range(base, base + x)}  # fmt: skip
    assert drawn_epochs == {(row, epoch) for row in range(10) for epoch in range(8)}
    at = drawn(recipe)
    assert at.caption[-1].value.startswith("Epoch")


def test_the_drawn_rates_are_those_that_the_optimizer_is_given() -> None:
    import timm

    from studio.model.stages import freeze, stages
    from studio.training import optimize

    recipe = Recipe(freeze=FreezePlan(strategy="gradual", head_epochs=2, every=2, layer_decay=0.5))
    model = timm.create_model("test_resnet", num_classes=3)
    count = len(stages(model))
    freeze(model, count)
    rule = optimize.optimizer(model, recipe)
    given: dict[int, list[float]] = {stage: [] for stage in range(count)}
    for step in range(8 * 10):
        depth = recipe.freeze.depth_at(step // 10 + 1, count)
        if step % 10 == 0 and step:
            freeze(model, depth)
            optimize.thaw(rule, model, recipe, step)
        optimize.set_rate(rule, recipe, step, 80)
        rates = {id(tensor): group["lr"] for group in rule.param_groups for tensor in group["params"]}
        for place, part in enumerate(stages(model)):
            if place >= depth:
                given[place].append(rates[id(model.get_parameter(part.parameters[0]))])
    for stage, row in enumerate(timeline.spans(recipe, count, 10)[:-1]):
        told = [span.rate for span in row if span.rate is not None]
        assert [round(rate, 12) for rate in told] == ([round(max(given[stage]), 12)] if given[stage] else [])


def test_the_timeline_is_told_in_words_too() -> None:
    recipe = Recipe(freeze=FreezePlan.two_phase(depth=7, head_epochs=2))
    assert timeline.sentences(recipe, 9) == [
        "Epochs 1 to 2: only the head learns.",
        "Epochs 3 to 8: the head and the last 2 stages learn, the stages at 0.0003 at the most.",
    ]
    decay = recipe.amended({"freeze.layer_decay": 0.5, "freeze.depth": 0})
    assert timeline.sentences(decay, 3)[1] == (
        "Epochs 3 to 8: the head and all stages learn, the stages at 0.0003 down to 0.000075 towards the picture at "
        "the most."
    )


def test_the_results_page_shows_the_proof(
    pictures: Callable[..., Path], workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Store(workspace).create(tiny(pictures()))
    launch.execute(run)
    assert Results.of(run).images
    monkeypatch.setenv("THAW_WORKSPACE", str(workspace.root))

    def proof(id_: str) -> None:
        from studio.runs.store import Store
        from studio.ui import outcome
        from studio.ui.state import workspace

        outcome.proof(Store(workspace()).get(id_))

    at = AppTest.from_function(proof, args=(run.id,), default_timeout=20).run()
    assert not at.exception and "0 of" in at.markdown[0].value and "frozen tensors" in at.markdown[0].value
