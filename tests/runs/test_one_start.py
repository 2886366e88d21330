"""One Start: fifty threads in two processes press it on one run at the same moment, and one training begins."""

from collections.abc import Callable
from pathlib import Path

import pytest

from studio.workspace import Workspace
from tests.runs.pressing import one_start, trainings, two_pressers
from tests.training.recipes import tiny

ROUNDS = 5


@pytest.mark.slow
def test_fifty_presses_in_two_processes_begin_one_training(workspace: Workspace, pictures: Callable[..., Path]) -> None:
    recipe = tiny(pictures(), schedule__epochs=1)
    with two_pressers() as pressers:
        for _ in range(ROUNDS):
            began, run = one_start(pressers, workspace, recipe)
            assert began == 1 and trainings(run) == (1, 1) and run.progress().status == "finished"


@pytest.mark.slow
def test_nor_do_they_begin_two_in_processes_of_their_own(workspace: Workspace, pictures: Callable[..., Path]) -> None:
    recipe = tiny(pictures(), schedule__epochs=1, engine__isolated=True)
    with two_pressers() as pressers:
        _, run = one_start(pressers, workspace, recipe, threads=4)
    assert trainings(run) == (1, 1) and run.progress().status == "finished"
