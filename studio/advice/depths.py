"""The depth audition: how accurate a run is likely to become at each freezing depth of its backbone.

At some depths the network learns for a moment (`studio.advice.shortfit`), from a few pictures and asked about others,
all of them pictures to learn from: the held-back ones stay unseen. A head that learnt from all of them tells how much
more pictures help; errors at every depth are taken to fall by the same factor.
"""

from collections.abc import Generator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from studio.advice import keeping
from studio.advice.doing import Clock, Doing
from studio.advice.paired import paired
from studio.data.dataset import Dataset
from studio.data.intake import open_data
from studio.model.waking import wake
from studio.recipe import Recipe
from studio.text import percent
from studio.workspace import Workspace

BUDGETS = (30, 120, 600)  # seconds that the page offers
_KIND = "depths"
_DRAWS = 2000
_NUMBERS = ("stages", "learnt", "asked", "suggested")


@dataclass(frozen=True)
class Expected:
    """With `depth` stages frozen, counted from the input, a run should reach `accuracy`, a fraction, `low` to `high`.

    The band holds 95 % of what is likely. Such a run was right more often than one of the head alone by `gain`, with
    its 95 % interval, on the same pictures. Not `measured`: taken from the depths on both sides.
    """

    depth: int
    accuracy: float
    low: float
    high: float
    gain: float = 0.0
    gain_low: float = 0.0
    gain_high: float = 0.0
    measured: bool = True

    @property
    def words(self) -> str:
        """The accuracy and its band, for a person."""
        return f"{percent(self.accuracy)} ({percent(self.low)} to {percent(self.high)})"


@dataclass(frozen=True)
class DepthExpectation:
    """What is expected at the depths of one backbone, by depth; those for which there was no time are not there.

    `stages` is how many there are. It rests on `learnt` pictures that were learnt from and `asked` ones that were asked
    about. `suggested` is the depth at which most stays frozen of those that nobody can tell from the best. `paces` are
    the seconds that learning from a picture takes here at those depths that were tried.
    """

    by_depth: Mapping[int, Expected]
    stages: int
    learnt: int
    asked: int
    suggested: int
    seconds: float
    paces: Mapping[int, float] = field(default_factory=dict)

    def at(self, depth: int) -> Expected | None:
        """What is expected with so many stages frozen; None where nobody knows."""
        return self.by_depth.get(min(depth, self.stages))

    @property
    def sentence(self) -> str:
        """What thawing is likely to bring, in a sentence."""
        head, best = self.by_depth[self.stages], self.by_depth[self.suggested]
        if self.suggested == self.stages:
            return (
                f"Thawing brings nothing that could be measured on {self.asked:,} pictures: the head alone should "
                f"reach {head.words}."
            )
        return (
            f"With {best.depth} of {self.stages} stages frozen a run should reach {best.words}; the head alone "
            f"{head.words}."
        )

    def as_dict(self) -> dict[str, Any]:
        """What is kept, and what `thaw advise --json` prints."""
        rows = [asdict(self.by_depth[depth]) for depth in sorted(self.by_depth)]
        paces = [[depth, self.paces[depth]] for depth in sorted(self.paces)]
        told = {"seconds": round(self.seconds, 3), "paces": paces, "sentence": self.sentence}
        return {**{name: getattr(self, name) for name in _NUMBERS}, "by_depth": rows, **told}

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> "DepthExpectation":
        """The reverse of `as_dict`. Raises KeyError or TypeError for what is none."""
        rows = [Expected(**row) for row in record["by_depth"]]
        numbers = {name: record[name] for name in (*_NUMBERS, "seconds")}
        return cls({row.depth: row for row in rows}, **numbers, paces=dict(record["paces"]))


@dataclass(frozen=True)
class Fitted:
    """Which of the same m pictures were told wrong, bool (m,), after short fits.

    `by_depth` by those at each depth, `head` by a head alone that learnt from the same pictures, `whole` by one that
    learnt from all there are. `learnt` is from how many pictures the fits learnt, `paces` how long one took, by depth.
    """

    by_depth: Mapping[int, np.ndarray]
    head: np.ndarray
    whole: np.ndarray
    learnt: int = 0
    paces: Mapping[int, float] = field(default_factory=dict)


