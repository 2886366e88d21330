"""Which of two is right more often, about the very same pictures."""

import math

import numpy as np


def paired(one: np.ndarray, other: np.ndarray, z: float = 1.96) -> tuple[float, float, float]:
    """By how much `one`, bool (n,), is right more often than `other` about the same pictures, and the interval of that.

    Source: Bonett and Price 2012, "Adjusted Wald Confidence Interval for a Difference of Binomial Proportions Based on
    Paired Data". `z` is in standard errors, 1.96 for 95 %.
    """
    count, gains, losses = len(one), int((one & ~other).sum()), int((other & ~one).sum())
    up, down = (gains + 1) / (count + 2), (losses + 1) / (count + 2)
    reach = z * math.sqrt(max(up + down - (up - down) ** 2, 0.0) / (count + 2))
    return (gains - losses) / max(count, 1), up - down - reach, up - down + reach
