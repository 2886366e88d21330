"""Nothing is lost when the process that trains is killed."""

from collections.abc import Callable
from pathlib import Path

from studio.runs.store import Store
from studio.workspace import Workspace
from tests.runs.killing import kill_at_random
from tests.runs.nursery import nursery
from tests.training.recipes import tiny

KILLS = 20  # bench_faults.py does a thousand


def test_a_run_killed_at_random_moments_goes_on_to_the_very_same_end(
    workspace: Workspace, pictures: Callable[..., Path]
) -> None:
    recipe = tiny(
        pictures(each=8), schedule__epochs=12, freeze__strategy="two-phase", freeze__depth=1, freeze__head_epochs=6
    )
    with nursery() as children:
        toll = kill_at_random(children, Store(workspace), recipe, KILLS)
    assert toll.kills == KILLS and toll.finished
    assert not toll.faults and not toll.unreadable_checkpoints, toll