def kept(recipe: Recipe, dataset: Dataset, workspace: Workspace) -> DepthExpectation | None:
    """What was measured of this recipe's backbone on `dataset`, as it was opened; None where nothing was. No torch."""
    record = keeping.read(keeping.place(workspace, _KIND, dataset, recipe, _asked(recipe)))
    try:
        return DepthExpectation.from_dict(record) if record else None
    except (KeyError, TypeError):
        return None


def measure(recipe: Recipe, workspace: Workspace, budget: float) -> Generator[Doing, None, DepthExpectation]:
    """Measure it in about `budget` seconds. Yields what it is doing; returns what `kept` finds again.

    Raises DataError where there are too few pictures, BackboneError or WeightsError where there is no such backbone.
    """
    clock = Clock(budget)
    wake()
    from studio.advice.shortfit import short_fits

    path = keeping.place(workspace, _KIND, open_data(recipe.data.source, workspace), recipe, _asked(recipe))
    found, stages = yield from short_fits(recipe, workspace, clock)
    expected = expectation(found, stages, clock.spent)
    keeping.keep(path, expected.as_dict())
    return expected


def expectation(fitted: Fitted, stages: int, seconds: float = 0.0) -> DepthExpectation:
    """What short fits of a network with so many stages, which took so many seconds, make likely of whole runs."""
    wrong = {**fitted.by_depth, stages: fitted.head}
    best = min(wrong, key=lambda depth: (wrong[depth].mean(), -depth))
    alike = [depth for depth in wrong if paired(~wrong[best], ~wrong[depth])[1] <= 0 or depth == best]
    rows = {depth: _expected(depth, own, fitted, depth == stages) for depth, own in wrong.items()}
    for depth in range(min(rows), stages):
        if depth not in rows:
            rows[depth] = _between(rows, depth)
    return DepthExpectation(rows, stages, fitted.learnt, len(fitted.head), max(alike), seconds, fitted.paces)


def _expected(depth: int, wrong: np.ndarray, fitted: Fitted, is_head: bool) -> Expected:
    """One depth. The band is that of a Bayesian bootstrap (Rubin 1981) over the pictures, half a right and half a wrong
    answer added to each, so that no error among few pictures does not mean none among all.
    """
    count = len(wrong)
    some = np.stack([wrong, fitted.head, fitted.whole]).astype(float)
    with_halves = np.concatenate([some, np.array([[1.0, 0.0]] * 3)], axis=1)
    weights = np.random.default_rng(0).dirichlet([1.0] * count + [0.5, 0.5], _DRAWS)
    own, head, whole = with_halves @ weights.T
    errors = whole if is_head else own * np.minimum(whole / np.maximum(head, 1e-9), 1.0)
    half = 0.5 / max(count, 1)
    factor = min((fitted.whole.mean() + half) / (fitted.head.mean() + half), 1.0)
    middle = float(fitted.whole.mean() if is_head else wrong.mean() * factor)
    low, high = np.percentile(errors, (2.5, 97.5))
    gain = (0.0, 0.0, 0.0) if is_head else paired(~wrong, ~fitted.head)
    return Expected(depth, 1 - middle, 1 - max(float(high), middle), 1 - min(float(low), middle), *gain)


def _between(rows: Mapping[int, Expected], depth: int) -> Expected:
    """A depth that was not measured, from its neighbours that were."""
    known = [one for one in rows if rows[one].measured]
    low, high = max(one for one in known if one < depth), min(one for one in known if one > depth)
    share = (depth - low) / (high - low)
    names = ("accuracy", "low", "high", "gain", "gain_low", "gain_high")
    mixed = {name: getattr(rows[low], name) * (1 - share) + getattr(rows[high], name) * share for name in names}
    return Expected(depth, **mixed, measured=False)


def by_worth(stages: int) -> list[int]:
    """All depths but that of the head alone, those first that tell most for their cost: the last two stages, which
    cost next to nothing, the middle, everything, then what lies between.
    """
    found = [stages - 1, stages - 2, stages // 2, 0, (3 * stages) // 4, stages // 4, *range(stages - 3, 0, -1)]
    return [depth for depth in dict.fromkeys(found) if 0 <= depth < stages]


def _asked(recipe: Recipe) -> Any:
    """What decides the result, apart from the pictures: the network. It learns as a recipe does by default."""
    return [recipe.model.model_dump(), recipe.head.model_dump(), recipe.engine.precision]
