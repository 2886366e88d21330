"""What training costs is told before it begins: measured once for a network and a machine, then put together."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median

import pytest

from studio.data.dataset import Dataset, Sample
from studio.model.boundary import Halves
from studio.recipe import FreezePlan, Recipe
from studio.runs.foretold import foretold
from studio.runs.progress import Progress
from studio.training import cost, pacing
from studio.training.cost import Costs, DepthPace, Paces
from studio.training.events import Predicted, Prepared, Spent, Validated
from studio.training.memory import resident
from studio.training.pacing import measure
from studio.training.stopwatch import Stopwatch
from studio.training.train import train
from studio.workspace import Workspace
from tests.training.recipes import tiny

MB = 1_000_000
NETWORK = [(0.08, 0.0, 0.03, 0, 3_000), (0.03, 0.004, 0.01, 40_000, 2_000), (0.0001, 0.01, 0.0, 2_560, 0)]


@pytest.fixture
def paces() -> Paces:
    """A network of two stages that was timed."""
    depths = tuple(
        DepthPace(depth, 0.003, 0.001, picture, picture + front, front, judge, crossing, 5e6 * (2 - depth), 1e6, 4e7,
                  1e6, 1e6, learning)
        for depth, (picture, front, judge, crossing, learning) in enumerate(NETWORK)
    )  # fmt: skip
    return Paces("CPU", 1.0, True, True, 16_000, 1_000_000, 8.0, 200_000, 0, 10, 0.002, {}, depths)


def costs(paces: Paces, tmp_path: Path, **changes: object) -> Costs:
    recipe = Recipe().amended({name.replace("__", "."): value for name, value in changes.items()})
    return cost.combined(paces, recipe, 1000, 200, 2, tmp_path)


def test_the_more_learns_the_longer_an_epoch_and_the_more_memory(paces: Paces, tmp_path: Path) -> None:
    found = costs(paces, tmp_path).by_depth
    assert [one.depth for one in found] == [0, 1, 2]
    seconds, peaks = [one.seconds_per_epoch for one in found], [one.peak_bytes or 0 for one in found]
    assert seconds == sorted(seconds, reverse=True) and peaks == sorted(peaks, reverse=True)
    assert seconds[0] == pytest.approx(0.003 + 32 * 0.001 + 1000 * 0.08 + 200 * 0.03)
    assert [one.trainable for one in found] == [3_020, 2_020, 20]


def test_what_is_kept_is_looked_at_once_and_what_varies_in_every_epoch(paces: Paces, tmp_path: Path) -> None:
    gentle = Recipe().amended({"augment.preset": "gentle"}).augment
    paces = replace(paces, varying={cost.variation(gentle): 0.005})
    kept = costs(paces, tmp_path).of(2)
    varied = costs(paces, tmp_path, augment__preset="gentle").of(2)
    fixed = costs(paces, tmp_path, augment__preset="gentle", augment__views=3).of(2)
    off = costs(paces, tmp_path, engine__cache="off").of(2)
    assert kept.seconds_once == pytest.approx(1200 * (0.002 + 0.01))
    assert varied.seconds_per_epoch == pytest.approx(kept.seconds_per_epoch + 1000 * (0.005 + 0.01))
    assert fixed.seconds_per_epoch == pytest.approx(kept.seconds_per_epoch)
    assert fixed.seconds_once > 2 * kept.seconds_once
    assert off.seconds_once == pytest.approx(1200 * 0.002) and off.seconds_per_epoch > 10


def test_larger_batches_take_more_memory_and_fewer_updates(paces: Paces, tmp_path: Path) -> None:
    small, large = (costs(paces, tmp_path, schedule__batch_size=size).of(0) for size in (8, 64))
    assert small.peak_bytes and large.peak_bytes
    assert large.peak_bytes - small.peak_bytes == 56 * 10_000_000
    assert small.seconds_per_epoch - large.seconds_per_epoch == pytest.approx((125 - 16) * 0.001)


def test_at_the_most_a_run_holds_the_weights_copies_of_what_learns_and_an_update(paces: Paces, tmp_path: Path) -> None:
    weights, learns, update, squares = 16_000, 4 * 3_020, 1_000_000 + 32 * 10_000_000, 1200 * 200_000
    assert costs(paces, tmp_path).of(0).peak_bytes == 1_000_000 + weights + 2 * learns + update + squares
    averaged = costs(paces, tmp_path, optimizer__ema=0.9).of(0)
    assert averaged.peak_bytes == 1_000_000 + weights + 3 * learns + update + squares


def test_a_head_alone_needs_what_its_first_look_takes_and_no_less_than_loading_did(
    paces: Paces, tmp_path: Path
) -> None:
    features = 1200 * 2_560
    assert costs(paces, tmp_path).of(2).peak_bytes == 40_000_000 + features
    heavy = replace(paces, idle=90_000_000)
    assert (costs(heavy, tmp_path).of(2).peak_bytes or 0) >= 90_000_000 + heavy.weights + features


def test_a_whole_run_is_its_first_look_and_its_epochs(paces: Paces, tmp_path: Path) -> None:
    found, plan = costs(paces, tmp_path), FreezePlan.two_phase(depth=1, head_epochs=2)
    assert [one.depth for one in found.planned(plan, 5)] == [2, 2, 1, 1, 1]
    head, thawed = found.of(2), found.of(1)
    epochs = 2 * head.seconds_per_epoch + 3 * thawed.seconds_per_epoch
    assert found.seconds(plan, 5) == pytest.approx(epochs + max(head.seconds_once, thawed.seconds_once))
    assert found.peak(plan, 5) == max(head.peak_bytes or 0, thawed.peak_bytes or 0)
    blind = costs(replace(paces, has_memory=False), tmp_path)
    assert blind.of(0).peak_bytes is None and blind.peak(plan, 5) is None


def test_what_was_measured_is_found_again_for_the_same_network_only(paces: Paces, workspace: Workspace) -> None:
    recipe, dataset = Recipe(), Dataset(Path(), tuple(Sample(f"{n}.png", "ab"[n % 2]) for n in range(50)))
    assert cost.kept(recipe, dataset, workspace) is None and not cost.anything_known(workspace)
    cost.keep(paces, recipe, workspace)
    assert cost.known(recipe, workspace) == paces and cost.anything_known(workspace)
    found = cost.kept(recipe, dataset, workspace)
    assert found and found.of(2).trainable == 20
    for change in ({"model.backbone": "resnet18"}, {"model.image_size": 96}, {"optimizer.name": "sgd"}):
        assert cost.kept(recipe.amended(change), dataset, workspace) is None
    assert cost.kept(recipe.amended({"augment.preset": "gentle"}), dataset, workspace) is None, "varying was not timed"
    assert cost.kept(recipe.amended({"schedule.epochs": 3, "optimizer.lr": 1e-4}), dataset, workspace)
    cost.place(recipe, workspace).write_text("{half")
    assert cost.kept(recipe, dataset, workspace) is None


def test_a_network_is_timed_at_every_depth_and_runs_say_what_was_predicted(
    pictures: Callable[..., Path], workspace: Workspace
) -> None:
    recipe = tiny(pictures(each=12), schedule__epochs=4, freeze=FreezePlan.two_phase(depth=2, head_epochs=1))
    assert not [event for event in train(recipe, workspace=workspace) if isinstance(event, Predicted)]
    told = [event for event in measure(recipe, workspace) if isinstance(event, Prepared)]
    paces = cost.known(recipe, workspace)
    assert paces and len(paces.depths) == len({pace.depth for pace in paces.depths}) > 3
    assert any("frozen" in event.doing and event.total for event in told)
    assert all(pace.picture > 0 and pace.judge > 0 for pace in paces.depths)
    assert paces.depths[0].learning > paces.depths[-1].learning == 0
    assert paces.depths[0].activations > 2 * 32 * 32 * 3, "what is saved for the way back, however little memory moves"
    events = list(train(recipe, workspace=workspace))
    predicted = next(event for event in events if isinstance(event, Predicted))
    assert predicted.depths == [len(paces.depths) - 1, 2] and min(predicted.seconds_per_epoch) > 0
    assert predicted.seconds > sum(predicted.seconds_per_epoch)
    spent = next(event for event in events if isinstance(event, Spent))
    assert (spent.peak_bytes is None) == (predicted.peak_bytes is None)
    found = foretold(Progress.of(events, recipe, held=False))
    assert [(phase.depth, phase.epochs) for phase in found.phases] == [(len(paces.depths) - 1, 1), (2, 3)]
    assert found.was_predicted and found.peak_bytes == spent.peak_bytes
    thawed = sorted(event.seconds for event in events if isinstance(event, Validated) and event.epoch > 2)
    assert found.phases[1].seconds == pytest.approx(sum(thawed) / 2), "the middle one without the first"


def test_of_three_moments_at_which_a_depth_is_timed_the_middle_one_counts_and_two_that_are_alike_are_enough(
    pictures: Callable[..., Path], workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once, really = {}, []
    moments = {depth: iter([1.08] if depth == 1 else [3.0, 2.0]) for depth in range(20)}
    timed, timed_again = Stopwatch.depth, Stopwatch.again

    def depth(watch: Stopwatch, number: int, halves: Halves | None) -> DepthPace:
        at_once[number] = timed(watch, number, halves)
        return at_once[number]

    def again(watch: Stopwatch, number: int, halves: Halves | None) -> float:
        really.append(timed_again(watch, number, halves))
        return next(moments[number])

    monkeypatch.setattr(Stopwatch, "depth", depth)
    monkeypatch.setattr(Stopwatch, "again", again)
    monkeypatch.setattr(pacing, "moment", lambda *asked: [[], [], []])  # nothing is rehearsed
    recipe = tiny(pictures(each=4))
    told = [event.doing for event in measure(recipe, workspace) if isinstance(event, Prepared)]
    paces = cost.known(recipe, workspace)
    assert paces and len(at_once) > 3 and told.count("Timing them at other moments") == 2 * len(at_once)
    for pace in paces.depths:
        before, times = at_once[pace.depth], 1.04 if pace.depth == 1 else 2
        assert (pace.step, pace.picture) == pytest.approx((times * before.step, times * before.picture))
        assert pace.front == pytest.approx(times * before.front)
    assert 0.4 < median(really) < 2.5, "timed again, a depth takes about as long as before"


def test_the_heads_first_look_is_tried_first_and_a_smaller_frozen_part_needs_no_more(
    pictures: Callable[..., Path], workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, highest = [], {3: 500 * MB, 2: 650 * MB, 1: 300 * MB}

    def look(_watch: Stopwatch, depth: int, _halves: Halves) -> int:
        asked.append(depth)
        return resident() + highest.get(depth, 900 * MB)

    monkeypatch.setattr(Stopwatch, "look", look)
    monkeypatch.setattr(pacing, "moment", lambda *asked: [[], [], []])  # nothing is rehearsed
    recipe = tiny(pictures(each=4))
    list(measure(recipe, workspace))
    paces = cost.known(recipe, workspace)
    assert paces and asked == sorted(asked, reverse=True) and asked[0] == len(paces.depths) - 1
    found = [pace.looking for pace in paces.depths]
    assert 250 * MB < found[1] < 400 * MB < found[2] <= found[3] < 650 * MB < found[-1] and found[0] == 0


def test_only_the_variation_is_timed_where_all_else_is_known(
    pictures: Callable[..., Path], workspace: Workspace, paces: Paces
) -> None:
    recipe = tiny(pictures(each=4), augment__preset="gentle")
    cost.keep(paces, recipe, workspace)
    told = [event.doing for event in measure(recipe, workspace) if isinstance(event, Prepared)]
    assert not any("frozen" in doing for doing in told) and "Timing how pictures are varied" in told
    found = cost.known(recipe, workspace)
    assert found and found.depths == paces.depths and found.varying[cost.variation(recipe.augment)] > 0
