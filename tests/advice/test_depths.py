"""The depth audition: expectations with honest bands, from short fits that leave the network as it was."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from studio.advice import depths
from studio.advice.depths import DepthExpectation, Fitted, by_worth, expectation
from studio.data.intake import open_data
from studio.errors import DataError
from studio.workspace import Workspace
from tests.training.recipes import tiny
from tests.working import done


def wrong(share: float, count: int = 200, seed: int = 0) -> np.ndarray:
    """Told wrong, bool (count,): the first `share` of them in an order of chance."""
    return np.random.default_rng(seed).permutation(count) < round(share * count)


def test_a_head_that_learns_from_more_tells_how_much_more_pictures_help() -> None:
    fitted = Fitted({3: wrong(0.1, seed=1), 0: wrong(0.04, seed=2)}, head=wrong(0.2), whole=wrong(0.1), learnt=300)
    found = expectation(fitted, stages=5)
    assert found.by_depth[5].accuracy == pytest.approx(0.9)
    assert found.by_depth[3].accuracy == pytest.approx(0.95, abs=0.002)  # errors half as many, as those of the head
    assert found.by_depth[0].accuracy == pytest.approx(0.98, abs=0.002)
    assert all(row.low < row.accuracy < row.high for row in found.by_depth.values())


def test_more_pictures_are_never_taken_to_harm() -> None:
    fitted = Fitted({1: wrong(0.1, seed=1)}, head=wrong(0.1), whole=wrong(0.2, seed=4))
    assert expectation(fitted, stages=2).by_depth[1].accuracy == pytest.approx(0.9)


def test_no_error_among_few_pictures_does_not_mean_none_among_all() -> None:
    none = np.zeros(40, bool)
    found = expectation(Fitted({0: none}, none, none), stages=1)
    assert found.by_depth[1].accuracy == 1 and 0.9 < found.by_depth[1].low < 0.97 and found.by_depth[1].high == 1
    many = expectation(Fitted({0: np.zeros(4000, bool)}, *[np.zeros(4000, bool)] * 2), stages=1)
    assert many.by_depth[1].low > 0.998


def test_where_nobody_can_tell_them_apart_most_stays_frozen() -> None:
    head = wrong(0.1)
    alike = expectation(Fitted({2: wrong(0.09, seed=1), 0: wrong(0.08, seed=2)}, head, head), stages=4)
    assert alike.suggested == 4 and "brings nothing that could be measured" in alike.sentence
    better = expectation(Fitted({2: head & wrong(0.2, seed=5), 0: head & wrong(0.2, seed=5)}, head, head), stages=4)
    assert better.suggested == 2 and better.by_depth[2].gain_low > 0 and "With 2 of 4 stages frozen" in better.sentence


def test_depths_between_two_that_were_tried_lie_between_them_and_others_are_not_told() -> None:
    found = expectation(Fitted({6: wrong(0.1), 2: wrong(0.02)}, wrong(0.2), wrong(0.2)), stages=8)
    between = found.at(4)
    assert between is not None and not between.measured
    assert found.by_depth[6].accuracy < between.accuracy < found.by_depth[2].accuracy
    assert found.at(1) is None and found.at(0) is None and found.at(99) == found.by_depth[8]


def test_what_is_kept_is_read_again() -> None:
    found = expectation(Fitted({0: wrong(0.1)}, wrong(0.2), wrong(0.2), 80, {0: 0.01}), stages=1, seconds=3.0)
    assert DepthExpectation.from_dict(found.as_dict()) == found


@pytest.mark.parametrize("stages", [1, 2, 5, 9, 40])
def test_the_cheapest_and_the_extremes_come_first(stages: int) -> None:
    order = by_worth(stages)
    assert order[0] == stages - 1 and set(order[:4]) >= {0} and sorted(order) == list(range(stages))


def test_short_fits_tell_what_every_depth_reaches(pictures: Callable[..., Path], workspace: Workspace) -> None:
    recipe = tiny(pictures(("cat", "dog", "owl"), each=16), seed=3)
    dataset = open_data(recipe.data.source, workspace)
    assert depths.kept(recipe, dataset, workspace) is None
    told, found = done(depths.measure(recipe, workspace, 8))
    tried = {depth for depth, row in found.by_depth.items() if row.measured}
    assert tried == set(found.paces) | {found.stages} and found.stages - 1 in tried
    assert found.by_depth.keys() == set(range(min(tried), found.stages + 1)) and found.learnt >= 24 <= 4 * found.asked
    assert found.by_depth[found.stages].accuracy > 0.6, "Stripes and colours are easy to tell."
    assert all(0 <= row.low <= row.accuracy <= row.high <= 1 for row in found.by_depth.values())
    assert (
        min(found.paces.values()) > 0 and told[0].total == 80 and any("Learning behind" in each.what for each in told)
    )
    assert depths.kept(recipe, dataset, workspace) == DepthExpectation.from_dict(found.as_dict())
    assert depths.kept(recipe.amended({"optimizer.lr": 1e-4}), dataset, workspace) is not None
    assert depths.kept(recipe.amended({"model.image_size": 48}), dataset, workspace) is None


def test_too_few_pictures_are_said_to_be_too_few(pictures: Callable[..., Path], workspace: Workspace) -> None:
    with pytest.raises(DataError, match="too few pictures to try freezing depths"):
        done(depths.measure(tiny(pictures(each=4)), workspace, 20))
