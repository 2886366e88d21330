"""Ready ways of learning: each is a whole recipe, says what it is for, and trains."""

from collections.abc import Callable
from pathlib import Path

import pytest

from studio.errors import RecipeError
from studio.recipe import Recipe
from studio.recipe.presets import SECTIONS, Preset, named, presets
from studio.training.events import Finished
from studio.training.train import train
from studio.workspace import Workspace
from tests.training.recipes import tiny

ALL = {preset.name: preset for preset in presets()}
SOME = Recipe().amended({"data.source": "pictures", "seed": 7, "augment.preset": "gentle"})


@pytest.mark.parametrize("preset", ALL.values(), ids=ALL)
def test_a_preset_is_a_recipe_without_problems_that_comes_back_from_toml(preset: Preset) -> None:
    recipe = preset.applied(SOME)
    assert recipe.problems() == [] and Recipe.from_toml(recipe.to_toml()) == recipe
    assert (recipe.data, recipe.seed, recipe.augment, recipe.model) == (SOME.data, 7, SOME.augment, SOME.model)
    assert preset.title and preset.suits.endswith(".") and preset.source.endswith(".")
    assert set(preset.sections) <= set(SECTIONS)


@pytest.mark.parametrize("preset", ALL.values(), ids=ALL)
def test_a_preset_trains(preset: Preset, pictures: Callable[..., Path], workspace: Workspace) -> None:
    whole = preset.applied(tiny(pictures(each=6)))
    short = whole.amended({"schedule.epochs": whole.freeze.least_epochs + 1, "schedule.step_every": 1})
    assert isinstance(list(train(short, workspace=workspace))[-1], Finished)


def test_each_is_another_way_of_learning() -> None:
    applied = [preset.applied(SOME) for preset in ALL.values()]
    assert len({recipe.to_toml() for recipe in applied}) == len(ALL) >= 6


def test_one_preset_leaves_nothing_of_the_one_before() -> None:
    names = list(ALL)
    for before, after in zip(names, names[1:] + names[:1], strict=True):
        assert named(after).applied(named(before).applied(SOME)) == named(after).applied(SOME)


def test_a_preset_is_still_held_with_another_rate_and_length() -> None:
    recipe = named("gradual").applied(SOME)
    assert named("gradual").is_held(recipe.amended({"optimizer.lr": 0.5, "schedule.epochs": 40}))
    assert not named("gradual").is_held(recipe.amended({"freeze.every": 2}))
    assert not named("quick").is_held(recipe)


def test_an_unknown_preset_is_refused_with_the_known_ones() -> None:
    with pytest.raises(RecipeError, match=r"'quickest'.*quick, two-phase"):
        named("quickest")
