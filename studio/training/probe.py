"""A linear probe: how well classes can be told apart by features, and what each picture looks like to one that never
saw it. `probe` judges each picture by the others, `judge` learns from all to judge new ones.

Features are taken to fewer dimensions once; then every fold, and every strength of the penalty, is linear algebra on
small matrices. 60,000 pictures take seconds.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

FOLDS = 5
LEAST_DIMENSIONS, MOST_DIMENSIONS = 64, 512  # of the features; a quarter of the number of pictures in between
_PENALTIES = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)  # relative to the mean variance within classes
_TRIED = 6000  # pictures on which the penalty is chosen
_CHUNK = 8192
_NEVER = -1e9  # the score of a class that was never seen
_WORST = 30.0  # loss of one picture at the most: a class that was never seen must not outweigh all others


@dataclass(frozen=True, eq=False)
class Probe:
    """What a linear probe says of n pictures in k classes, each judged by one that learnt from other folds.

    `probabilities` float32 (n, k), calibrated as a whole; `labels` int64 (n,) are those that it learnt from.
    `accuracy` counts how often the two agree, `low` and `high` are its 95 % interval. `coordinates` float32 (n, d) are
    the features in fewer dimensions, `folds` int64 (n,) the fold in which each picture was judged, `penalty` what was
    chosen. `common` is the accuracy of always saying the largest class.
    """

    probabilities: np.ndarray
    labels: np.ndarray
    accuracy: float
    low: float
    high: float
    common: float
    coordinates: np.ndarray
    folds: np.ndarray
    penalty: float

    @property
    def classes(self) -> int:
        return self.probabilities.shape[1]

    @property
    def skill(self) -> float:
        """How far it is from always saying the largest class (0) to being always right (1)."""
        return (self.accuracy - self.common) / max(1 - self.common, 1e-9)

    @property
    def own(self) -> np.ndarray:
        """The probability of each picture's own label, (n,)."""
        return self.probabilities[np.arange(len(self.labels)), self.labels]


def probe(
    matrix: np.ndarray, labels: np.ndarray, classes: int, groups: Sequence[np.ndarray] = (), seed: int = 0
) -> Probe:
    """Judge every row of `matrix`, float32 (n, d), out of fold. `labels` int64 (n,) are below `classes`.

    `groups` are rows that must stay in one fold, such as copies. A class with one row alone is never learnt when that
    row is judged. Needs two classes with two rows each.
    """
    coordinates, folds = Reduction.of(matrix)(matrix), in_folds(labels, groups, seed)
    penalty = _penalty(coordinates, labels, classes, folds, seed)
    scores = judged(coordinates, labels, classes, folds, penalty)
    probabilities = softmax(scores * temperature(scores, labels))
    right = int((probabilities.argmax(axis=1) == labels).sum())
    common = float(np.bincount(labels, minlength=classes).max() / len(labels))
    low, high = wilson(right, len(labels))
    return Probe(probabilities, labels, right / len(labels), low, high, common, coordinates, folds, penalty)


def judged(
    coordinates: np.ndarray,
    labels: np.ndarray,
    classes: int,
    folds: np.ndarray,
    penalty: float,
    learn: np.ndarray | None = None,
    asked: np.ndarray | None = None,
) -> np.ndarray:
    """Scores of every row by what the other folds teach, float32 (n, k).

    Of those only rows in `learn`, bool (n,), teach; and only rows in `asked`, bool (n,), are judged.
    """
    scores = np.zeros((len(labels), classes), np.float32)
    for fold in range(FOLDS):
        here = folds == fold
        there = ~here if learn is None else ~here & learn
        here = here if asked is None else here & asked
        if here.any() and there.any():
            scores[here] = Spread.of(coordinates[there], labels[there], classes).classifier(penalty)(coordinates[here])
    return scores


@dataclass(frozen=True)
class Classifier:
    """Linear discriminants with a common, penalized covariance. Called with rows (n, d), it gives scores (n, k).

    Source: Friedman 1989, "Regularized Discriminant Analysis", with one covariance for all classes.
    """

    weights: np.ndarray
    bias: np.ndarray

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        return rows @ self.weights + self.bias


@dataclass(frozen=True)
class Spread:
    """Means of the classes, and the covariance within them by its axes: fits for any penalty are cheap from here."""

    means: np.ndarray
    counts: np.ndarray
    axes: np.ndarray
    variances: np.ndarray

    @classmethod
    def of(cls, rows: np.ndarray, labels: np.ndarray, classes: int) -> "Spread":
        counts = np.bincount(labels, minlength=classes)
        sums = np.zeros((classes, rows.shape[1]), np.float64)
        for name in np.flatnonzero(counts):
            sums[name] = rows[labels == name].sum(axis=0, dtype=np.float64)
        means = sums / np.maximum(counts, 1)[:, None]
        within = (rows.T @ rows).astype(np.float64) - (means.T * counts) @ means
        variances, axes = _axes(within / max(1, len(rows) - (counts > 0).sum()))
        return cls(means, counts, axes, np.maximum(variances, 0))

    def classifier(self, penalty: float) -> Classifier:
        stiff = self.variances + penalty * max(float(self.variances.mean()), 1e-12)
        whitened = (self.means @ self.axes) / stiff
        weights = self.axes @ whitened.T
        bias = np.log(np.maximum(self.counts, 1) / self.counts.sum()) - 0.5 * np.einsum("kd,dk->k", self.means, weights)
        bias[self.counts == 0] = _NEVER
        return Classifier(weights.astype(np.float32), bias.astype(np.float32))


