"""Short fits: what is behind a freezing depth learns for a moment, from kept features of the frozen part before it.

First the head learns alone, then what the depth thaws, at the usual lower rate: a random head would only shake it
(Kumar et al. 2022, "Fine-Tuning can Distort Pretrained Features and Underperform Out-of-Distribution").
"""

from collections.abc import Generator
from dataclasses import dataclass, field

import numpy as np
import torch

from studio.advice.depths import Fitted
from studio.advice.doing import Clock, Doing
from studio.advice.workbench import TIMED, Workbench, counted, tried_at_most
from studio.model.heap import keep_heap
from studio.recipe import FreezePlan, Recipe
from studio.training.events import Event, Prepared
from studio.training.fetching import fetched
from studio.training.prepare import Job, make_ready
from studio.training.probe import FOLDS
from studio.training.world import World
from studio.workspace import Workspace

_ASKED = 240  # pictures of a fold that are asked about, at most
_WORTH = 400  # pictures to learn from that tell something of a depth: where there is no time for them, it is left out
_FEWEST = 48  # but the cheapest depth is tried with fewer
_HEAD_UPDATES, _UPDATES = 200, 60  # of a fit, at least; a fit of the thawed part sees each picture
_PASSES = 4  # times, at least


def short_fits(recipe: Recipe, workspace: Workspace, clock: Clock) -> Generator[Doing, None, tuple[Fitted, int]]:
    """Fit, and ask; see `studio.advice.depths.measure`.

    Returns what was told wrong, and how many stages there are.
    """
    keep_heap()
    usual = Recipe(data=recipe.data, model=recipe.model, head=recipe.head, seed=recipe.seed, engine=recipe.engine)
    usual = usual.amended({"freeze": FreezePlan.two_phase(), "engine.cache": "auto", "engine.isolated": False})
    job = yield from _made_ready(usual, workspace, clock)
    bench = yield from Workbench.of(job, clock)
    found = yield from _fitted(bench, clock)
    return found, bench.stages


def _made_ready(recipe: Recipe, workspace: Workspace, clock: Clock) -> Generator[Doing, None, Job]:
    making = _making(recipe, workspace)
    while True:
        try:
            told = next(making)
        except StopIteration as end:
            return end.value
        yield clock.doing(told.doing if isinstance(told, Prepared) else "Getting ready")


def _making(recipe: Recipe, workspace: Workspace) -> Generator[Event, None, Job]:
    world = World.join()
    yield from fetched(recipe, world, lambda: False)
    return (yield from make_ready(recipe, workspace, world))


@dataclass
class _Fold:
    """A fifth that is asked about, and the others to learn from: the same few at every depth, or `everyone`."""

    asked: np.ndarray
    everyone: np.ndarray
    few: np.ndarray
    warm: dict[str, torch.Tensor] = field(default_factory=dict)  # the network with a head that learnt from the few
    head: np.ndarray = field(default_factory=lambda: np.zeros(0, bool))
    whole: np.ndarray = field(default_factory=lambda: np.zeros(0, bool))


def _fitted(bench: Workbench, clock: Clock) -> Generator[Doing, None, Fitted]:
    paces, each, folds = yield from _plan(bench, clock)
    parts = [_fold(bench, number, each) for number in range(folds)]
    for number, part in enumerate(parts):
        yield clock.doing("Teaching the head alone")
        _teach_heads(bench, part, number)
    found: dict[int, np.ndarray] = {}
    for depth in sorted(paces, reverse=True):
        if found and clock.left <= 0:
            break  # it went slower than it was timed; what thaws more would take longer still
        rows = np.unique(np.concatenate([np.concatenate([part.few, part.asked]) for part in parts]))
        features = yield from bench.features(depth, rows, clock)
        wrong = []
        for number, part in enumerate(parts):
            yield clock.doing(f"Learning behind {counted(depth)}" if depth else "Learning with nothing frozen")
            bench.restore(part.warm)
            bench.fit(depth, features, part.few, _updates(bench, len(part.few)), number + 100)
            wrong.append(bench.wrong(depth, features, part.asked))
        found[depth] = np.concatenate(wrong)
    bench.restore()
    head, whole = (np.concatenate([getattr(part, name) for part in parts]) for name in ("head", "whole"))
    return Fitted(found, head, whole, max(len(part.few) for part in parts), paces)


def _plan(bench: Workbench, clock: Clock) -> Generator[Doing, None, tuple[dict[int, float], int, int]]:
    """The depths there is time for, each with its seconds a picture; how many pictures are learnt from at each, in how
    many folds.

    One depth after the other is timed, and left out where learning from enough pictures would take too long.
    """
    everyone, asked = int((bench.folds != 0).sum()), min(_ASKED, int((bench.folds == 0).sum()))
    each, paces, per_look = min(everyone, _WORTH), dict[int, float](), 0.0
    for depth in tried_at_most(bench.stages)[1:]:
        if paces and clock.left <= 0:
            break
        yield clock.doing(f"Timing what is behind {counted(depth)}" if depth else "Timing the whole network")
        took = bench.seconds(depth)
        if not paces or (per_look + took) * _looks(bench, each, asked) <= clock.left:
            paces[depth] = took
            per_look += took
    while each > _FEWEST and per_look * _looks(bench, each, asked) > clock.left:
        each = max(_FEWEST, each // 2)
    while each < everyone and per_look * _looks(bench, min(2 * each, everyone), asked) <= clock.left:
        each = min(2 * each, everyone)
    folds = 1
    if each == everyone:
        folds = max(1, min(FOLDS, int(clock.left / max(per_look * _looks(bench, each, asked), 1e-9))))
    return paces, each, folds


def _looks(bench: Workbench, learnt: int, asked: int) -> float:
    """How many pictures one fit at a depth learns from, one after the other; being asked counts for a third."""
    return _updates(bench, learnt) * max(bench.batch(learnt), TIMED) + 2 * asked / 3 + learnt / 3


def _updates(bench: Workbench, learnt: int) -> int:
    return max(_UPDATES, -(-_PASSES * learnt // bench.batch(learnt)))


def _fold(bench: Workbench, number: int, each: int) -> _Fold:
    everyone = np.flatnonzero(bench.folds != number)
    return _Fold(np.flatnonzero(bench.folds == number)[:_ASKED], everyone, everyone[:each])


def _teach_heads(bench: Workbench, part: _Fold, number: int) -> None:
    """A head that learns from the few, from which the fits go on, and one that learns from all."""
    for rows in (part.few, part.everyone):
        bench.restore()
        updates = max(_HEAD_UPDATES, -(-_PASSES * len(rows) // bench.batch(len(rows))))
        bench.fit(bench.stages, bench.at_head, rows, updates, number)
        wrong = bench.wrong(bench.stages, bench.at_head, part.asked)
        if rows is part.few:
            part.warm = {name: tensor.detach().clone() for name, tensor in bench.job.model.state_dict().items()}
            part.head = part.whole = wrong
            if len(part.everyone) == len(part.few):
                return
        else:
            part.whole = wrong
