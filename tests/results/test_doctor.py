"""The run doctor names what is wrong with a run, says why, and keeps silent about a healthy one."""

import math
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from studio.errors import StudioError
from studio.recipe import Recipe, Steer
from studio.results.doctor import Diagnosis, diagnose
from studio.results.doctor.noise import expected_highest
from studio.training.events import Event, Failed, Looked, Measured, Resumed, Started, Steered, Stepped, Validated
from studio.training.sums import a_number

RECIPE = Recipe().amended({"data.source": "somewhere", "schedule.epochs": 20})


def started(epochs: int, images: int = 280, classes: int = 2) -> Started:
    names = [f"class {number}" for number in range(classes)]
    return Started("net", "CPU", names, ["a", "b"], 2, 100, 10, 4 * images, images, 224, epochs, 35)


HEALTHY: dict[str, Any] = {
    "train_loss": lambda e: 0.1 + 0.5 * 0.7**e,
    "train_accuracy": lambda e: 0.97,
    "val_loss": lambda e: 0.15 + 0.4 * 0.7**e,
    "val_accuracy": lambda e: 0.95 - 0.3 * 0.6**e,
    "seconds": lambda e: 2.0,
    "moved": lambda e: 0.1,
    "drifted": lambda e: 0.0,
    "input_mean": lambda e: [0.1, -0.2, 0.3],
    "input_std": lambda e: [1.0, 1.1, 0.9],
    "wanted_mean": lambda e: [0.1, -0.2, 0.3],
    "wanted_std": lambda e: [1.0, 1.1, 0.9],
    "commonest": lambda e: 0.55,
    "largest_class": lambda e: 0.5,
    "waiting": lambda e: 0.1,
}


def curve(epochs: int) -> Callable[[float], float]:
    """The studio's own rate after so many epochs."""
    return lambda e: 3e-3 * min(1.0, 10 * e / epochs) * 0.5 * (1 + math.cos(math.pi * e / epochs))


def run(epochs: int = 8, images: int = 280, planned: int | None = None, first: int = 1, **changes: Any) -> list[Event]:
    """A made-up run, healthy but for `changes`: a number, or what makes one of the epoch (counted from 1)."""
    rate = curve(planned or first + epochs - 1)
    values = HEALTHY | {"lr": rate, "lr_low": rate, "lr_high": lambda e: max(rate(e - 1), rate(e))} | changes

    def value(name: str, epoch: int) -> Any:
        return values[name](epoch) if callable(values[name]) else values[name]

    events: list[Event] = [started(planned or first + epochs - 1, images)] if first == 1 else []
    for e in range(first, first + epochs):
        v = {name: value(name, e) for name in values}
        shown = (v["train_loss"], v["train_accuracy"], v["val_loss"], v["val_accuracy"], v["lr"])
        events.append(Stepped(e, 35 * e - 3, v["train_loss"], v["train_accuracy"], v["lr"], 100.0))
        events.append(Validated(e, 35 * e, *shown, 100.0, v["seconds"]))
        signs = ("moved", "drifted", "input_mean", "input_std", "wanted_mean", "wanted_std")
        more = ("commonest", "largest_class", "waiting")
        events.append(Measured(e, 35 * e, v["lr_low"], v["lr_high"], *(v[name] for name in (*signs, *more))))
    return events


def names(events: Sequence[Event], recipe: Recipe = RECIPE) -> set[str]:
    return {diagnosis.name for diagnosis in diagnose(events, recipe)}


def the(name: str, events: Sequence[Event], recipe: Recipe = RECIPE) -> Diagnosis:
    """The diagnosis of that name, whose fix the recipe takes."""
    (found,) = [diagnosis for diagnosis in diagnose(events, recipe) if diagnosis.name == name]
    assert bool(found.fix) == bool(found.button)
    amended = recipe.amended(found.fix).checked()
    assert not found.fix or amended != recipe
    return found


def noise(*, sd: float, seed: int = 0) -> Callable[[int], float]:
    draws = np.random.default_rng(seed).normal(0, sd, 20_000)
    return lambda epoch: float(draws[epoch])


# Healthy runs


@pytest.mark.parametrize("epochs", [1, 2, 3, 5, 8, 20, 50, 200])
def test_a_healthy_run_has_nothing(epochs: int) -> None:
    events = run(epochs)
    for end in range(len(events) + 1):
        assert diagnose(events[:end], RECIPE) == []


def test_a_run_that_has_not_begun_has_nothing() -> None:
    assert diagnose([], RECIPE) == []


