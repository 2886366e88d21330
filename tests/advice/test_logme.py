"""LogME is the greatest evidence of a Bayesian linear model, whatever the features are turned or scaled by."""

import numpy as np
import pytest
from scipy.optimize import minimize

from studio.advice.logme import logme


def made(count: int, width: int, apart: float = 2.0, classes: int = 3) -> tuple[np.ndarray, np.ndarray]:
    chance = np.random.default_rng(count + width)
    labels = np.arange(count) % classes
    return chance.standard_normal((count, width)) + apart * chance.standard_normal((classes, width))[labels], labels


def greatest_evidence(features: np.ndarray, answers: np.ndarray) -> float:
    """By trying precisions: answers are normal about nought, with covariance I / beta + F F' / alpha."""
    count = len(answers)

    def against(point: np.ndarray) -> float:
        alpha, beta = np.exp(point)
        spread = np.eye(count) / beta + features @ features.T / alpha
        _, size = np.linalg.slogdet(spread)
        return 0.5 * (count * np.log(2 * np.pi) + size + answers @ np.linalg.solve(spread, answers)) / count

    starts = [np.array(start) for start in ((0.0, 0.0), (3.0, 2.0), (6.0, 4.0))]
    tries = (minimize(against, start, method="Nelder-Mead", options={"maxiter": 2000}) for start in starts)
    return -min(float(found.fun) for found in tries)


@pytest.mark.parametrize(("count", "width"), [(40, 6), (24, 40)])
def test_it_is_the_greatest_evidence(count: int, width: int) -> None:
    features, labels = made(count, width, apart=0.8)
    wanted = np.mean([greatest_evidence(features, (labels == name).astype(float)) for name in range(3)])
    assert logme(features, labels, 3) == pytest.approx(wanted, abs=2e-3)


def test_turning_and_scaling_the_features_changes_nothing() -> None:
    features, labels = made(60, 12)
    turn, _ = np.linalg.qr(np.random.default_rng(1).standard_normal((12, 12)))
    assert logme(features @ turn, labels, 3) == pytest.approx(logme(features, labels, 3), abs=1e-6)
    assert logme(features * 50, labels, 3) == pytest.approx(logme(features, labels, 3), abs=1e-3)


def test_features_that_tell_more_have_more_evidence() -> None:
    found = [logme(*made(90, 20, apart=apart), 3) for apart in (0.0, 0.5, 1.5)]
    assert found == sorted(found) and found[2] > found[0] + 0.3


def test_features_that_are_nothing_and_classes_that_are_not_there_are_no_error() -> None:
    features, labels = made(30, 8)
    assert np.isfinite(logme(np.zeros((30, 8), np.float32), labels, 3))
    assert logme(features, labels, 9) == pytest.approx(logme(features, labels, 3))
