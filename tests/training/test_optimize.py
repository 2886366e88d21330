"""The learning rate moves with every update, and decay spares norms and biases."""

import itertools

import timm

from studio.model.stages import freeze
from studio.recipe import FreezePlan, OptimizerChoice, Recipe, ScheduleChoice
from studio.training import optimize


def test_the_rate_climbs_then_falls_as_a_cosine_over_all_updates_of_the_run() -> None:
    recipe = Recipe(optimizer=OptimizerChoice(lr=1.0), schedule=ScheduleChoice(warmup=0.1))
    rates = [optimize.rate(recipe, step, 100) for step in range(101)]
    assert rates[0] == 0.1 and rates[9] == rates[10] == 1.0
    assert all(later < earlier for earlier, later in itertools.pairwise(rates[10:]))
    assert abs(rates[55] - 0.5) < 1e-9 and abs(rates[100]) < 1e-9


def test_the_rate_is_still_alive_after_49_batches() -> None:
    """The notebook that inspired this project stepped an epochs' schedule per batch: 1e-10 after 49 of them."""
    assert optimize.rate(Recipe(), 49, 8 * 35) > 1e-3


def test_decay_spares_norms_and_biases_and_thawed_stages_learn_at_their_share() -> None:
    model = timm.create_model("test_resnet", num_classes=3)
    recipe = Recipe(freeze=FreezePlan(strategy="full", depth=0, thaw_lr_factor=0.25))
    freeze(model, 0)
    rule = optimize.optimizer(model, recipe)
    for group in rule.param_groups:
        assert all((tensor.ndim > 1) == (group["weight_decay"] > 0) for tensor in group["params"])
    optimize.set_rate(rule, recipe, 10, 100)
    assert {group["lr"] for group in rule.param_groups} == {recipe.optimizer.lr, 0.25 * recipe.optimizer.lr}


def test_thawing_adds_what_is_new_and_keeps_what_was_learnt() -> None:
    model = timm.create_model("test_resnet", num_classes=3)
    freeze(model, 5)
    rule = optimize.optimizer(model, Recipe())
    before = sum(len(group["params"]) for group in rule.param_groups)
    freeze(model, 0)
    optimize.thaw(rule, model, Recipe(), 50)
    lrs = []
    for step in (50, 54, 59):
        optimize.set_rate(rule, Recipe(), step, 100)
        lrs.append(rule.param_groups[-1]["lr"] / optimize.rate(Recipe(), step, 100) / 0.1)
    assert [round(lr, 6) for lr in lrs] == [0.1, 0.5, 1.0]  # what thawed warms up on its own
    held = [tensor for group in rule.param_groups for tensor in group["params"]]
    assert before == 2 and len(held) == len({id(tensor) for tensor in held}) == len(list(model.parameters()))