@pytest.mark.parametrize("seed", range(20))
def test_a_healthy_run_that_jitters_is_given_notes_at_most(seed: int) -> None:
    jitter, loss = noise(sd=0.01, seed=seed), noise(sd=0.015, seed=seed + 100)
    events = run(
        30,
        val_accuracy=lambda e: min(1.0, 0.95 - 0.3 * 0.6**e + jitter(e)),
        val_loss=lambda e: 0.15 + 0.4 * 0.7**e + loss(e),
        train_loss=lambda e: 0.02 + 0.5 * 0.8**e,
    )
    assert {found.severity for found in diagnose(events, RECIPE)} <= {"note"}


def test_a_run_of_an_older_studio_without_signs_has_nothing() -> None:
    assert diagnose([event for event in run(8) if not isinstance(event, Measured)], RECIPE) == []


def test_ten_thousand_epochs_are_read_at_once() -> None:
    events = run(10_000)
    took = []
    for _ in range(3):
        began = time.perf_counter()
        diagnose(events, RECIPE)
        took.append(time.perf_counter() - began)
    assert min(took) < 0.5  # about 0.01 on an idle core


# The learning rate


def test_a_rate_that_falls_to_nothing_early_is_dead() -> None:
    found = the("learning-rate-dead", run(10, lr=lambda e: 1e-3 * 0.1 ** (5 * e), lr_high=lambda e: 10 ** (2 - 5 * e)))
    assert found.severity == "fault" and "epoch 1" in found.sentence and "9 of 10 epochs to come" in found.evidence


