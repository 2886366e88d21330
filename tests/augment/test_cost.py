"""The cost meter: a pace, each step's share, and who holds training back."""

import numpy as np
import pytest

from studio.augment.cost import Cost, measure
from studio.augment.pipeline import Pipeline
from studio.recipe import AugmentChoice, StepChoice

CHEAP_AND_DEAR = AugmentChoice(
    preset="custom",
    steps=(StepChoice(transform="HorizontalFlip"), StepChoice(transform="MedianBlur", params={"blur_limit": (31, 31)})),
)


def test_the_dearest_step_is_found() -> None:
    base = np.random.default_rng(0).integers(0, 256, (146, 146, 3), dtype=np.uint8)
    cost = measure(Pipeline(CHEAP_AND_DEAR, 128), [base], threads=2, seconds=0.2)
    assert cost.pace > 0 and sum(share for _, share in cost.shares) == pytest.approx(1)
    assert max(cost.shares, key=lambda pair: pair[1])[0] == "Median"
    assert "holds training back" in cost.sentence(cost.pace * 10) and "“Median”" in cost.sentence(cost.pace * 10)


def test_a_processor_that_does_both_takes_turns_and_a_gpu_does_not() -> None:
    cost = Cost(300.0, 2, (("Rotate", 1.0),))
    assert cost.share_of_epoch(100) == pytest.approx(0.25) and cost.share_of_epoch(100, meanwhile=True) == 0
    assert cost.holds_back(100) and not cost.holds_back(50) and not cost.holds_back(300, meanwhile=True)
    assert cost.share_of_epoch(600, meanwhile=True) == pytest.approx(0.5)
    assert cost.sentence(50) == (
        "The pipeline makes 300 pictures a second here. The model takes 50 a second, so the model sets the pace: "
        "varying takes 14 % of the time."
    )
    assert cost.sentence() == "The pipeline makes 300 pictures a second here."
