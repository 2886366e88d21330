"""The linear probe judges each picture by others, is as sure as it is right, and keeps copies together."""

import time

import numpy as np
import pytest

from studio.training.probe import FOLDS, in_folds, judge, probe, wilson
from tests.checks.made import clouds


def test_what_can_be_told_is_told_and_what_cannot_is_not() -> None:
    features, labels = clouds((200, 200, 200), apart=6)
    found = probe(features, labels, 3)
    assert found.accuracy > 0.97 and found.low < found.accuracy <= found.high and found.skill > 0.95
    features, labels = clouds((200, 200), apart=0)
    found = probe(features, labels, 2)
    assert found.low < 0.5 < found.high and abs(found.skill) < 0.15


@pytest.mark.parametrize("apart", [0.5, 2, 4])
def test_it_is_as_sure_as_it_is_right(apart: float) -> None:
    features, labels = clouds((400, 300, 200), apart=apart)
    found = probe(features, labels, 3)
    assert abs(found.probabilities.max(axis=1).mean() - found.accuracy) < 0.04
    assert np.allclose(found.probabilities.sum(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("apart", [1, 3, 6])
def test_a_judge_tells_new_rows_as_well_as_the_probe_says(apart: float) -> None:
    features, labels = clouds((500, 400, 300), apart=apart)
    known, new = slice(0, 600), slice(600, 1200)
    said = judge(features[known], labels[known], 3)(features[new])
    right = float((said.argmax(axis=1) == labels[new]).mean())
    found = probe(features[known], labels[known], 3)
    assert abs(right - found.accuracy) < 0.06 and abs(said.max(axis=1).mean() - right) < 0.06
    assert said.shape == (600, 3) and np.allclose(said.sum(axis=1), 1, atol=1e-5)


def test_a_judge_may_be_asked_about_one_row_or_none_and_never_names_a_class_without_pictures() -> None:
    features, labels = clouds((30, 20, 2), apart=4)
    tell = judge(features, labels, 5)
    assert np.allclose(tell(features[:1]), tell(features)[:1], atol=1e-6)
    assert tell(features[:0]).shape == (0, 5) and (tell(features)[:, 3:] < 1e-6).all()


def test_the_same_features_give_the_same_probe() -> None:
    features, labels = clouds((60, 40), apart=2)
    assert (probe(features, labels, 2).probabilities == probe(features, labels, 2).probabilities).all()


def test_copies_stay_in_one_fold_and_classes_are_spread_evenly() -> None:
    _, labels = clouds((100, 50, 7), apart=1)
    groups = [np.array([1, 5, 9]), np.array([20, 3])]
    folds = in_folds(labels, groups)
    assert all(len(set(folds[group])) == 1 for group in groups)
    for label, count in ((0, 100), (1, 50), (2, 7)):
        each = np.bincount(folds[labels == label], minlength=FOLDS)
        assert each.sum() == count and each.max() - each.min() <= 4


def test_a_picture_that_is_there_twice_does_not_vouch_for_itself() -> None:
    chance = np.random.default_rng(0)
    features = np.repeat(chance.standard_normal((150, 48)), 2, axis=0).astype(np.float32)
    labels = np.repeat(chance.integers(0, 2, 150), 2)
    pairs = list(np.arange(300).reshape(150, 2))
    assert probe(features, labels, 2).accuracy > 0.6
    assert probe(features, labels, 2, pairs).accuracy < 0.6


def test_tiny_and_empty_classes_are_no_error() -> None:
    features, labels = clouds((30, 20, 2, 1), apart=5)
    found = probe(features, labels, 6)
    assert np.isfinite(found.probabilities).all() and found.probabilities.shape == (53, 6)
    assert (found.probabilities[:, 4:] < 1e-6).all() and found.accuracy > 0.85
    assert found.own[labels == 3] < 1e-6


def test_features_that_are_all_the_same_are_no_error() -> None:
    found = probe(np.ones((50, 48), np.float32), np.arange(50) % 2, 2)
    assert np.isfinite(found.probabilities).all() and found.high < 0.75


def test_many_pictures_are_quick() -> None:
    features, labels = clouds((1500,) * 8, apart=4)
    began = time.process_time()
    assert probe(features, labels, 8).accuracy > 0.9
    assert time.process_time() - began < 20


def test_wilson_is_the_interval_of_the_books() -> None:
    assert wilson(5, 10) == pytest.approx((0.2366, 0.7634), abs=1e-4)
    assert wilson(0, 10) == pytest.approx((0.0, 0.2775), abs=1e-4)
    assert wilson(0, 0) == (0.0, 1.0)