@pytest.mark.parametrize("warmup", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("epochs", [1, 2, 10, 100, 2000])
def test_the_studios_own_curve_is_not_dead(epochs: int, warmup: float) -> None:
    from studio.training.optimize import rate

    recipe = RECIPE.amended({"schedule.epochs": epochs, "schedule.warmup": warmup})
    events = run(
        epochs,
        lr=lambda e: rate(recipe, 35 * e, 35 * epochs),
        lr_high=lambda e: max(rate(recipe, 35 * (e - 1), 35 * epochs), rate(recipe, 35 * e - 1, 35 * epochs)),
    )
    assert names(events, recipe) == set()


def test_a_run_that_is_made_longer_at_its_end_is_not_dead() -> None:
    longer = [Steered(10, 350, epochs=100)]
    events = [*run(10), *longer]
    assert names(events) == set()
    assert names([*events, *run(5, first=11, planned=100)]) == set()


def test_a_rate_that_a_person_lowered_is_not_dead() -> None:
    low = run(5, first=6, planned=20, lr=1e-7, lr_high=1e-7)
    before = run(5, planned=20)
    assert names([*before, *low]) == {"learning-rate-dead"}
    assert names([*before, Steered(6, 175, lr=1e-7), *low]) == set()


def test_a_rate_too_low_to_change_anything_is_dead_and_the_usual_one_offered() -> None:
    recipe = RECIPE.amended({"optimizer.lr": 1e-7})
    still = {"train_loss": lambda e: 0.7 - 1e-5 * e, "moved": 1e-5, "lr": 1e-7, "lr_high": 1e-7}
    assert the("learning-rate-dead", run(4, planned=20, **still), recipe).fix == {"optimizer.lr": 3e-3}
    assert names(run(2, planned=20, **still), recipe) == set()  # it may still warm up
    assert names(run(4, planned=20, **still | {"train_loss": 0.01}), recipe) == set()  # it is good already
    assert names(run(4, planned=20, **still | {"moved": 0.1}), recipe) == set()  # it learns, only not this


def test_a_loss_that_is_no_number_means_a_rate_too_high() -> None:
    with pytest.raises(StudioError) as caught:
        a_number(math.nan, 3)
    failed = Failed(caught.value.what)
    found = the("learning-rate-too-high", [*run(2), failed])
    assert found.fix == {"optimizer.lr": 3e-4} and "epoch 3" in found.evidence
    assert names([*run(2), Failed("The disk is full.")]) == set()
    assert names([*run(2), failed, Resumed(2, 70, again=True)]) == set()


def test_a_foreign_loop_whose_losses_are_no_numbers_has_a_rate_too_high() -> None:
    assert "learning-rate-too-high" in names(run(2, train_loss=None, val_loss=None))


def test_a_loss_far_above_guessing_means_a_rate_too_high() -> None:
    assert names(run(2, planned=20, train_loss=30.0)) == {"learning-rate-too-high"}
    assert names(run(3, planned=20, train_loss=1.2)) == {"learning-rate-too-high"}
    assert names(run(2, planned=20, train_loss=lambda e: 2.5 / e)) == set()  # a rough beginning
    assert names(run(3, planned=20, train_loss=0.7)) == set()


def test_a_lower_rate_is_also_a_lower_rate_for_what_the_recipe_steers() -> None:
    recipe = RECIPE.amended({"steering": (Steer(step=10, lr=1e-2), Steer(step=20, depth=1))})
    fix = the("learning-rate-too-high", run(2, train_loss=30.0), recipe).fix
    assert fix["steering"] == (Steer(step=10, lr=1e-3), Steer(step=20, depth=1))


def test_weights_that_stay_where_they_are_are_named() -> None:
    still = {"moved": 0.0, "train_loss": 0.7}
    assert the("weights-do-not-move", run(2, planned=20, **still)).fix == {}
    assert names(run(1, planned=20, **still)) == set()
    assert names(run(4, planned=20, moved=lambda e: 0.0 if e == 4 else 0.1)) == set()
    assert names(run(4, planned=20, moved=None)) == set()


# The loop itself


def test_another_normalization_is_named() -> None:
    events = run(1, planned=20, input_std=[2.0, 2.2, 1.8], input_mean=[0.2, -0.4, 0.6])
    found = the("wrong-input-statistics", events)
    assert found.severity == "fault" and "0.20 ± 2.00" in found.evidence and "own configuration" in found.remedy
    close = {"input_mean": [0.11, -0.19, 0.3], "input_std": [1.01, 1.1, 0.9]}
    assert names(run(1, planned=20, **close)) == set()
    assert names(run(1, planned=20, wanted_mean=None, wanted_std=None)) == set()


def test_channels_in_the_wrong_order_are_named() -> None:
    events = run(1, planned=20, input_std=[0.9, 1.1, 1.0], input_mean=[0.3, -0.2, 0.1])
    assert "red, green, blue" in the("wrong-input-statistics", events).remedy


def test_frozen_statistics_that_moved_are_named() -> None:
    events = run(6, planned=20, drifted=lambda e: {1: 0.0, 4: 0.31}.get(e))
    assert "epoch 4" in the("frozen-statistics-drift", events).evidence
    assert "31 %" in the("frozen-statistics-drift", events).evidence
    assert names(run(6, planned=20, drifted=1e-7)) == set()
    assert names(run(6, planned=20, drifted=None)) == set()


def test_a_device_that_waits_for_pictures_is_named() -> None:
    slow = run(6, planned=20, waiting=0.7, seconds=10.0)
    varied = RECIPE.amended({"augment.preset": "strong"})
    assert the("loader-holds-back", slow, varied).fix == {"augment.views": 8}
    assert the("loader-holds-back", slow, RECIPE.amended({"engine.cache": "off"})).fix == {"engine.cache": "auto"}
    assert the("loader-holds-back", slow).fix == {}
    assert names(run(6, planned=20, waiting=0.7, seconds=1.0)) == set()  # seconds that nobody minds
    assert names(run(6, planned=20, waiting=0.2, seconds=100.0)) == set()
    assert names(run(6, planned=20, waiting=lambda e: 0.9 if e == 1 else 0.1, seconds=100.0)) == set()


# What became of it

BY_HEART: dict[str, Any] = {
    "train_loss": lambda e: 0.6 * 0.6**e,
    "val_loss": lambda e: 0.4 + 0.08 * abs(e - 4),
    "val_accuracy": lambda e: 0.85,
}


def test_learning_by_heart_is_named_with_its_epoch() -> None:
    found = the("overfitting", run(12, planned=20, images=1000, **BY_HEART))
    assert found.severity == "advice" and found.sentence.startswith("From epoch 5 on")
    assert found.fix == {"augment.preset": "gentle"}


def test_what_varies_strongly_already_is_told_to_stop_in_time() -> None:
    events = run(12, planned=20, images=1000, **BY_HEART)
    recipe = RECIPE.amended({"augment.preset": "strong"})
    assert the("overfitting", events, recipe).fix == {"schedule.epochs": 4}
    phases = recipe.amended({"freeze.strategy": "two-phase", "freeze.head_epochs": 6})
    assert the("overfitting", events, phases).fix == {"schedule.epochs": 7}


@pytest.mark.parametrize(
    "changes",
    [
        {"val_accuracy": lambda e: 0.85 + 0.01 * e},  # surer of its mistakes, but with ever fewer of them
        {"train_loss": lambda e: 0.3},  # it does not learn by heart what it does not learn
        {"val_loss": lambda e: 0.4 + 0.004 * abs(e - 4)},  # no more than chance
        {"val_loss": lambda e: 0.4 + 0.2 * (e in (6, 7))},  # over again
    ],
)
def test_what_is_not_learning_by_heart(changes: dict[str, Any]) -> None:
    assert names(run(12, planned=20, images=1000, **BY_HEART | changes)) == set()


def test_few_pictures_cannot_show_learning_by_heart() -> None:
    assert names(run(12, planned=20, images=20, **BY_HEART)) == set()


def test_one_answer_for_everything_is_named() -> None:
    same = {"commonest": 1.0, "val_accuracy": 0.5, "train_loss": 0.69}
    found = the("one-class", run(3, planned=20, **same))
    assert found.severity == "fault" and found.fix == {"optimizer.lr": 9e-3}
    untrained = RECIPE.amended({"model.pretrained": False})
    assert the("one-class", run(3, planned=20, **same), untrained).fix == {"model.pretrained": True}
    assert names(run(2, planned=20, **same)) == set()  # too early to tell
    assert names(run(5, planned=20, **same | {"commonest": lambda e: 1.0 if e < 5 else 0.8})) == set()
    assert names(run(3, planned=20, **same | {"largest_class": 0.95})) == set()  # it may be right


def test_one_answer_is_not_said_again_where_its_cause_is_known() -> None:
    dead = {"lr": lambda e: 1e-3 * 0.1 ** (5 * e), "lr_high": lambda e: 10 ** (2 - 5 * e), "commonest": 1.0}
    assert names(run(5, planned=20, **dead)) == {"learning-rate-dead"}


# Chance


def test_the_notebooks_three_hundred_epochs_are_the_best_of_many() -> None:
    jitter = noise(sd=0.022)
    events = run(300, images=775, val_accuracy=lambda e: 0.778 + jitter(e), train_loss=0.5)
    flat, best = the("cannot-be-told-apart", events), the("best-of-many", events)
    assert flat.severity == best.severity == "note"
    assert "Epochs 1 to 300" in flat.sentence or "Epochs 2 to 300" in flat.sentence
    assert "luckiest of 300" in best.sentence and "4.3 points less" in best.sentence
    assert best.fix == {"data.val_share": 0.3} and flat.fix == {"schedule.patience": 5}


def test_a_plateau_begins_where_the_climb_ends() -> None:
    jitter = noise(sd=0.008)
    events = run(20, images=280, val_accuracy=lambda e: min(0.6 + 0.09 * e, 0.96) + jitter(e))
    assert the("cannot-be-told-apart", events).sentence.startswith("Epochs 3 to 20") or "Epochs 4 to 20" in str(
        the("cannot-be-told-apart", events)
    )


def test_few_epochs_a_steady_climb_and_many_pictures_have_no_such_note() -> None:
    jitter = noise(sd=0.01)
    assert names(run(9, val_accuracy=lambda e: 0.9 + jitter(e))) == set()
    assert names(run(30, val_accuracy=lambda e: 0.6 + 0.01 * e + 0.2 * jitter(e))) == set()
    assert names(run(30, images=100_000, val_accuracy=lambda e: 0.9 + 0.2 * jitter(e))) == set()
    assert names(run(30, val_accuracy=0.9)) == set()


def test_the_highest_of_many_draws_is_as_high_as_that() -> None:
    draws = np.random.default_rng(0).normal(size=(20_000, 30)).max(axis=1).mean()
    assert expected_highest(30) == pytest.approx(draws, rel=0.01)
    assert expected_highest(1) == pytest.approx(0.0)


# What a resumed run has undone


def test_what_was_undone_does_not_count() -> None:
    bad = run(5, planned=20, train_loss=30.0)
    assert names(bad) == {"learning-rate-too-high"}
    assert names([*bad, Resumed(1, 0, again=True)]) == set()
    assert names([*bad, Resumed(1, 0, again=True), *run(3, planned=20)[1:]]) == set()
    drifting = run(5, planned=20, drifted=0.5)
    assert names([*drifting, Resumed(5, 175)]) == {"frozen-statistics-drift"}  # only a pause was over


def test_the_pictures_that_could_be_opened_are_those_that_count() -> None:
    jitter = noise(sd=0.03)
    events = run(20, images=100_000, val_accuracy=lambda e: 0.9 + jitter(e))
    assert "best-of-many" not in names(events)
    assert "best-of-many" in names([*events, Looked(400, 100, 35)])
