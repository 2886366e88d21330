"""A recipe is a frozen value: what it says can be trusted, written down and read back."""

import pytest
from hypothesis import given
from hypothesis import strategies as some
from pydantic import ValidationError

from studio.errors import RecipeError
from studio.recipe import ALL_FROZEN, FreezePlan, Recipe, fields


@given(
    name=some.text(min_size=1, max_size=120),
    seed=some.integers(0, 2**32 - 1),
    lr=some.floats(1e-9, 10),
    depth=some.integers(0, ALL_FROZEN),
    source=some.text(max_size=80),
    size=some.none() | some.integers(16, 1024),
)
def test_every_recipe_comes_back_equal_from_toml(
    name: str, seed: int, lr: float, depth: int, source: str, size: int | None
) -> None:
    recipe = Recipe(name=name, seed=seed).amended(
        {"optimizer.lr": lr, "freeze.depth": depth, "data.source": source, "model.image_size": size}
    )
    assert Recipe.from_toml(recipe.to_toml()) == recipe


def test_a_recipe_cannot_be_changed_in_place() -> None:
    with pytest.raises(ValidationError):
        Recipe().seed = 3  # type: ignore[misc]


def test_amending_leaves_the_original_alone() -> None:
    recipe = Recipe()
    other = recipe.amended({"freeze": FreezePlan.two_phase(head_epochs=3), "optimizer.lr": "1e-4"})
    assert recipe == Recipe() and other.freeze.head_epochs == 3 and other.optimizer.lr == 1e-4


def test_all_values_out_of_bounds_are_named_at_once() -> None:
    with pytest.raises(RecipeError) as error:
        Recipe().amended({"optimizer.lr": -1, "schedule.epochs": 0, "model.backbone": ""})
    assert all(name in str(error.value) for name in ("optimizer.lr", "schedule.epochs", "model.backbone"))


@pytest.mark.parametrize("name", ["speed", "optimizer.speed", "optimizer.lr.x", "nothing.lr", ""])
def test_an_unknown_field_is_refused_with_the_known_ones(name: str) -> None:
    with pytest.raises(RecipeError, match="optimizer.lr"):
        Recipe().amended({name: 1})


def test_all_unknown_fields_are_named_at_once() -> None:
    with pytest.raises(RecipeError, match="'speed'.*'optimizer.colour'"):
        Recipe().amended({"speed": 1, "optimizer.lr": 1, "optimizer.colour": 2})


@pytest.mark.parametrize("text", ["not toml", "[data]\nsource = 3", "colour = 'blue'", "seed = nan", "\x00"])
def test_text_that_is_no_recipe_is_refused(text: str) -> None:
    with pytest.raises(RecipeError):
        Recipe.from_toml(text)


def test_a_phase_that_would_never_come_is_a_problem() -> None:
    recipe = Recipe().amended({"data.source": "x", "freeze.strategy": "two-phase", "freeze.head_epochs": 8})
    assert any("head_epochs" in problem for problem in recipe.problems())
    assert Recipe().amended({"data.source": "x"}).problems() == []


def test_two_phase_thaws_after_the_head_learnt() -> None:
    plan = FreezePlan.two_phase(depth=3, head_epochs=2)
    assert [plan.depth_at(epoch) for epoch in (1, 2, 3)] == [ALL_FROZEN, ALL_FROZEN, 3]
    assert FreezePlan.everything().depth_at(1) == 0 and FreezePlan.head_only().depth_at(99) == ALL_FROZEN


def test_a_depth_that_has_no_effect_is_a_problem() -> None:
    recipe = Recipe().amended({"data.source": "x", "freeze.depth": 3})
    assert any("freeze.depth" in problem for problem in recipe.problems())
    assert recipe.amended({"freeze.strategy": "full"}).freeze.depth_at(1) == 3


def test_two_phase_without_a_depth_thaws_everything() -> None:
    assert FreezePlan(strategy="two-phase", head_epochs=1).depth_at(2) == 0


def test_from_scratch_all_learns_at_the_full_rate_and_the_way_back_is_the_usual_plan() -> None:
    usual = Recipe().amended({"data.source": "pictures"})
    scratch = usual.started("scratch")
    assert scratch.model.start == "scratch" and scratch.freeze == FreezePlan.from_scratch() and not scratch.problems()
    assert scratch.freeze.share(0, 9) == 1.0 and scratch.started("scratch") == scratch
    assert scratch.started("published") == usual and usual.started("published") == usual
    planned = scratch.amended({"freeze.strategy": "two-phase"}).started("published")
    assert planned.freeze == FreezePlan.two_phase(), "a plan that was made meanwhile stays, but for the full rate"
    mine = usual.amended({"model.weights": "mine.safetensors"})
    assert mine.started("file") == mine and mine.started("scratch").model.weights == ""


def test_every_field_explains_itself() -> None:
    assert all(sentence.endswith((".", ")")) for sentence in fields().values())
