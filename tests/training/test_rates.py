"""How the rate moves: each curve, and when it goes down because nothing gets better."""

import itertools

import pytest

from studio.recipe import Recipe
from studio.training import rates


def rates_of(curve: str, **changes: object) -> list[float]:
    """Of 100 updates in 10 epochs, with a highest rate of 1."""
    recipe = Recipe().amended({"optimizer.lr": 1.0, "schedule.epochs": 10, "schedule.curve": curve})
    recipe = recipe.amended({f"schedule.{name}": value for name, value in changes.items()})
    return [rates.rate(recipe, step, 100) for step in range(100)]


@pytest.mark.parametrize("curve", ["cosine", "step", "plateau", "constant"])
def test_every_curve_climbs_to_the_highest_rate_in_the_warm_up(curve: str) -> None:
    found = rates_of(curve, warmup=0.2)
    assert found[0] == 0.05 and found[19] == 1.0
    assert all(later > earlier for earlier, later in itertools.pairwise(found[:20]))


def test_a_step_goes_down_after_so_many_epochs() -> None:
    found = rates_of("step", step_every=4, step_factor=0.5, warmup=0)
    assert found[:40] == [1.0] * 40 and found[40:80] == [0.5] * 40 and found[80:] == [0.25] * 20


def test_a_one_cycle_is_low_at_both_ends_and_momentum_high_there() -> None:
    found = rates_of("one-cycle", warmup=0.3)
    assert found[0] < 0.06 and found[29] == found[30] == 1.0 and found[99] < 0.01
    recipe = Recipe().amended({"schedule.curve": "one-cycle", "schedule.warmup": 0.3})
    carried = [rates.momentum(recipe, step, 100) or 0.0 for step in range(100)]
    assert carried[30] == pytest.approx(0.85) and carried[0] > 0.94 and carried[99] > 0.94
    assert rates.momentum(Recipe(), 0, 100) is None, "no other curve moves it"


def test_a_constant_rate_stays() -> None:
    assert set(rates_of("constant", warmup=0)) == {1.0}


def measured(*accuracies: float) -> list[tuple[int, float, float]]:
    return [(epoch, accuracy, 1.0) for epoch, accuracy in enumerate(accuracies, 1)]


def test_a_plateau_goes_down_once_for_so_many_epochs_without_anything_better() -> None:
    recipe = Recipe().amended({"schedule.curve": "plateau", "schedule.step_every": 2, "schedule.step_factor": 0.5})
    drops = [rates.drops(recipe, measured(*[0.5, 0.6, 0.6, 0.6, 0.7, 0.7, 0.7, 0.7, 0.7][:n]), 0) for n in range(10)]
    assert drops == [0, 0, 0, 0, 1, 1, 1, 2, 2, 3]
    assert rates.rate(recipe, 90, 100, 2) == pytest.approx(recipe.optimizer.lr / 4)


def test_a_lower_loss_is_better_where_accuracy_is_the_same() -> None:
    recipe = Recipe().amended({"schedule.curve": "plateau", "schedule.step_every": 2})
    falling = [(epoch, 0.9, 1.0 / epoch) for epoch in range(1, 9)]
    assert rates.drops(recipe, falling, 0) == 0


def test_what_was_before_a_thaw_does_not_count() -> None:
    recipe = Recipe().amended({"schedule.curve": "plateau", "schedule.step_every": 2})
    dead = measured(0.6, 0.6, 0.6, 0.6, 0.6)
    assert rates.drops(recipe, dead, 0) == 2 and rates.drops(recipe, dead, 4) == 0


def test_other_curves_do_not_wait_for_anything() -> None:
    assert rates.drops(Recipe(), measured(0.5, 0.5, 0.5, 0.5), 0) == 0
