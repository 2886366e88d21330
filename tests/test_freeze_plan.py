"""A plan of freezing says which stages learn when, at what rate, and what is seldom wise about it."""

import pytest

from studio.errors import RecipeError
from studio.recipe import FreezePlan, Phase, Recipe, ThawAt

CUSTOM = FreezePlan(strategy="custom", thaws=(ThawAt(epoch=3, depth=5), ThawAt(epoch=6, depth=1)))
PLANS = {
    "head": (FreezePlan.head_only(), [(1, 8, 9)]),
    "two-phase": (FreezePlan.two_phase(depth=4, head_epochs=3), [(1, 3, 9), (4, 8, 4)]),
    "gradual": (FreezePlan.gradual(6, 2, every=2), [(1, 2, 9), (3, 4, 8), (5, 6, 7), (7, 8, 6)]),
    "full": (FreezePlan.everything(), [(1, 8, 0)]),
    "custom": (CUSTOM, [(1, 2, 9), (3, 5, 5), (6, 8, 1)]),
}


@pytest.mark.parametrize("name", PLANS)
def test_phases_say_what_depth_at_says_epoch_by_epoch(name: str) -> None:
    plan, phases = PLANS[name]
    assert plan.phases(8, 9) == tuple(Phase(*phase) for phase in phases)
    for phase in plan.phases(8, 9):
        assert {plan.depth_at(epoch, 9) for epoch in range(phase.first, phase.last + 1)} == {phase.depth}


def test_a_stage_further_from_the_head_learns_at_a_share_of_the_next_ones_rate() -> None:
    plan = FreezePlan(strategy="full", thaw_lr_factor=0.5, layer_decay=0.8)
    assert [round(plan.share(stage, 4), 6) for stage in range(4)] == [0.256, 0.32, 0.4, 0.5]
    assert {FreezePlan.everything().share(stage, 9) for stage in range(9)} == {0.1}


def test_thawing_under_a_random_head_is_possible_and_comes_with_its_reason() -> None:
    (said,) = FreezePlan.everything().cautions(8, 9, pretrained=True)
    assert "9 stages learn from the first update on" in said and "noise" in said
    assert FreezePlan(strategy="custom", thaws=(ThawAt(epoch=1, depth=8),)).cautions(8, 9, pretrained=True) == [
        said.replace("9 stages learn", "One stage learns")
    ]
    assert FreezePlan.from_scratch().cautions(8, 9, pretrained=False) == []
    (slow,) = FreezePlan.everything().cautions(8, 9, pretrained=False)
    assert "at 0.1 times the head's rate" in slow and "unfair" in slow
    assert FreezePlan.two_phase().cautions(8, 9, pretrained=True) == []


def test_freezing_random_numbers_and_thawing_too_late_are_said() -> None:
    (said,) = FreezePlan.head_only().cautions(8, 9, pretrained=False)
    assert said.startswith("9 of 9 stages stay frozen") and "random" in said
    (said,) = FreezePlan.gradual(depth=0, head_epochs=2).cautions(5, 9, pretrained=True)
    assert said.startswith("The run ends after 5 epochs, when 6 stages are still frozen instead of 0.")


@pytest.mark.parametrize("name", PLANS)
def test_the_fewest_epochs_are_those_without_problems(name: str) -> None:
    plan, _ = PLANS[name]
    assert plan.problems(plan.least_epochs) == []
    assert plan.least_epochs == 1 or plan.problems(plan.least_epochs - 1)


def test_a_plan_of_ones_own_survives_toml_and_is_held_to_its_bounds() -> None:
    recipe = Recipe(freeze=CUSTOM)
    assert Recipe.from_toml(recipe.to_toml()) == recipe
    with pytest.raises(RecipeError, match=r"freeze\.thaws\.0\.epoch"):
        recipe.amended({"freeze.thaws": [{"epoch": 0, "depth": 3}]})


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"freeze.strategy": "custom"}, "at least one epoch"),
        ({"freeze": CUSTOM.model_copy(update={"depth": 3})}, "Leave the depth empty"),
        ({"freeze": CUSTOM, "schedule.epochs": 5}, "epoch 6 never comes"),
        ({"freeze.thaws": CUSTOM.thaws}, "strategy custom alone"),
        ({"freeze.layer_decay": 0.5}, "no stage learns"),
        ({"freeze": FreezePlan.gradual(head_epochs=8)}, "nothing would ever thaw"),
    ],
)
def test_what_makes_no_sense_is_a_sentence(changes: dict, part: str) -> None:
    recipe = Recipe().amended({"data.source": "x", **changes})
    assert len(recipe.problems()) == 1 and part in recipe.problems()[0]
