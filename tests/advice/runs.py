"""Pieces that the tests of advice share: work that tells how far it is, and auditions that nobody held."""

from typing import Any

from studio.advice.audition import Audition, Heard
from studio.advice.depths import DepthExpectation, Expected
from studio.advice.facts import Facts, Mirrored, Similarity
from studio.recipe import ModelChoice


def small(name: str = "test_resnet") -> ModelChoice:
    """A network made for tests, with chance weights, at 32 pixels."""
    return ModelChoice(backbone=name, pretrained=False, image_size=32)


def heard(backbone: str = "net", accuracy: float = 0.9, **more: Any) -> Heard:
    band = accuracy - 0.02, min(1.0, accuracy + 0.02)
    return Heard(backbone, 500, accuracy, *band, 0.3, more.pop("pace", 100.0), **more)


def audition(*rows: Heard, baseline: float = 0.5, common: float = 0.3) -> Audition:
    plain = heard("", baseline, pace=None, behind=0.4, behind_low=0.3, behind_high=0.5)
    return Audition(rows or (heard(),), plain, 500, 500, 3, common, 30.0, 12.0)


def expected(accuracies: dict[int, float], stages: int, suggested: int, learnt: int = 400) -> DepthExpectation:
    """By depth, with a band of two points to either side; the head alone is the deepest of them."""
    head = accuracies[stages]
    rows = {
        depth: Expected(depth, own, own - 0.02, min(own + 0.02, 1.0), own - head, own - head - 0.01, own - head + 0.01)
        for depth, own in accuracies.items()
    }
    return DepthExpectation(rows, stages, learnt, 200, suggested, 20.0)


def facts(**changes: Any) -> Facts:
    """Photographs much like those of the pretraining, of which the head alone tells nearly all."""
    usual: dict[str, Any] = {
        "counts": {"cat": 300, "dog": 290},
        "audition": audition(),
        "similarity": Similarity(0.8, "statistics", 48, 0.25),
        "depths": expected({9: 0.98, 7: 0.98, 0: 0.97}, 9, 9),
        "mirrored": Mirrored(100, 1, 0.0, 0.05),
    }
    return Facts(**{**usual, **changes})
