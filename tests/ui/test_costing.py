"""What training will cost, on the Model page; the picture of the network, plain words; what it cost in the results."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from studio.data.library import Entry
from studio.model.catalogue import default
from studio.recipe import FreezePlan, Recipe
from studio.runs.run import Run
from studio.training import cost
from studio.training.cost import Cost, Costs, DepthPace, Paces
from studio.training.events import Predicted, Spent
from studio.ui import costing, network, words
from studio.ui.background import Background, Standing, Tell
from studio.workspace import Workspace
from tests.ui.test_pages import HOSTILE, Open, button, entry, finished, of, said, until, visit

__all__ = ["entry", "finished", "visit"]

STAGES = len(default().stages)
COSTS = Costs(tuple(Cost(n, 10.0 - n, 4.0, 10**9 - n * 10**7, 7) for n in range(STAGES + 1)), "CPU, 2 threads", 1.0)


@pytest.fixture
def paces() -> Paces:
    """The default network, as if it had been timed: the more learns, the longer it takes."""
    numbers = [sum(stage.parameters for stage in default().stages[depth:]) for depth in range(STAGES + 1)]
    depths = tuple(
        DepthPace(n, 0.003, 0.01, 0.1 * (STAGES - n), 0.2, 0.02, 0.01, 2560, 1e7, 1e7, 5e8, 1e7, 1e6, numbers[n])
        for n in range(STAGES + 1)
    )
    return Paces("CPU, 2 threads", 1.0, True, True, 13_000_000, 50_000_000, 8.0, 196_608, 0, 1281, 0.004, {},
                 depths)  # fmt: skip


def own(entry: Entry, **changes: object) -> Recipe:
    recipe = Recipe.model_validate({"data": {"source": entry.source}})
    recipe = recipe.amended({name.replace("__", "."): value for name, value in changes.items()})
    (entry.folder / "recipe.toml").write_text(recipe.to_toml())
    return recipe


def test_a_network_is_timed_when_it_is_asked_for_and_then_told_of(
    visit: Open, entry: Entry, workspace: Workspace, paces: Paces, monkeypatch: pytest.MonkeyPatch
) -> None:
    timed: list[Recipe] = []

    def quick(entry: Entry, recipe: Recipe, where: Workspace, tell: Tell) -> None:
        timed.append(recipe)
        cost.keep(paces, recipe, where)

    monkeypatch.setattr(costing, "_time", quick)
    at = visit("model", dataset=entry.id)
    assert not timed, "a network was timed although nobody asked"
    assert "The whole run of" not in said(at)
    button(at, "Time it on this machine").click().run()
    until(lambda: costing.background(entry).state() is None)
    at = visit("model", dataset=entry.id)
    assert len(timed) == 1 and timed[0].model.backbone == default().name
    assert "The whole run of 8 epochs should take about" in said(at) and "of memory at its peak" in said(at)
    assert "Time it on this machine" not in [each.label for each in at.button]
    own(entry, model__backbone="resnet18")
    visit("model", dataset=entry.id)
    until(lambda: len(timed) == 2)
    assert timed[1].model.backbone == "resnet18", "who timed one network wants to know of others"


def test_the_cost_follows_the_slider(visit: Open, entry: Entry, workspace: Workspace, paces: Paces) -> None:
    cost.keep(paces, own(entry), workspace)
    at = visit("model", dataset=entry.id)
    before = next(each.value for each in at.markdown if "The whole run of" in each.value)
    at.select_slider[0].set_value(2).run()
    after = next(each.value for each in at.markdown if "The whole run of" in each.value)
    assert not at.error and before != after


def test_a_network_that_needs_more_memory_than_is_free_is_warned_of(
    visit: Open, entry: Entry, workspace: Workspace, paces: Paces, monkeypatch: pytest.MonkeyPatch
) -> None:
    cost.keep(paces, own(entry), workspace)
    assert "more memory than is free" not in said(visit("model", dataset=entry.id))
    monkeypatch.setattr(cost, "free_memory", lambda: 10_000_000)
    assert "more memory than is free now (10 MB)" in said(visit("model", dataset=entry.id))


def test_a_timing_that_failed_says_why_and_can_be_begun_again(visit: Open, entry: Entry) -> None:
    work = costing.background(entry)
    (entry.folder / "cost.json").write_text(
        '{"status": "failed", "what": "None of these pictures can be opened.", "remedy": "Run the check to see why."}'
    )
    at = visit("model", dataset=entry.id)
    assert work.state() and "None of these pictures" in at.error[0].value
    assert button(at, "Time it on this machine")


def test_why_another_network_could_not_be_timed_is_not_told_of_this_one(
    visit: Open, entry: Entry, workspace: Workspace, paces: Paces, monkeypatch: pytest.MonkeyPatch
) -> None:
    costing.background(entry).write(Standing("failed", what="It broke.", remedy="Try again."))
    (entry.folder / "cost.of").write_text("another.json")
    cost.keep(paces, of(entry, {"model.backbone": "resnet18"}), workspace)
    begun: list[Recipe] = []

    def begin(_entry: Entry, recipe: Recipe) -> None:
        begun.append(recipe)
        cost.keep(paces, recipe, workspace)

    monkeypatch.setattr(costing, "begin", begin)
    at = visit("model", dataset=entry.id)
    assert not at.error and len(begun) == 1, "timed as soon as it is chosen, as others were timed before"


def test_the_process_that_times_is_heard_and_its_refusal_told(
    entry: Entry, workspace: Workspace, pictures: Callable[..., Path]
) -> None:
    """With a real process, of a backbone that there is not."""
    said: list[str] = []

    class Heard(Tell):
        def __call__(self, what: str = "", done: int = 0, total: int = 0) -> None:
            said.append(what)

    refused = own(entry, model__backbone="no_such_network", model__pretrained=False)
    with pytest.raises(costing.StudioError, match="no_such_network"):
        costing._time(entry, refused, workspace, Heard(Background(entry.folder, "cost"), False))
    assert any("Loading the backbone" in what for what in said)


def test_the_picture_tells_what_each_stage_does_and_adds() -> None:
    recipe = Recipe().amended({"freeze": FreezePlan.two_phase(depth=6, head_epochs=2)})
    drawn = network.parts(recipe, default(), 5, COSTS)
    assert [part.kind for part in drawn] == ["frozen"] * 6 + ["later"] * (STAGES - 6) + ["head"]
    assert drawn[6].does == "thaws in epoch 3" and drawn[0].does == "stays frozen" and drawn[-1].parameters == 1281 * 5
    assert [part.seconds for part in drawn[:-1]] == [1.0] * STAGES and drawn[-1].seconds == 10.0 - STAGES
    assert drawn[3].adds == "adds 1.0 s an epoch and 10 MB"
    chart: Any = network.figure(drawn)
    assert {bar.name for bar in chart.data} == {"stays frozen", "thaws later", "new head, learns"}
    widths = [width for bar in chart.data if bar.orientation == "h" for width in bar.x]
    assert len(widths) == STAGES + 1 and chart.data[0].x[0] < chart.data[0].x[5], "wider where there is more"
    assert len(network.figure(network.parts(recipe, default(), 5, None)).data) == 3, "nothing is added where none knows"


def test_everything_that_learns_at_once_learns_from_the_start() -> None:
    recipe = Recipe().amended({"freeze": FreezePlan.everything()})
    assert {part.kind for part in network.parts(recipe, default(), 2, None)} == {"learns", "head"}


def test_the_plain_words_speak_of_ones_own_network_and_classes() -> None:
    told = words.sentences(Recipe(), default(), ("cat", HOSTILE))
    assert "tf" in told["The backbone"] and f"{STAGES} stages" in told["The backbone"]
    assert HOSTILE not in told["The head"], "a class name is no markup"
    assert f"all {STAGES} stages stay frozen" in told["Freezing"] and "nothing thaws" in told["Thawing"]
    two = words.sentences(
        Recipe().amended({"freeze": FreezePlan.two_phase(depth=8)}), default(), ("a", "b", "c", "d", "e")
    )
    assert f"8 of {STAGES} stages stay frozen" in two["Freezing"] and "one stage thaws after the head" in two["Thawing"]
    assert "a, b, c and 2 more" in two["The head"]


def test_the_results_show_what_was_predicted_beside_what_it_took(visit: Open, entry: Entry, finished: Run) -> None:
    finished.log(Predicted([2], [0.8], 9.0, 800_000_000))
    finished.log(Spent(1_000_000_000))
    at = visit("results", run=finished.id, dataset=entry.id)
    table = next(each.value for each in at.dataframe if "It took" in each.value.columns)
    assert table.to_numpy().tolist() == [
        ["An epoch: only the head", "0.80 s", "1.0 s", "+25 %"],
        ["Memory at its peak", "800 MB", "1.0 GB", "+25 %"],
    ]


def test_a_run_that_nobody_predicted_says_so(visit: Open, entry: Entry, finished: Run) -> None:
    at = visit("results", run=finished.id, dataset=entry.id)
    assert "Nothing was predicted for this run" in said(at)
    assert [list(each.value.columns) for each in at.dataframe if "It took" in each.value.columns] == [
        ["What", "It took"]
    ]
