"""MixUp and CutMix: as published, the same for the same seed, epoch and step, and honest about their labels."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from studio.augment.mix import mixed, mixture, preview, soft, words
from studio.errors import RecipeError
from studio.recipe import AugmentChoice
from studio.training.events import Noted, Validated
from studio.training.train import train
from studio.training.wishes import Wishes
from studio.workspace import Workspace
from tests.training.recipes import tiny

SIZE = 32
BATCH = np.random.default_rng(0).integers(0, 256, (8, SIZE, SIZE, 3), dtype=np.uint8)
KINDS = [AugmentChoice(mix="mixup", mix_alpha=1.0), AugmentChoice(mix="cutmix")]
BY_KIND = pytest.mark.parametrize("choice", KINDS, ids=["mixup", "cutmix"])


@BY_KIND
def test_every_pixel_is_the_share_of_both_pictures_that_the_label_says(choice: AugmentChoice) -> None:
    for step in range(20):
        how = mixture(choice, 8, SIZE, 0, 1, step)
        assert how is not None and 0 <= how.share <= 1 and sorted(how.partners) == list(range(8))
        out = mixed(BATCH, how).astype(float)
        if how.box is None:
            wanted = how.share * BATCH + (1 - how.share) * BATCH[how.partners].astype(float)
            assert np.abs(out - wanted).max() <= 0.51
        else:
            inside = np.zeros((SIZE, SIZE), bool)
            inside[how.box[0] : how.box[2], how.box[1] : how.box[3]] = True
            assert np.array_equal(out[:, inside], BATCH[how.partners][:, inside])
            assert np.array_equal(out[:, ~inside], BATCH[:, ~inside])
            assert inside.mean() == pytest.approx(1 - how.share)


@BY_KIND
def test_labels_are_shares_that_add_up_to_one(choice: AugmentChoice) -> None:
    how = mixture(choice, 8, SIZE, 3, 2, 1)
    assert how is not None
    labels = np.arange(8) % 3
    shares = soft(labels, how, 3)
    assert np.allclose(shares.sum(axis=1), 1) and shares.dtype == np.float32
    for row, (own, other) in enumerate(zip(labels, labels[how.partners], strict=True)):
        assert shares[row, own] == pytest.approx(1 if own == other else how.share, abs=1e-6)


def test_shares_are_drawn_as_published() -> None:
    """Beta(alpha, alpha): about half on average, and mostly near 0 and 1 for a small alpha."""
    shares = [
        found.share for step in range(2000) if (found := mixture(AugmentChoice(mix="mixup"), 2, SIZE, 0, 1, step))
    ]
    assert np.mean(shares) == pytest.approx(0.5, abs=0.03)
    assert np.std(shares) == pytest.approx(np.sqrt(1 / (4 * (2 * 0.2 + 1))), abs=0.02)


def test_labels_in_words() -> None:
    how = mixture(AugmentChoice(mix="mixup"), 2, SIZE, 0, 1, 0)
    assert how is not None
    fixed = type(how)(np.array([1, 0]), 0.3)
    assert words(["cat", "dog"], fixed) == ["70 % dog, 30 % cat", "70 % cat, 30 % dog"]
    assert words(["cat", "cat"], fixed) == ["cat", "cat"]
    assert [said for _, said in preview(BATCH[:2], ["cat", "dog"], AugmentChoice(), 0, 1, 0)] == ["cat", "dog"]


def outcome(events: list) -> list[tuple]:
    return [(e.train_loss, e.train_accuracy, e.val_loss, e.val_accuracy) for e in events if isinstance(e, Validated)]


@pytest.mark.parametrize("mix", ["mixup", "cutmix"])
@pytest.mark.parametrize("freeze", [{}, {"freeze__strategy": "full", "freeze__depth": 0}], ids=["head", "full"])
def test_a_run_that_mixes_repeats_exactly_and_learns_otherwise(
    pictures: Callable[..., Path], mix: str, freeze: dict
) -> None:
    source = pictures(each=10)
    recipe = tiny(source, augment__mix=mix, augment__preset="gentle", **freeze)
    first, again = (list(train(recipe)) for _ in range(2))
    assert outcome(first) == outcome(again)
    plain = list(train(recipe.amended({"augment.mix": "none"})))
    assert outcome(first) != outcome(plain)


def test_nothing_is_kept_of_training_pictures_that_are_mixed(pictures: Callable[..., Path]) -> None:
    """Unvaried pictures are looked at once for all epochs; mixed ones anew in each."""
    source = pictures(each=10)
    runs = [list(train(tiny(source, augment__mix=mix, schedule__epochs=3))) for mix in ("none", "mixup", "cutmix")]
    said = [" ".join(event.sentence for event in events if isinstance(event, Noted)) for events in runs]
    assert ["Reusing 16 pictures" in each for each in said] == [True, False, False], said


@pytest.mark.parametrize("mix", ["mixup", "cutmix"])
def test_a_run_that_was_stopped_goes_on_with_the_very_numbers(
    pictures: Callable[..., Path], tmp_path: Path, mix: str
) -> None:
    workspace, source = Workspace.at(tmp_path / "w"), pictures(each=12)
    recipe = tiny(source, augment__mix=mix, augment__preset="standard", freeze__strategy="full", freeze__depth=0)
    for name in ("whole", "cut"):
        (tmp_path / name).mkdir()
    whole = list(train(recipe, tmp_path / "whole", workspace))
    steps = 0

    def asked() -> Wishes:
        nonlocal steps
        steps += 1
        return Wishes(stop=steps > 8)

    list(train(recipe, tmp_path / "cut", workspace, asked))
    rest = list(train(recipe, tmp_path / "cut", workspace, again=True))
    assert outcome(rest)[-1] == outcome(whole)[-1]


def test_one_picture_at_a_time_cannot_be_mixed(pictures: Callable[..., Path]) -> None:
    with pytest.raises(RecipeError, match="larger batches"):
        list(train(tiny(pictures(), augment__mix="mixup", schedule__batch_size=1)))


def test_mixing_is_undone_by_no_thread() -> None:
    before = BATCH.copy()
    for choice in KINDS:
        how = mixture(choice, 8, SIZE, 0, 1, 0)
        assert how is not None
        mixed(BATCH, how)
    assert np.array_equal(BATCH, before)
