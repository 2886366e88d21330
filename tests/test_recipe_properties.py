"""Whatever a recipe is given, it is a recipe that comes back from TOML, or one refusal that names the fields."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as some

from studio.errors import RecipeError
from studio.recipe import Recipe, fields

VALUE = some.one_of(
    some.none(), some.booleans(), some.integers(), some.floats(), some.text(max_size=30), some.binary(max_size=8),
    some.lists(some.integers(), max_size=3), some.dictionaries(some.text(max_size=5), some.integers(), max_size=2),
)  # fmt: skip
NAME = some.one_of(some.sampled_from(sorted(fields())), some.text(max_size=12))


@settings(deadline=None)
@given(some.dictionaries(NAME, VALUE, max_size=4))
def test_amending_gives_a_recipe_or_one_refusal(changes: dict[str, Any]) -> None:
    try:
        recipe = Recipe().amended(changes)
    except RecipeError as error:
        assert error.what
        return
    assert Recipe.from_toml(recipe.to_toml()) == recipe
    assert all(sentence.endswith(".") for sentence in recipe.problems())


@settings(deadline=None)
@given(some.one_of(some.text(max_size=200), some.lists(some.tuples(NAME, some.text(max_size=12)), max_size=4)))
def test_any_text_is_read_or_refused(text: str | list[tuple[str, str]]) -> None:
    lines = text if isinstance(text, str) else "\n".join(f"{name} = {value}" for name, value in text)
    try:
        assert isinstance(Recipe.from_toml(lines), Recipe)
    except RecipeError as error:
        assert error.what
