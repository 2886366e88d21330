"""A pipeline goes out to albumentations and comes back; a file from elsewhere is admitted by name and bounds alone."""

import json
import random
from typing import Any

import albumentations as A
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from studio.augment.catalogue import CATALOGUE
from studio.augment.parameters import complete, fresh
from studio.augment.pipeline import Pipeline
from studio.augment.portable import MOST_BYTES, from_json, to_json, to_python
from studio.augment.presets import PRESETS
from studio.errors import RecipeError
from studio.recipe import AugmentChoice, StepChoice

BASE = np.random.default_rng(2).integers(0, 255, (36, 36, 3), dtype=np.uint8)


def custom(*steps: StepChoice) -> AugmentChoice:
    return AugmentChoice(preset="custom", steps=steps)


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_transform_comes_back_from_albumentations_own_file(name: str) -> None:
    step = complete(fresh(name))
    last = complete(StepChoice(transform="RandomCrop"))
    assert from_json(to_json(Pipeline(custom(step, last), 32))) == (step, last)


@pytest.mark.parametrize("name", CATALOGUE)
def test_what_albumentations_makes_of_its_file_are_the_same_bytes(name: str) -> None:
    pipeline = Pipeline(custom(fresh(name)), 32)
    theirs: Any = A.from_dict(json.loads(to_json(pipeline)))
    for index in range(3):
        theirs.set_random_seed(int(np.random.SeedSequence((0, 1, index)).generate_state(1)[0]))
        assert np.array_equal(theirs(image=BASE)["image"], pipeline.apply(BASE, 0, 1, index))


@pytest.mark.parametrize("preset", PRESETS)
def test_the_python_runs_by_itself_and_gives_the_same_bytes(preset: str) -> None:
    pipeline = Pipeline(preset, 32)
    names: dict[str, Any] = {}
    exec(to_python(pipeline), names)
    names["pipeline"].set_random_seed(int(np.random.SeedSequence((0, 1, 5)).generate_state(1)[0]))
    assert np.array_equal(names["pipeline"](image=BASE)["image"], pipeline.apply(BASE, 0, 1, 5))


def test_what_people_write_with_albumentations_is_understood() -> None:
    theirs = A.Compose(
        [
            A.RandomResizedCrop(size=(224, 224), scale=(0.5, 1.0)),
            A.HorizontalFlip(p=0.5),
            A.Affine(scale=(0.9, 1.1), rotate=(-10, 10), translate_percent=(-0.1, 0.1), shear=(-2, 2), p=0.3),
            A.CLAHE(clip_limit=4.0, tile_grid_size=(8, 8)),
            A.CoarseDropout(p=0.5),
        ]
    )
    steps = from_json(json.dumps(A.to_dict(theirs)))
    assert [step.transform for step in steps] == [type(each).__name__ for each in theirs.transforms]
    assert steps[2].params["scale"] == (0.9, 1.1)


def file(*steps: Any) -> str:
    return json.dumps(
        {"__version__": "2.0.8", "transform": {"__class_fullname__": "Compose", "p": 1.0, "transforms": steps}}
    )


def named(name: Any, **more: Any) -> dict[str, Any]:
    return {"__class_fullname__": name, "p": 0.5, **more}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "no JSON"),
        ("[" * 100_000, "too long"),
        ("[" * 60_000, "no JSON"),
        ("[1, 2]", "no pipeline"),
        ('{"transform": 3}', "no pipeline"),
        ('{"transform": {}}', "has no name"),
        ("x" * (MOST_BYTES + 1), "too long"),
        (file(*[named("HorizontalFlip")] * 33), "At most 32 steps"),
        (file(named("os.system", command="ls")), "'os.system'"),
        (file(named("builtins.eval")), "'builtins.eval'"),
        (file(named("__import__")), "'__import__'"),
        (file(named("albumentations.augmentations.utils.os.system")), "'system'"),
        (file(named("Lambda", image="print")), "'Lambda'"),
        (file(named("FDA", reference_images=["/etc/passwd"])), "'FDA'"),
        (file(named("TextImage", font_path="/etc/passwd")), "'TextImage'"),
        (file(named("Normalize")), "Normalize"),
        (file(named("OneOf", transforms=[])), "OneOf"),
        (file(named(["HorizontalFlip"])), "has no name"),
        (file("HorizontalFlip"), "HorizontalFlip"),
        (file({"p": 1}), "has no name"),
        (file(named("HorizontalFlip", p=7)), "p is 7"),
        (file(named("HorizontalFlip", p="often")), "p is 'often'"),
        (file(named("Rotate", limit=[-1e9, 1e9])), "limit"),
        (file(named("Rotate", limit=["a", "b"])), "limit"),
        (file(named("Rotate", limit={"x": 1})), "limit"),
        (file(named("Rotate", crop_border=True)), "'crop_border'"),
        (file(named("Rotate", __init__="x")), "'__init__'"),
        (file(named("Blur", blur_limit=[3, 10**6 + 1])), "blur_limit"),
        (file(named("Equalize", mask="lambda: 1", mask_params=["x"])), "mask_params"),
    ],
)  # fmt: skip
def test_a_hostile_file_is_refused_in_a_sentence_that_names_what(text: str, told: str) -> None:
    with pytest.raises(RecipeError) as caught:
        from_json(text)
    assert told in str(caught.value) and len(str(caught.value)) < 400


VALUE = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text(max_size=12),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
NAME = some.sampled_from(["HorizontalFlip", "Rotate", "CoarseDropout", "Affine", "ToGray", "Posterize"]) | some.text(
    max_size=8
)
PART = some.sampled_from(["p", "limit", "fill", "scale", "rotate", "num_bits", "method"]) | some.text(max_size=6)


@settings(deadline=None, max_examples=150)
@given(some.lists(some.tuples(NAME, some.dictionaries(PART, VALUE, max_size=4)), max_size=3))
def test_any_file_is_steps_that_work_or_one_refusal(steps: list[tuple[str, dict[str, Any]]]) -> None:
    try:
        found = from_json(file(*({"__class_fullname__": name, **more} for name, more in steps)))
    except RecipeError as error:
        assert error.what and error.remedy
        return
    assert Pipeline(custom(*found), 32).apply(BASE, 0, 1, random.Random(0).randrange(99)).shape == (32, 32, 3)
