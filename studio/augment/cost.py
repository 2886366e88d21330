"""The cost meter: how many pictures a second a pipeline makes on this machine, and which step takes how much of it."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from studio.augment.catalogue import transform
from studio.augment.pipeline import Pipeline
from studio.text import percent

_MUCH = 0.25  # of an epoch's time, from which on a person should hear of it


@dataclass(frozen=True)
class Cost:
    """`pace` is pictures a second over all `threads`, `shares` each step's title and its part of the time (0 to 1)."""

    pace: float
    threads: int
    shares: tuple[tuple[str, float], ...]

    def share_of_epoch(self, model_pace: float, *, meanwhile: bool = False) -> float:
        """The part of an epoch that is spent on varying pictures (0 to 1), for a model of so many pictures a second.

        `meanwhile`: they are made while the model computes, as for a GPU; else the two take turns on the processor.
        """
        if meanwhile:
            return max(0.0, 1 - self.pace / model_pace)
        return model_pace / (self.pace + model_pace)

    def holds_back(self, model_pace: float, *, meanwhile: bool = False) -> bool:
        """Whether the pipeline takes a quarter of an epoch's time or more."""
        return self.share_of_epoch(model_pace, meanwhile=meanwhile) >= _MUCH

    def sentence(self, model_pace: float | None = None, *, meanwhile: bool = False) -> str:
        """Whether it, or the model, holds training back."""
        told = f"The pipeline makes {_number(self.pace)} pictures a second here."
        if not model_pace:
            return told
        share = self.share_of_epoch(model_pace, meanwhile=meanwhile)
        told += f" The model takes {_number(model_pace)} a second"
        if not self.holds_back(model_pace, meanwhile=meanwhile):
            return f"{told}, so the model sets the pace: varying takes {percent(share, 0)} of the time."
        title, most = max(self.shares, key=lambda pair: pair[1])
        return (
            f"{told}, so the pipeline holds training back: varying takes {percent(share, 0)} of the time, and "
            f"{percent(most, 0)} of that is “{title}”."
        )


def measure(pipeline: Pipeline, bases: Sequence[np.ndarray], threads: int, seconds: float = 0.6) -> Cost:
    """Time a pipeline on base pictures, uint8 (b, b, 3), at least one, for about so many seconds.

    `threads` are as many as training has. Time it while nothing else computes.
    """
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda number: pipeline.apply(bases[0], 0, 0, number), range(threads)))
        done, began = 0, time.perf_counter()
        while (took := time.perf_counter() - began) < seconds / 2:
            some = range(done, done + 8 * threads)
            list(pool.map(lambda number: pipeline.apply(bases[number % len(bases)], 0, 1, number), some))
            done += len(some)
    return Cost(done / took, threads, _shares(pipeline, bases, seconds / 2))


def _shares(pipeline: Pipeline, bases: Sequence[np.ndarray], seconds: float) -> tuple[tuple[str, float], ...]:
    pipeline.trace(bases[0], 0, 0, 0)
    spent, number, began = np.zeros(len(pipeline.steps)), 0, time.perf_counter()
    while number == 0 or time.perf_counter() - began < seconds:
        moments = pipeline.trace(bases[number % len(bases)], 0, 1, number)
        spent += [moment.seconds for moment in moments]
        number += 1
    titles = [transform(step.transform).title for step in pipeline.steps]
    return tuple(zip(titles, (spent / spent.sum()).tolist(), strict=True))


def _number(pace: float) -> str:
    return f"{pace:,.0f}" if pace >= 10 else f"{pace:.1f}"
