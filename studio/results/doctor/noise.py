"""Chance: epochs that it cannot tell apart, and the luck in the best of many."""

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from studio.results.doctor.diagnosis import Diagnosis, pictures
from studio.results.doctor.story import Story
from studio.text import percent

_ENOUGH = 10  # epochs; of fewer nobody draws a conclusion that chance could spoil
_MATTERS = 0.01  # a percentage point of accuracy
_NORMAL = NormalDist()


@dataclass(frozen=True)
class Plateau:
    """The last epochs, from row `first` on, whose accuracies differ as chance makes them differ, without a trend."""

    first: int
    accuracy: np.ndarray
    pictures: int

    @property
    def chance(self) -> float:
        """The standard deviation of an accuracy that was measured on so many pictures."""
        return _chance(float(self.accuracy.mean()), self.pictures)

    @property
    def luck(self) -> float:
        """By how much the best of these epochs is expected to flatter: the mean of the highest of so many draws.

        The draws scatter as the epochs do, but by no more than chance explains.
        """
        return min(float(self.accuracy.std(ddof=1)), self.chance) * expected_highest(len(self.accuracy))


def plateau(story: Story) -> Plateau | None:
    """The plateau at the end of a run, if it has ten epochs or more and differences that a person would notice."""
    accuracy, seen = story.column("val_accuracy"), story.val_images
    if len(accuracy) < _ENOUGH or not seen:
        return None
    middle = float(np.median(accuracy[-max(_ENOUGH, len(accuracy) // 3) :]))
    reach = math.sqrt(2) * _chance(middle, seen) * _NORMAL.inv_cdf(1 - 0.025 / len(accuracy))
    outside = np.flatnonzero(np.abs(accuracy - middle) > reach)
    first = int(outside[-1]) + 1 if len(outside) else 0
    while len(accuracy) - first >= _ENOUGH:
        stretch = accuracy[first:]
        if not _has_trend(stretch):
            return Plateau(first, stretch, seen) if np.ptp(stretch) >= _MATTERS else None
        first += -(-len(stretch) // 4)
    return None


def expected_highest(draws: int) -> float:
    """The mean of the highest of so many standard normal draws (Blom 1958)."""
    return _NORMAL.inv_cdf((draws - 0.375) / (draws + 0.25))


def _chance(accuracy: float, seen: int) -> float:
    return math.sqrt(max(accuracy * (1 - accuracy), 1 / seen) / seen)


def _has_trend(values: np.ndarray) -> bool:
    """Whether a straight line through the values rises or falls by more than their scatter explains."""
    place, height = np.arange(len(values)) - (len(values) - 1) / 2, values - values.mean()
    width = float(place @ place)
    slope = float(place @ height) / width
    scatter = float(height @ height) - slope * slope * width
    return slope * slope * width > 2.5**2 * max(scatter, 1e-15) / (len(values) - 2)


def cannot_be_told_apart(story: Story, flat: Plateau | None) -> Diagnosis | None:
    """Of ten epochs or more none is really better than another."""
    if flat is None:
        return None
    first, last = story.rows[flat.first].epoch, story.rows[-1].epoch
    low, high = float(flat.accuracy.min()), float(flat.accuracy.max())
    fix = {} if story.recipe.schedule.patience else {"schedule.patience": 5}
    return Diagnosis(
        "cannot-be-told-apart",
        "note",
        f"Epochs {first} to {last} cannot be told apart: their accuracies differ by no more than chance.",
        f"They range from {percent(low)} to {percent(high)}; measured on {pictures(flat.pictures)}, one accuracy alone "
        f"is uncertain by ± {196 * flat.chance:.1f} points.",
        "Do not choose between them by their accuracy. Fewer epochs would have done; only more held-back pictures "
        "could tell them apart.",
        fix,
        "Stop when nothing gets better" if fix else "",
    )


def best_of_many(story: Story, flat: Plateau | None) -> Diagnosis | None:
    """The best accuracy is the highest of many draws, and so higher than new pictures will bear out."""
    if flat is None or flat.luck < _MATTERS or flat.accuracy.max() < story.column("val_accuracy").max():
        return None
    fix = _more_held_back(story)
    return Diagnosis(
        "best-of-many",
        "note",
        f"The best accuracy, {percent(float(flat.accuracy.max()))}, is the luckiest of {len(flat.accuracy)} epochs: "
        f"expect about {100 * flat.luck:.1f} points less on new pictures.",
        f"These epochs have {percent(float(flat.accuracy.mean()))} on average and scatter by "
        f"{100 * float(flat.accuracy.std(ddof=1)):.1f} points; with {pictures(flat.pictures)} chance alone makes "
        f"{100 * flat.chance:.1f}, and the highest of {len(flat.accuracy)} draws lies "
        f"{expected_highest(len(flat.accuracy)):.1f} times as much above their mean.",
        "Take the average as what to expect, or hold back more pictures to measure on.",
        fix,
        "Hold back more pictures" if fix else "",
    )


def _more_held_back(story: Story) -> dict[str, float]:
    """A larger share to measure on, where it is the recipe that decides it."""
    share, everything = story.recipe.data.val_share, story.val_images + story.train_images
    ours = abs(story.val_images / max(everything, 1) - share) < 0.03
    return {"data.val_share": round(min(0.4, 1.5 * share), 2)} if ours and share < 0.3 else {}
