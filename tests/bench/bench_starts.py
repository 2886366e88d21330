"""One Start, many times: fifty threads in two processes press it at one moment, `THAW_BENCH_STARTS` (200) times."""

import os
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from studio.workspace import Workspace
from tests.bench.peers.turns import machine
from tests.runs.pressing import THREADS, one_start, trainings, two_pressers
from tests.training.recipes import tiny

ROUNDS = int(os.environ.get("THAW_BENCH_STARTS", "200"))


def bench_one_start(workspace: Workspace, pictures: Callable[..., Path]) -> None:
    recipe, began = tiny(pictures(), schedule__epochs=1), time.monotonic()
    told: Counter[int] = Counter()
    made: Counter[tuple[int, int]] = Counter()
    with two_pressers() as pressers:
        for _ in range(ROUNDS):
            yes, run = one_start(pressers, workspace, recipe)
            told[yes] += 1
            made[trainings(run)] += 1
    print(
        f"\n{machine()}\n{ROUNDS} rounds of {2 * THREADS} presses in 2 processes, {time.monotonic() - began:.0f} s: "
        f"told that they began {dict(told)} (asked: 1 in every round), trainings begun {dict(made)} (asked: (1, 1))"
    )
    assert set(told) == {1} and set(made) == {(1, 1)}
