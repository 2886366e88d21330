"""The loop itself: what the network is given, what was to keep still, and what the device waits for."""

import numpy as np

from studio.results.doctor.diagnosis import Diagnosis
from studio.results.doctor.story import Story
from studio.text import percent
from studio.training.events import Measured

_ALIKE = 0.05  # in standard deviations of the right input: means and spreads that differ by less are the same
_EXACT = 1e-5  # frozen means frozen: more than rounding is a change
_WAITS = 0.4  # of the time
_MATTERS = 20.0  # seconds that the device has waited in all


def wrong_input_statistics(story: Story) -> Diagnosis | None:
    """The network is given other numbers than those that its backbone learnt from."""
    sign = next((sign for sign in reversed(story.signs) if sign.input_mean and sign.wanted_mean), None)
    if sign is None or not _differ(sign):
        return None
    return Diagnosis(
        "wrong-input-statistics",
        "fault",
        "The pictures are not normalized the way this backbone learnt to see them, so it sees them wrongly.",
        f"The channels' means and spreads are {_listed(sign.input_mean, sign.input_std)}; "
        f"with the backbone's own numbers they would be {_listed(sign.wanted_mean, sign.wanted_std)}.",
        "The channels are in the wrong order: make them red, green, blue."
        if _reversed(sign)
        else "Normalize with the mean and the standard deviation of the backbone's own configuration.",
    )


def _arrays(sign: Measured) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    given = (sign.input_mean, sign.input_std, sign.wanted_mean, sign.wanted_std)
    mean, std, wanted_mean, wanted_std = (np.array(numbers, float) for numbers in given)
    return mean, std, wanted_mean, wanted_std


def _differ(sign: Measured, step: int = 1) -> bool:
    mean, std, wanted_mean, wanted_std = _arrays(sign)
    shift, stretch = np.abs(mean[::step] - wanted_mean), np.abs(std[::step] - wanted_std)
    return bool((shift > _ALIKE).any() or (stretch > _ALIKE * np.maximum(wanted_std, 0.2)).any())


def _reversed(sign: Measured) -> bool:
    return not _differ(sign, step=-1)


def _listed(means: list[float] | None, spreads: list[float] | None) -> str:
    return ", ".join(f"{mean:.2f} ± {std:.2f}" for mean, std in zip(means or (), spreads or (), strict=True))


def frozen_statistics_drift(story: Story) -> Diagnosis | None:
    """Something that is frozen has changed."""
    drifts = story.column("drifted")
    found = np.flatnonzero(np.nan_to_num(drifts) > _EXACT)
    if not len(found):
        return None
    drift = float(drifts[found[0]])
    return Diagnosis(
        "frozen-statistics-drift",
        "fault",
        "The frozen part of the network changes although it should stay as it is: its statistics drift with every "
        "batch.",
        f"By the end of epoch {story.rows[found[0]].epoch} a frozen tensor had changed by "
        f"{percent(drift, 0 if drift >= 0.01 else 3)} of its size.",
        "Put the frozen part into evaluation mode: without gradients alone, its BatchNorm layers still take up the "
        "statistics of every batch.",
    )


def loader_holds_back(story: Story) -> Diagnosis | None:
    """The device waits for pictures much of the time, and it matters."""
    waiting, seconds = story.column("waiting")[1:], story.column("seconds")[1:]
    known = ~np.isnan(waiting)
    lost, spent = float((waiting * seconds)[known].sum()), float(seconds[known].sum())
    if lost < _MATTERS or lost < _WAITS * spent:
        return None
    fix, button = _less_work(story)
    return Diagnosis(
        "loader-holds-back",
        "advice",
        "The device waits for its pictures much of the time: training could be faster.",
        f"After the first epoch it waited {lost:.0f} of {spent:.0f} seconds, {percent(lost / spent, 0)}.",
        "Let fixed variations be kept, choose smaller pictures, or a computer with more processor cores.",
        fix,
        button,
    )


def _less_work(story: Story) -> tuple[dict[str, object], str]:
    recipe = story.recipe
    varies, cuts = recipe.augment.preset != "none", recipe.freeze.final_depth > 0
    if recipe.engine.cache == "off" and cuts:
        return {"engine.cache": "auto"}, "Keep what the frozen part computes"
    if varies and cuts and recipe.augment.views == 0 and recipe.augment.mix == "none":
        return {"augment.views": 8}, "Use 8 fixed variations"
    return {}, ""
