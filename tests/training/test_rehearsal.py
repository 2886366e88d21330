"""What an epoch of a head takes is found in whole epochs of the real loop, not in updates in a row."""

from collections.abc import Callable
from pathlib import Path

import pytest

from studio.model.boundary import cut
from studio.model.graph import Boundary
from studio.recipe import Recipe
from studio.training import features, rehearsal
from studio.training.cost import DepthPace
from studio.training.prepare import Job, noise
from studio.workspace import Workspace
from tests.training.recipes import ready, tiny

STEP, PICTURE, JUDGE = 0.0002, 0.00005, 0.00001


def headed(recipe: Recipe, workspace: Workspace) -> tuple[Job, Boundary]:
    """A network made ready, and where its head begins."""
    job = ready(recipe, workspace)
    depth = len(job.stages)
    halves = cut(job.model, [depth], noise(job.geometry, job.world))
    assert halves is not None
    return job, halves.boundaries[depth]


def pace(job: Job, boundary: Boundary, step: float = STEP, picture: float = PICTURE) -> DepthPace:
    """As if updates in a row had been timed."""
    crossing = 2 * boundary.numbers
    return DepthPace(len(job.stages), 0.0, step, picture, 0.1, 0.01, JUDGE, crossing, 1e6, 1e6, 1e6, 1e6, 1e6, 0)


def rehearsed(job: Job, boundary: Boundary, timed: DepthPace) -> DepthPace:
    """At two moments."""
    moments = [rehearsal.moment(job, boundary, timed) for _ in range(2)]
    return rehearsal.rehearsed(job, timed, moments)


def test_an_epochs_cost_is_told_apart_into_its_updates_its_pictures_and_the_rest(
    pictures: Callable[..., Path], workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, boundary = headed(tiny(pictures(each=8)), workspace)
    per_step, per_judged, besides = 0.0008, 0.00001, 0.002

    def epochs(_job: Job, _boundary: Boundary, _depth: int, steps: int, learnt: int, judged: int) -> list[float]:
        assert learnt == steps * 4, "whole batches"
        return [besides + steps * per_step + judged * per_judged, 9.0, 0.0]

    monkeypatch.setattr(rehearsal, "_epochs", epochs)
    found = rehearsed(job, boundary, pace(job, boundary))
    assert found.step + 4 * found.picture == pytest.approx(per_step)
    assert found.step / found.picture == pytest.approx(STEP / PICTURE), "their shares are those that were timed"
    assert found.judge == pytest.approx(per_judged) and found.epoch == pytest.approx(besides)


def test_a_slow_moment_does_not_make_an_update_free(
    pictures: Callable[..., Path], workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, boundary = headed(tiny(pictures(each=8)), workspace)
    monkeypatch.setattr(rehearsal, "_epochs", lambda *sizes: [0.02 - 0.0001 * sizes[3] - 0.00001 * sizes[5]])
    found = rehearsed(job, boundary, pace(job, boundary))
    assert found.step > STEP / 2 and found.picture > PICTURE / 2 and found.judge > JUDGE / 2


def test_the_real_loop_is_rehearsed_and_only_the_head_learns(
    pictures: Callable[..., Path], workspace: Workspace
) -> None:
    job, boundary = headed(tiny(pictures(each=8)), workspace)
    before = {name: tensor.clone() for name, tensor in job.model.state_dict().items()}
    found = rehearsal.moment(job, boundary, pace(job, boundary))
    assert all(size and min(size) > 0 for size in found), "epochs of every size came to their end, and took their time"
    changed = {name for name, tensor in job.model.state_dict().items() if not tensor.equal(before[name])}
    assert changed and all(name.startswith("fc.") for name in changed)
    assert not job.split.train.whole, "no picture was looked at"


def test_a_long_update_is_not_rehearsed(pictures: Callable[..., Path], workspace: Workspace) -> None:
    job, boundary = headed(tiny(pictures(each=8)), workspace)
    long = pace(job, boundary, step=0.5)
    assert rehearsed(job, boundary, long) == long


def test_weights_that_the_timing_before_left_as_no_numbers_do_not_end_it(
    pictures: Callable[..., Path], workspace: Workspace
) -> None:
    job, boundary = headed(tiny(pictures(each=8)), workspace)
    for tensor in job.model.get_classifier().parameters():  # type: ignore[operator]
        tensor.data.fill_(float("nan"))
    assert all(rehearsal.moment(job, boundary, pace(job, boundary))), "epochs of every size came to their end"


def test_epochs_that_come_to_no_end_leave_what_was_timed_in_a_row(
    pictures: Callable[..., Path], workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, boundary = headed(tiny(pictures(each=8)), workspace)
    monkeypatch.setattr(
        rehearsal, "taken", lambda *asked: tuple(tensor * float("nan") for tensor in features.taken(*asked))
    )
    timed = pace(job, boundary)
    assert rehearsed(job, boundary, timed) == timed
