"""The safety meter: how often a step pushes pictures over to another class, and the traps known beforehand."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from studio.augment.geometry import Geometry
from studio.augment.pipeline import Pipeline
from studio.augment.traps import traps
from studio.recipe import AugmentChoice, StepChoice
from studio.results.evaluate import interval
from studio.results.meter import safety
from studio.results.safety import StepSafety, measure
from studio.training.eye import Eye
from studio.training.probe import Judge, judge
from studio.workspace import Workspace
from tests.training.recipes import tiny

GEOMETRY = Geometry(16, 20, "bilinear", (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
CLASSES = ("6", "9")


def custom(*names: str) -> AugmentChoice:
    return AugmentChoice(preset="custom", steps=tuple(StepChoice(transform=name, p=0.5) for name in names))


def drawn(count: int) -> tuple[list[np.ndarray], np.ndarray]:
    """A "6" is dark above and bright below, a "9" the other way round; noise on both."""
    chance, labels = np.random.default_rng(0), np.arange(count) % 2
    bases = []
    for label in labels:
        base = chance.integers(0, 60, (20, 20, 3), dtype=np.uint8)
        base[10:] += 150
        bases.append(base[::-1].copy() if label else base)
    return bases, labels


def looks(squares: np.ndarray) -> np.ndarray:
    """Features: mean brightness above and below."""
    halves = squares.astype(np.float32).mean(axis=(2, 3))
    return np.stack([halves[:, :8].mean(axis=1), halves[:, 8:].mean(axis=1)], axis=1)


def taught(bases: list[np.ndarray], labels: np.ndarray) -> Judge:
    return judge(looks(np.stack([GEOMETRY.centre(base) for base in bases])), labels, 2)


def measured(*names: str) -> list[StepSafety]:
    bases, labels = drawn(80)
    tell = taught(bases[:40], labels[:40])
    pipeline = Pipeline(custom(*names), GEOMETRY.size)
    steps = measure(pipeline, GEOMETRY, bases[40:], labels[40:], CLASSES, looks, tell)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def test_a_flip_that_turns_one_class_into_the_other_is_condemned_and_one_that_does_not_is_cleared() -> None:
    upside, mirror = measured("VerticalFlip", "HorizontalFlip")
    assert (upside.severity, upside.share) == ("critical", 1.0) and (mirror.severity, mirror.share) == ("fine", 0.0)
    assert upside.sentence.startswith("“Flip top-bottom” turns “6” into “9” in 100 % of cases (95 % interval 84 %")
    assert mirror.sentence == "“Flip left-right” changed the class of none of 40 pictures."
    six = upside.classes[0]
    assert (six.label, six.pictures, six.flipped, six.towards) == ("6", 20, 20, "9")
    assert (six.low, six.high) == interval(20, 20) and len(six.examples) == 6


def test_only_pictures_that_the_probe_knows_are_counted() -> None:
    def always_six(features: np.ndarray) -> np.ndarray:
        return np.tile([1.0, 0.0], (len(features), 1))

    bases, labels = drawn(10)
    steps = list(
        _run(measure(Pipeline(custom("HorizontalFlip"), 16), GEOMETRY, bases, labels, CLASSES, looks, always_six))
    )
    assert [each.label for each in steps[0].classes] == ["6"] and steps[0].classes[0].pictures == 5


def _run(steps) -> list[StepSafety]:
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def test_where_the_probe_knows_nothing_nothing_is_said() -> None:
    bases, labels = drawn(10)
    tell = taught(bases, labels)
    (found,) = _run(measure(Pipeline(custom("VerticalFlip"), 16), GEOMETRY, bases, 1 - labels, CLASSES, looks, tell))
    assert found.severity == "fine" and "Nothing can be said" in found.sentence


def test_the_meter_runs_on_a_dataset(pictures: Callable[..., Path], workspace: Workspace) -> None:
    recipe = tiny(pictures(each=12), augment__preset="standard")
    said, steps = [], safety(recipe, workspace)
    while True:
        try:
            said.append(next(steps))
        except StopIteration as end:
            found, paths = end.value
            break
    assert said[0] == "Reading the folder of pictures" and said[-1] == "Asking about step 3 of 3"
    assert [each.title for each in found] == ["Random crop and zoom", "Flip left-right", "Light and colour"]
    assert all(place < len(paths) for each in found for own in each.classes for place in own.examples)
    assert all(each.sentence.endswith(".") for each in found)


def test_what_it_learns_from_is_shown_to_the_backbone_once(
    pictures: Callable[..., Path], workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown, look = [0], Eye.__call__

    def counting(eye: Eye, squares: np.ndarray) -> object:
        shown[-1] += len(squares)
        return look(eye, squares)

    monkeypatch.setattr(Eye, "__call__", counting)
    recipe = tiny(pictures(each=12), augment__preset="none")
    for _ in range(2):
        list(safety(recipe, workspace))
        shown.append(0)
    first, second, _ = shown
    assert first > second > 0, "the pictures that it asks about are varied, those it learns from never"


@pytest.mark.parametrize(
    ("name", "params", "classes", "told"),
    [
        ("HorizontalFlip", {}, ("p", "q"), "mirror writing"),
        ("HorizontalFlip", {}, ("turn left", "turn right"), "“turn left”, “turn right”"),
        ("VerticalFlip", {}, tuple("0123456789"), "a 6 becomes a 9"),
        ("Rotate", {"limit": (-90, 90)}, tuple("0123456789"), "stand a picture on its head"),
        ("ColorJitter", {"hue": (-0.2, 0.2)}, ("ripe", "unripe"), "colour is what makes “ripe”"),
        ("ToGray", {}, ("red car", "blue car"), "colour is what makes"),
        ("RandomResizedCrop", {"scale": (0.1, 1)}, ("ok", "scratch"), "cut away what makes “scratch”"),
        ("RandomResizedCrop", {"scale": (0.1, 1)}, ("cat", "dog"), "10% of the area"),
        ("CoarseDropout", {}, ("nominal", "local defect"), "hide the very thing"),
    ],
)  # fmt: skip
def test_a_known_trap_is_named_before_anything_is_measured(name: str, params: dict, classes: tuple, told: str) -> None:
    choice = AugmentChoice(preset="custom", steps=(StepChoice(transform=name, params=params),))
    assert told in " ".join(trap.sentence for trap in traps(Pipeline(choice, 32).steps, classes))


@pytest.mark.parametrize("preset", ["standard", "faces"])
def test_photographs_of_cats_and_dogs_meet_no_trap(preset: str) -> None:
    assert traps(Pipeline(preset, 32).steps, ("cat", "dog")) == []


@pytest.mark.parametrize("preset", ["gentle", "documents"])
def test_presets_for_writing_meet_no_trap_with_digits(preset: str) -> None:
    assert traps(Pipeline(preset, 32).steps, tuple("0123456789")) == []
