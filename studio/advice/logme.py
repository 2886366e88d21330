"""LogME: how well features explain labels, as the evidence of a Bayesian linear model, without learning anything.

Source: You, Liu, Wang, Long 2021, "LogME: Practical Assessment of Pre-trained Models for Transfer Learning"
(arXiv 2102.11005), with the fixed point of their arXiv 2110.10545.
"""

import math

import numpy as np

_ROUNDS = 30
_SETTLED = 1e-4  # relative change of the ratio of both precisions, from which on it is not refined
_TINY = 1e-12


def logme(features: np.ndarray, labels: np.ndarray, classes: int) -> float:
    """The mean over classes of the greatest log evidence per picture; the higher the better, usually from -1 to 1.

    `features` float (n, d), `labels` int (n,) below `classes`. Each class that occurs is asked for by itself: its
    pictures are 1, all others 0, explained by weights of precision alpha under noise of precision beta.
    """
    spectrum, left = _spectrum(features.astype(np.float64))
    count, width = features.shape
    names = [name for name in range(classes) if (labels == name).any()]
    answers = np.stack([labels == name for name in names], axis=1).astype(np.float64)
    told = (left.T @ answers) ** 2  # (k, classes): squared shares of the answers along the features' axes
    untold = np.maximum((answers**2).sum(axis=0) - told.sum(axis=0), 0.0)
    return float(np.mean([_evidence(spectrum, told[:, c], untold[c], count, width) for c in range(len(names))]))


def _spectrum(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Squared singular values (k,) that are not nought, and the left singular vectors that belong to them (n, k)."""
    count, width = features.shape
    if count > width:
        values, right = np.linalg.eigh(features.T @ features)
        keep = values > max(float(values[-1]), _TINY) * 1e-10
        return values[keep], features @ right[:, keep] / np.sqrt(values[keep])
    values, left = np.linalg.eigh(features @ features.T)
    keep = values > max(float(values[-1]), _TINY) * 1e-10
    return values[keep], left[:, keep]


def _evidence(spectrum: np.ndarray, told: np.ndarray, untold: float, count: int, width: int) -> float:
    """The greatest log evidence of one class's answers, per picture."""
    alpha = beta = 1.0
    for _ in range(_ROUNDS):
        ratio = alpha / beta
        weights, noise = _weights(spectrum, told, ratio), _noise(spectrum, told, untold, ratio)
        used = float((spectrum / (spectrum + ratio)).sum())  # how many axes the answers rest on
        alpha = max(used, _TINY) / max(weights, _TINY)
        beta = max(count - used, _TINY) / max(noise, _TINY)
        if abs(alpha / beta - ratio) <= _SETTLED * ratio:
            break
    ratio = alpha / beta
    weights, noise = _weights(spectrum, told, ratio), _noise(spectrum, told, untold, ratio)
    spread = float(np.log(alpha + beta * spectrum).sum()) + (width - len(spectrum)) * math.log(alpha)
    fit = count * math.log(beta / (2 * math.pi)) - beta * noise - alpha * weights
    return 0.5 * (width * math.log(alpha) + fit - spread) / count


def _weights(spectrum: np.ndarray, told: np.ndarray, ratio: float) -> float:
    """The squared length of the likeliest weights."""
    return float((spectrum * told / (spectrum + ratio) ** 2).sum())


def _noise(spectrum: np.ndarray, told: np.ndarray, untold: float, ratio: float) -> float:
    """The squared length of what the likeliest weights leave unexplained."""
    return float((told * (ratio / (spectrum + ratio)) ** 2).sum()) + untold
