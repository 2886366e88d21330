"""The learning rate: too low to change anything, too high to end well; and weights that do not follow it."""

import math

import numpy as np

from studio.results.doctor.diagnosis import Diagnosis, rates_times
from studio.results.doctor.story import Story

_DEAD = 1e-3  # of the highest rate so far; the studio's own curve falls below that in its last fiftieth only
_LAST = 0.05  # of the planned epochs, in which any rate may end
_STILL = 1e-7  # a change of the weights that single precision cannot tell from none
_USUAL = {"adamw": 3e-3, "adam": 3e-3, "sgd": 1e-2}
_BY_PLAN = ("step", "plateau")  # curves that may go down so far because they were asked to


def learning_rate_dead(story: Story) -> Diagnosis | None:
    """The rate fell to nothing with much of the run to come, or was too low from the start."""
    return _fell(story) or _too_low(story)


def _fell(story: Story) -> Diagnosis | None:
    if story.recipe.schedule.curve in _BY_PLAN:
        return None
    since = sum(row.epoch <= story.rate_steered_in for row in story.rows) if story.rate_steered_in else 0
    rates = story.column("lr")[since:]
    highest = np.maximum.accumulate(np.fmax(rates, story.column("lr_high")[since:]))
    low = rates < _DEAD * highest
    if not low.any():
        return None
    epochs, planned = story.column("epoch")[since:], story.planned[since:]
    left = planned - epochs
    dead = low & (left >= np.maximum(1, _LAST * planned))
    if not dead.any():
        return None
    row = int(np.argmax(dead))
    return Diagnosis(
        "learning-rate-dead",
        "fault",
        f"The learning rate fell to almost nothing in epoch {epochs[row]:.0f}, so the model no longer learns.",
        f"The rate fell from {highest[row]:.2g} to {rates[row]:.1g} with {left[row]:.0f} of {planned[row]:.0f} epochs "
        "to come.",
        "Lower the rate once an epoch, not once a batch and never while measuring. The studio's own schedule lowers "
        "it evenly and reaches zero with the last update.",
    )


def _too_low(story: Story) -> Diagnosis | None:
    losses, moves = story.column("train_loss"), story.column("moved")
    guess = story.loss_of_a_guess
    if len(losses) < 3 or story.rate_steered_in or guess is None or np.isnan(moves).any():
        return None
    climbing = story.rows[-1].epoch <= story.recipe.schedule.warmup * story.planned[-1]
    learnt = losses[-1] < 0.1 * guess
    stands = abs(losses[-1] - losses[0]) < 0.01 * losses[0]
    if climbing or learnt or not stands or moves.sum() >= 0.01 or not moves.sum() >= _STILL:
        return None
    rate, rule = story.recipe.optimizer.lr, story.recipe.optimizer.name
    usual = _USUAL.get(rule, 0.0)
    fix = {"optimizer.lr": usual} if rate < usual else rates_times(story.recipe, 10)
    return Diagnosis(
        "learning-rate-dead",
        "fault",
        "The learning rate is so low that the model hardly changes.",
        f"In {len(losses)} epochs at a rate of {rate:.2g} the weights moved by {100 * moves.sum():.2g} % of their size "
        f"and the training loss went from {losses[0]:.3f} to {losses[-1]:.3f}.",
        "Start again with a higher learning rate.",
        fix,
        f"Use a rate of {fix['optimizer.lr']:g}",
    )


def learning_rate_too_high(story: Story) -> Diagnosis | None:
    """The loss is no number any more, or worse than that of guessing and staying so."""
    evidence = _no_number(story) or _exploded(story)
    if not evidence:
        return None
    fix = rates_times(story.recipe, 0.1)
    return Diagnosis(
        "learning-rate-too-high",
        "fault",
        "The learning rate is too high: each change overshoots, and the model gets worse instead of better.",
        evidence,
        "Start again with a lower learning rate, a tenth of this one for example.",
        fix,
        f"Use a rate of {fix['optimizer.lr']:g}",
    )


def _no_number(story: Story) -> str:
    if story.failed and "stopped being a number" in story.failed.sentence:
        return f"{story.failed.sentence} The rate was {story.recipe.optimizer.lr:g}."
    last = story.rows[-1] if story.rows else None
    if last and not any(loss is not None and math.isfinite(loss) for loss in (last.train_loss, last.val_loss)):
        return f"The loss stopped being a number in epoch {last.epoch}. The rate was {last.lr:.2g}."
    return ""


def _exploded(story: Story) -> str:
    losses, guess = story.column("train_loss"), story.loss_of_a_guess
    if guess is None or len(losses) < 2:
        return ""
    if losses[-1] > 3 * guess or (len(losses) >= 3 and (losses[-3:] > 1.5 * guess).all()):
        return f"After {len(losses)} epochs the training loss is {losses[-1]:.3g}; guessing alone gives {guess:.2f}."
    return ""


def weights_do_not_move(story: Story) -> Diagnosis | None:
    """Two epochs at a sound rate left the weights where they were."""
    last = story.signs[-2:]
    moved = [sign.moved for sign in last if sign.moved is not None and sign.lr_high > 1e-6]
    loss = story.rows[-1].train_loss if story.rows else None
    if len(moved) < 2 or max(moved) > _STILL or loss is None or loss < 0.01:
        return None
    return Diagnosis(
        "weights-do-not-move",
        "fault",
        "The weights do not change, so the model cannot learn.",
        f"In the last two epochs they moved by {100 * max(moved):.1g} % of their size, at rates up to "
        f"{last[-1].lr_high:.2g}; the training loss is {loss:.3f}.",
        "No recipe mends this. See that the optimizer has the weights that learn, and that every batch computes their "
        "gradients before it steps.",
    )
