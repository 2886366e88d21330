"""What was measured, from which advice is drawn: plain values, so that its rules can be tried without a network."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from studio.advice.audition import Audition
from studio.advice.depths import DepthExpectation
from studio.text import percent

_LIKE, _UNLIKE = 0.6, 0.35  # scores from which on, and below which, it is said in words


@dataclass(frozen=True)
class Similarity:
    """How much pictures are like those of the pretraining: `score` from 0, nothing alike, to 1.

    By `statistics`, `distance` is how far the network's channels are from where they were in pretraining, in their own
    standard deviations; by `skill`, the score is how much of what colours do not tell its features do. `pictures` is
    how many were looked at.
    """

    score: float
    way: Literal["statistics", "skill"]
    pictures: int
    distance: float | None = None

    @property
    def level(self) -> Literal["like", "between", "unlike"]:
        return "like" if self.score >= _LIKE else "unlike" if self.score < _UNLIKE else "between"

    @property
    def sentence(self) -> str:
        """How alike they are, and by what that was told."""
        words = {"like": "much like", "between": "somewhat like", "unlike": "unlike"}[self.level]
        if self.way == "statistics":
            by = f"what its inner channels measure lies {self.distance:.2f} standard deviations from what they saw then"
        else:
            by = f"its features tell {percent(self.score, 0)} of what colours alone do not tell"
        return f"Your pictures are {words} those that the backbone was pretrained on: {by}."


@dataclass(frozen=True)
class Mirrored:
    """Of `pictures` that a probe knew, `changed` were taken for another class when mirrored left to right."""

    pictures: int
    changed: int
    low: float
    high: float

    @property
    def matters(self) -> bool:
        """Whether surely more than a twentieth changed."""
        return self.low > 0.05


@dataclass(frozen=True)
class Facts:
    """All that advice rests on. `counts` are the pictures to learn from, by class; `seconds` those of an epoch by depth
    on this machine, as far as they are known, named `device`.
    """

    counts: Mapping[str, int]
    audition: Audition
    similarity: Similarity
    depths: DepthExpectation
    mirrored: Mirrored | None = None
    seconds: Mapping[int, float] | None = None
    device: str = ""

    @property
    def pictures(self) -> int:
        """Pictures to learn from."""
        return sum(self.counts.values())

    @property
    def imbalance(self) -> float:
        """How many times as many pictures the largest class has as the smallest."""
        return max(self.counts.values()) / max(1, min(self.counts.values()))

    @property
    def usual_class(self) -> int:
        """Pictures of the class in the middle, by size."""
        ordered = sorted(self.counts.values())
        return ordered[len(ordered) // 2]