@dataclass(frozen=True)
class Reduction:
    """Rows of length one, about the mean of those that it was made of, on their principal axes.

    Called with rows (m, d) it gives float32 (m, 64 to 512, fewer than the rows that it was made of).
    """

    axes: np.ndarray
    shift: np.ndarray
    scale: float = 1.0

    @classmethod
    def of(cls, matrix: np.ndarray) -> "Reduction":
        count, width = matrix.shape
        total, gram = np.zeros(width), np.zeros((width, width))
        for part in _unit_rows(matrix):
            total += part.sum(axis=0, dtype=np.float64)
            gram += part.T @ part
        mean = total / count
        keep = min(MOST_DIMENSIONS, width, max(LEAST_DIMENSIONS, count // 4), max(1, count - 1))
        _, axes = _axes(gram / count - np.outer(mean, mean))
        axes = axes[:, ::-1][:, :keep].astype(np.float32)
        plain = cls(axes, mean.astype(np.float32) @ axes)
        return cls(axes, plain.shift, max(float(plain(matrix).std()), 1e-12))

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        found = [part @ self.axes - self.shift for part in _unit_rows(rows)]
        return np.concatenate(found or [np.zeros((0, self.axes.shape[1]), np.float32)]) / self.scale


@dataclass(frozen=True)
class Judge:
    """A linear probe that has learnt from all it was given. It says of rows (m, d) that it never saw the probabilities
    of k classes, float32 (m, k).
    """

    reduction: Reduction
    classifier: Classifier
    factor: float

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        return softmax(self.classifier(self.reduction(rows)) * np.float32(self.factor))


def judge(
    matrix: np.ndarray, labels: np.ndarray, classes: int, groups: Sequence[np.ndarray] = (), seed: int = 0
) -> Judge:
    """What learns from every row of `matrix`, float32 (n, d), to judge others; arguments as for `probe`.

    Its penalty, and how sure it is, are those with which it tells rows best that it did not learn from.
    """
    reduction = Reduction.of(matrix)
    coordinates, folds = reduction(matrix), in_folds(labels, groups, seed)
    penalty = _penalty(coordinates, labels, classes, folds, seed)
    factor = temperature(judged(coordinates, labels, classes, folds, penalty), labels)
    return Judge(reduction, Spread.of(coordinates, labels, classes).classifier(penalty), factor)


def _axes(symmetric: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues, growing, and their vectors, on one core.

    Two that share this work wait for one another at every column: on a machine that is busy otherwise it took eight
    times as long (1,280 columns: 10.6 s instead of 1.3).
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, user_api="blas"):
        return np.linalg.eigh(symmetric)


def _unit_rows(matrix: np.ndarray) -> Iterator[np.ndarray]:
    """The matrix some rows at a time, each of length one."""
    for first in range(0, len(matrix), _CHUNK):
        part = matrix[first : first + _CHUNK]
        yield part / np.maximum(np.linalg.norm(part, axis=1, keepdims=True), 1e-12)


def in_folds(labels: np.ndarray, groups: Sequence[np.ndarray] = (), seed: int = 0) -> np.ndarray:
    """A fold for every row, int64 (n,): classes spread evenly over them, rows of a group in the same."""
    first = np.arange(len(labels))
    for group in groups:
        first[group] = min(group)
    order = np.random.default_rng(seed).permutation(len(labels))
    leaders = order[first[order] == order]
    leaders = leaders[np.argsort(labels[leaders], kind="stable")]
    folds = np.zeros(len(labels), np.int64)
    folds[leaders] = np.arange(len(leaders)) % FOLDS
    return folds[first]


def _penalty(coordinates: np.ndarray, labels: np.ndarray, classes: int, folds: np.ndarray, seed: int) -> float:
    """The penalty under which pictures out of fold are told best, by their likelihood."""
    some = np.random.default_rng(seed).permutation(len(labels))[:_TRIED]
    coordinates, labels, folds = coordinates[some], labels[some], folds[some]
    losses = np.zeros(len(_PENALTIES))
    for fold in range(FOLDS):
        judged = folds == fold
        if not judged.any() or judged.all():
            continue
        spread = Spread.of(coordinates[~judged], labels[~judged], classes)
        for place, penalty in enumerate(_PENALTIES):
            scores = spread.classifier(penalty)(coordinates[judged])
            losses[place] += loss(scores, labels[judged], temperature(scores, labels[judged])) * judged.sum()
    return _PENALTIES[int(np.argmin(losses))]


def temperature(scores: np.ndarray, labels: np.ndarray) -> float:
    """The factor that makes softmax of the scores most likely (Guo et al. 2017, "On Calibration ...")."""
    from scipy.optimize import minimize_scalar

    found = minimize_scalar(
        lambda log: loss(scores, labels, math.exp(log)), bounds=(-7, 3), method="bounded", options={"xatol": 0.02}
    )
    return math.exp(float(found.x))  # type: ignore[attr-defined]


def loss(scores: np.ndarray, labels: np.ndarray, factor: float) -> float:
    """Mean negative log likelihood of the labels, natural logarithm."""
    scaled = scores * np.float32(factor)
    top = scaled.max(axis=1)
    total = np.log(np.exp(scaled - top[:, None]).sum(axis=1)) + top
    return float(np.minimum(total - scaled[np.arange(len(labels)), labels], _WORST).mean())


def softmax(scores: np.ndarray) -> np.ndarray:
    """Probabilities, float32 (n, k)."""
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)


def wilson(right: int, count: int, z: float = 1.96) -> tuple[float, float]:
    """The 95 % interval of a share, `right` of `count` (Wilson 1927)."""
    if count == 0:
        return 0.0, 1.0
    share, square = right / count, z * z
    middle = (share + square / (2 * count)) / (1 + square / count)
    reach = z * math.sqrt(share * (1 - share) / count + square / (4 * count * count)) / (1 + square / count)
    return max(0.0, middle - reach), min(1.0, middle + reach)
