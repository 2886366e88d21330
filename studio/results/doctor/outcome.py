"""What became of it: learning by heart, and one answer for everything."""

import math

import numpy as np

from studio.results.doctor.diagnosis import Diagnosis, pictures, rates_times
from studio.results.doctor.story import Story

_SEVERAL = 4  # epochs in a row
_SPREAD_OF_A_MISTAKE = 6.0  # the mean square of the loss of a picture that is told wrongly, about 2.5 times itself
_STRONGER = {"none": "gentle", "gentle": "standard", "standard": "strong"}


def overfitting(story: Story) -> Diagnosis | None:
    """Validation loss rises by more than noise for several epochs, while training loss falls and accuracy stays."""
    val, train, accuracy = (story.column(name) for name in ("val_loss", "train_loss", "val_accuracy"))
    if len(val) <= _SEVERAL or not story.val_images or np.isnan(val).any() or np.isnan(train).any():
        return None
    lowest = int(np.argmin(val))
    if len(val) - 1 - lowest < _SEVERAL:
        return None
    wrong = 1 - accuracy[lowest]
    noise = math.sqrt((val[lowest] ** 2 + _SPREAD_OF_A_MISTAKE * wrong) / story.val_images)
    last = val[-_SEVERAL:]
    rises = last.min() > val[lowest] + 2 * noise and last.mean() > 1.1 * val[lowest]
    falls = train[-_SEVERAL:].mean() < 0.95 * train[lowest]
    chance = math.sqrt(max(wrong * (1 - wrong), 1 / story.val_images) / story.val_images)
    better = accuracy[-_SEVERAL:].mean() > accuracy[lowest] + chance
    if not rises or not falls or better:
        return None
    since = story.rows[lowest].epoch
    fix, button = _against_learning_by_heart(story, since)
    return Diagnosis(
        "overfitting",
        "advice",
        f"From epoch {since + 1} on the model learns its training pictures by heart and gets worse on new ones.",
        f"Since epoch {since} the training loss fell from {train[lowest]:.3f} to {train[-1]:.3f}, but the validation "
        f"loss rose from {val[lowest]:.3f} to {val[-1]:.3f}; chance alone makes about ± {noise:.3f}.",
        "Vary the pictures more, train for fewer epochs, or collect more pictures. The best epoch's weights are kept "
        "in any case.",
        fix,
        button,
    )


def _against_learning_by_heart(story: Story, epoch: int) -> tuple[dict[str, object], str]:
    recipe = story.recipe
    if stronger := _STRONGER.get(recipe.augment.preset):
        return {"augment.preset": stronger}, f"Vary the pictures more ({stronger})"
    enough = max(epoch, recipe.freeze.least_epochs)
    if enough < recipe.schedule.epochs:
        return {"schedule.epochs": enough}, f"Train {enough} epochs"
    return {}, ""


def one_class(story: Story) -> Diagnosis | None:
    """For three epochs the model gave every picture the same class, though most are of others or many are."""
    last = story.signs[-3:]
    shares = [sign.commonest for sign in last if sign.commonest is not None]
    largest = last[-1].largest_class if last else None
    if len(shares) < 3 or min(shares) < 0.99 or largest is None or largest > 0.9 or story.val_images < 10:
        return None
    fix, button = _against_one_answer(story)
    return Diagnosis(
        "one-class",
        "fault",
        "The model gives the same answer for every picture: it has not learnt to tell the classes apart.",
        f"In the last three epochs {100 * min(shares):.0f} % of {pictures(story.val_images)} were given one "
        f"class; the largest class has {100 * largest:.0f} % of them.",
        "Start from pretrained weights, or change the learning rate: lower where the training loss does not fall, "
        "higher where it falls slowly.",
        fix,
        button,
    )


def _against_one_answer(story: Story) -> tuple[dict[str, object], str]:
    if not story.recipe.model.pretrained:
        return {"model.pretrained": True}, "Start from pretrained weights"
    loss, guess = story.rows[-1].train_loss, story.loss_of_a_guess
    factor = 0.1 if loss is not None and guess is not None and loss > guess else 3
    fix = rates_times(story.recipe, factor)
    return fix, f"Use a rate of {fix['optimizer.lr']:g}"
