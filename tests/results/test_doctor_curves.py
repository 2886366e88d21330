"""The run doctor knows that a rate which goes down by plan is no fault, and every optimizer a recipe may name."""

import pytest

from tests.results.test_doctor import RECIPE, names, run, the


@pytest.mark.parametrize("curve", ["step", "plateau"])
def test_a_rate_that_goes_down_by_plan_is_no_dead_one(curve: str) -> None:
    falls = run(12, planned=20, lr=lambda e: 3e-3 if e < 4 else 1e-7, lr_low=1e-7, lr_high=3e-3)
    assert "learning-rate-dead" in names(falls)
    assert "learning-rate-dead" not in names(falls, RECIPE.amended({"schedule.curve": curve}))


@pytest.mark.parametrize("name", ["adam", "lion", "muon"])
def test_a_rate_that_is_too_low_is_mended_for_any_optimizer(name: str) -> None:
    recipe = RECIPE.amended({"optimizer.name": name, "optimizer.lr": 1e-7})
    still = run(4, planned=20, train_loss=0.69, moved=1e-5, lr=1e-7, lr_low=1e-7, lr_high=1e-7)
    found = the("learning-rate-dead", still, recipe)
    assert found.fix["optimizer.lr"] > 1e-7
