"""A pipeline is a value: presets are steps, strength scales them, and old presets give the bytes they always gave."""

import hashlib

import albumentations as A
import numpy as np
import pytest

from studio.augment.pipeline import Pipeline
from studio.augment.presets import PRESETS
from studio.errors import RecipeError
from studio.recipe import AugmentChoice, Recipe, StepChoice
from studio.training.features import key

SIZE = 64
BASE = np.random.default_rng(1).integers(0, 255, (73, 73, 3), dtype=np.uint8)
ROLLS = [(seed, epoch, index) for seed in (0, 7) for epoch in (1, 2) for index in range(12)]


def custom(*steps: StepChoice, **more: object) -> AugmentChoice:
    return AugmentChoice.model_validate({"preset": "custom", "steps": steps, **more})


def as_it_was(preset: str) -> list:
    """The first release's transforms, as they were written then."""

    def crop(smallest: float, ratio: float) -> A.RandomResizedCrop:
        return A.RandomResizedCrop(size=(SIZE, SIZE), scale=(smallest, 1.0), ratio=(1 / ratio, ratio), p=1.0)

    return {
        "none": [A.CenterCrop(height=SIZE, width=SIZE)],
        "gentle": [crop(0.75, 1.1), A.RandomBrightnessContrast(brightness_limit=0.1, contrast_limit=0.1, p=0.5)],
        "standard": [
            crop(0.5, 4 / 3),
            A.HorizontalFlip(p=0.5),
            A.ColorJitter(brightness=(0.8, 1.2), contrast=(0.8, 1.2), saturation=(0.8, 1.2), hue=(-0.03, 0.03), p=0.5),
        ],
        "strong": [
            A.Rotate(limit=(-20, 20), border_mode=4, p=0.5),
            crop(0.3, 4 / 3),
            A.HorizontalFlip(p=0.5),
            A.ColorJitter(brightness=(0.6, 1.4), contrast=(0.6, 1.4), saturation=(0.6, 1.4), hue=(-0.06, 0.06), p=0.8),
            A.CoarseDropout(num_holes_range=(1, 3), hole_height_range=(0.1, 0.25), hole_width_range=(0.1, 0.25), p=0.4),
        ],
    }[preset]


@pytest.mark.parametrize("preset", ["none", "gentle", "standard", "strong"])
def test_the_presets_of_the_first_release_give_the_bytes_they_gave(preset: str) -> None:
    then, now = A.Compose(as_it_was(preset)), Pipeline(preset, SIZE)
    for roll in ROLLS:
        then.set_random_seed(int(np.random.SeedSequence(roll).generate_state(1)[0]))
        assert np.array_equal(now.apply(BASE, *roll), then(image=BASE)["image"])


@pytest.mark.parametrize("preset", ["none", "gentle", "standard", "strong"])
def test_what_was_kept_under_a_preset_of_the_first_release_is_found_again(preset: str) -> None:
    content = b"x" * 16
    then = hashlib.blake2b(content + repr((preset, SIZE, 3, 1, 5)).encode(), digest_size=16).digest()
    assert key(content, Pipeline(preset, SIZE), 3, 1, 5) == (content if preset == "none" else then)


def test_every_pipeline_has_keys_of_its_own() -> None:
    flip, turn = StepChoice(transform="HorizontalFlip", p=0.5), StepChoice(transform="Rotate", p=0.5)
    choices = [
        *(AugmentChoice.model_validate({"preset": name}) for name in PRESETS if name != "none"),
        AugmentChoice(preset="standard", strength=0.5),
        custom(flip),
        custom(turn),
        custom(flip, turn),
        custom(turn, flip),
        custom(flip, strength=0.5),
        custom(StepChoice(transform="Rotate", p=0.5, params={"limit": (-5, 5)})),
    ]
    keys = [key(b"x", Pipeline(choice, SIZE), 0, 0, 0) for choice in choices]
    assert len(set(keys)) == len(keys)
    off = StepChoice(transform="VerticalFlip", on=False)
    assert key(b"x", Pipeline(custom(flip, off), SIZE), 0, 0, 0) == key(b"x", Pipeline(custom(flip), SIZE), 0, 0, 0)


@pytest.mark.parametrize("preset", [name for name in PRESETS if name != "none"])
def test_a_preset_is_what_anybody_could_have_chosen(preset: str) -> None:
    by_name, by_steps = Pipeline(preset, SIZE), Pipeline(custom(*PRESETS[preset].steps), SIZE)
    assert by_name.steps == by_steps.steps
    assert all(np.array_equal(by_name.apply(BASE, *roll), by_steps.apply(BASE, *roll)) for roll in ROLLS[:6])


@pytest.mark.parametrize("preset", PRESETS)
def test_at_no_strength_a_picture_is_as_it_is(preset: str) -> None:
    pipeline = Pipeline(AugmentChoice.model_validate({"preset": preset, "strength": 0}), SIZE)
    assert not pipeline.varies
    assert np.array_equal(pipeline.apply(BASE, 0, 1, 0), BASE[4:68, 4:68])


def test_more_strength_changes_more() -> None:
    def changed(strength: float) -> float:
        pipeline = Pipeline(custom(StepChoice(transform="RandomBrightnessContrast"), strength=strength), SIZE)
        return float(
            np.mean([np.abs(pipeline.apply(BASE, *roll) - BASE[4:68, 4:68].astype(int)).mean() for roll in ROLLS])
        )

    assert changed(0.25) < changed(1.0) < changed(2.0)


def test_a_pipeline_without_a_crop_ends_in_the_centre() -> None:
    pipeline = Pipeline(custom(StepChoice(transform="VerticalFlip")), SIZE)
    assert [step.transform for step in pipeline.steps] == ["VerticalFlip", "CenterCrop"]
    assert np.array_equal(pipeline.apply(BASE, 0, 1, 0), BASE[::-1][4:68, 4:68])


@pytest.mark.parametrize("preset", PRESETS)
def test_the_steps_seen_one_by_one_are_the_pipeline(preset: str) -> None:
    pipeline = Pipeline(preset, SIZE)
    for roll in ROLLS:
        moments = pipeline.trace(BASE, *roll)
        assert np.array_equal(moments[-1].picture, pipeline.apply(BASE, *roll))
        assert [moment.step for moment in moments] == list(pipeline.steps)
        before = BASE
        for moment in moments:
            assert moment.was_applied or np.array_equal(moment.picture, before)
            before = moment.picture


def test_a_pipeline_travels_in_the_recipe() -> None:
    steps = (
        StepChoice(transform="Rotate", p=0.3, params={"limit": (-5.5, 10), "border_mode": 1}),
        StepChoice(transform="CoarseDropout", on=False, params={"fill": "random"}),
        StepChoice(transform="Equalize", params={"by_channels": False}),
    )
    recipe = Recipe(augment=custom(*steps, strength=0.7, mix="cutmix", mix_alpha=0.5))
    again = Recipe.from_toml(recipe.to_toml())
    assert again == recipe and again.augment.steps == steps
    assert recipe.amended({"augment.steps": steps[:1]}).augment.steps == steps[:1]


@pytest.mark.parametrize("value", [None, [], [1, 2, 3], ["a", "b"], [True, False], {"x": 1}, "x" * 41, float("nan")])
def test_a_recipe_takes_no_parameter_that_is_no_value(value: object) -> None:
    with pytest.raises(RecipeError, match="augment.steps"):
        Recipe().amended({"augment.steps": [{"transform": "Rotate", "params": {"limit": value}}]})
