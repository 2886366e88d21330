"""Which pictures are asked about, what their colours tell, and which of two is right more often."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from studio.advice.colours import histograms
from studio.advice.paired import paired
from studio.advice.sample import copies, in_order
from studio.data.dataset import Sample
from studio.data.intake import read_folder


def test_every_beginning_of_the_order_has_the_classes_by_their_share() -> None:
    classes = {"a": 400, "b": 100, "c": 20}
    samples = [Sample(f"{label}/{n}.jpg", label) for label, many in classes.items() for n in range(many)]
    order = in_order(samples)
    assert sorted(order, key=lambda one: one.path) == sorted(samples, key=lambda one: one.path)
    for many in (52, 130, 260):
        counts = Counter(sample.label for sample in order[:many])
        assert all(abs(counts[name] - many * share / 520) <= 1 for name, share in classes.items())
    assert in_order(samples) == order and in_order(samples, seed=1) != order


def test_copies_are_known_by_their_place_in_the_order(pictures: Callable[..., Path]) -> None:
    root = pictures(each=4)
    (root / "cat" / "again.png").write_bytes((root / "cat" / "cat-000.png").read_bytes())
    dataset = read_folder(root)
    order = in_order(dataset.samples)
    (group,) = copies(dataset, order)
    assert {order[row].path for row in group.tolist()} == {"cat/again.png", "cat/cat-000.png"}


def test_a_histogram_counts_colours_wherever_they_are() -> None:
    chance = np.random.default_rng(0)
    picture = chance.integers(0, 256, (16, 16, 3), np.uint8)
    mixed = chance.permuted(picture.reshape(-1, 3), axis=0).reshape(16, 16, 3)
    shuffled = picture.reshape(-1, 3)[chance.permutation(256)].reshape(16, 16, 3)
    found = histograms(iter([np.stack([picture, shuffled]), mixed[None]]))
    assert found.shape == (3, 64) and np.allclose((found**2).sum(axis=1), 1, atol=1e-5)
    assert (found[0] == found[1]).all() and not np.allclose(found[0], found[2])
    assert histograms(iter([])).shape == (0, 64)


def test_two_that_are_right_equally_often_cannot_be_told_apart_and_two_that_are_not_can() -> None:
    chance = np.random.default_rng(0)
    one = chance.random(300) < 0.9
    behind, low, high = paired(one, np.roll(one, 7))
    assert behind == 0 and low < 0 < high
    worse = one & (chance.random(300) < 0.8)
    behind, low, high = paired(one, worse)
    assert 0 < low < behind < high and behind == pytest.approx(np.mean(one) - np.mean(worse))
    assert paired(one, one)[1] < 0, "A few pictures on which both are right prove nothing."
    assert paired(one, worse, z=2.58)[1] < low


def test_the_interval_of_a_difference_holds_it_as_often_as_it_says() -> None:
    chance, held = np.random.default_rng(3), 0
    for _ in range(400):
        both = chance.random(120)
        one, other = both < 0.9, (both < 0.8) | (both > 0.97)  # truly 0.9 and 0.83
        _, low, high = paired(one, other)
        held += low <= 0.07 <= high
    assert held >= 0.92 * 400
