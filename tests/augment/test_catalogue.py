"""Every transform of the catalogue: its words, its parameters, and that it takes any picture at every slider's ends."""

import warnings
from collections.abc import Iterator

import numpy as np
import pytest

from studio.augment.catalogue import CATALOGUE, GROUPS, search, transform
from studio.augment.parameters import Parameter, complete, fresh, parameters, scaled
from studio.augment.pipeline import Pipeline
from studio.errors import RecipeError
from studio.recipe import AugmentChoice, StepChoice
from tests.augment.pictures import SIZE, odd_bases

PICTURES = odd_bases()


def ends(parameter: Parameter) -> list:
    """The values at the ends of a slider: for a range both at its lower end, both at its upper, and all of it."""
    low, high = parameter.lower, parameter.upper
    if parameter.kind == "switch":
        return [False, True]
    if parameter.kind == "choice":
        return [value for value, _ in parameter.options]
    return [(low, low), (high, high), (low, high)] if parameter.kind == "range" else [low, high]


def extremes(name: str) -> Iterator[StepChoice]:
    """The step at each slider's ends alone, and with all of them at their lower, upper and outermost ends."""
    start = fresh(name).model_copy(update={"p": 1.0})
    yield start
    offered = parameters(name)
    for each in offered:
        for value in ends(each):
            yield start.model_copy(update={"params": start.params | {each.name: value}})
    for place in range(3):
        together = {each.name: ends(each)[min(place, len(ends(each)) - 1)] for each in offered}
        yield start.model_copy(update={"params": together})


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_transform_takes_odd_pictures_at_the_ends_of_every_slider(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for step in extremes(name):
            pipeline = Pipeline(AugmentChoice(preset="custom", steps=(step,)), SIZE)
            for number, (title, base) in enumerate(PICTURES.items()):
                before = base.copy()
                out = pipeline.apply(base, 0, 1, number)
                assert out.shape == (SIZE, SIZE, 3) and out.dtype == np.uint8, (step, title)
                assert np.array_equal(base, before), (step, title)


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_transform_says_what_it_is(name: str) -> None:
    found = transform(name)
    assert found.group in GROUPS and found.sentence.endswith(".") and found.title[0].isupper()
    for each in parameters(name):
        assert each.label[0].isupper()
        assert complete(StepChoice(transform=name)).params[each.name] == each.default
        if each.kind in ("number", "range"):
            words = found.sliders[each.name]
            assert (each.lower, each.upper) == (words["lower"], words["upper"]), "a bound outside the schema's own"
            assert each.step > 0


def test_the_catalogue_has_what_the_field_uses() -> None:
    assert len(CATALOGUE) >= 40
    assert {each.group for each in CATALOGUE.values()} == set(GROUPS)


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("mirror", "HorizontalFlip"),
        ("jpeg", "ImageCompression"),
        ("COLOR jitter", "ColorJitter"),
        ("cutout", "Erasing"),
    ],
)
def test_a_word_finds_a_transform(words: str, name: str) -> None:
    assert name in [each.name for each in search(words)]


def test_a_search_may_find_nothing_or_one_group() -> None:
    assert search("xylophone") == []
    assert {each.group for each in search(group="weather")} == {"weather"}
    assert len(search()) == len(CATALOGUE)


@pytest.mark.parametrize(
    ("step", "told"),
    [
        (StepChoice(transform="Lambda"), "no transform 'Lambda'"),
        (StepChoice(transform="Rotate", params={"limit": (-500, 20)}), r"Rotate\): limit is .* from -180 to 180"),
        (StepChoice(transform="Rotate", params={"limit": (20, -20)}), "the lower one first"),
        (StepChoice(transform="Rotate", params={"limit": "wide"}), "two numbers"),
        (StepChoice(transform="Rotate", params={"angle": 3}), "no parameter 'angle'"),
        (StepChoice(transform="Rotate", params={"border_mode": 9}), "one of 4, 1, 3, 0"),
        (StepChoice(transform="Blur", params={"blur_limit": (3, 6)}), "odd whole numbers"),
        (StepChoice(transform="Equalize", params={"by_channels": 1}), "true or false"),
        (StepChoice(transform="RandomCrop", p=0.5), "set p to 1"),
    ],
)
def test_what_a_transform_does_not_take_is_refused_in_one_sentence(step: StepChoice, told: str) -> None:
    with pytest.raises(RecipeError, match=told):
        complete(step)


def test_strength_scales_about_what_changes_nothing() -> None:
    step = complete(StepChoice(transform="ColorJitter", p=0.4, params={"brightness": (0.8, 1.2), "hue": (-0.4, 0.1)}))
    half, double = scaled(step, 0.5), scaled(step, 2.0)
    assert (half.p, double.p) == (0.2, 0.8)
    assert half.params["brightness"] == pytest.approx((0.9, 1.1)) and half.params["hue"] == (-0.2, 0.05)
    assert double.params["hue"] == (-0.5, 0.2), "never beyond the bounds"
    assert scaled(step, 1.0) == step


@pytest.mark.parametrize("name", CATALOGUE)
@pytest.mark.parametrize("strength", [0.05, 2.0])
def test_any_strength_leaves_every_step_within_its_bounds(name: str, strength: float) -> None:
    assert complete(scaled(complete(fresh(name)), strength))
