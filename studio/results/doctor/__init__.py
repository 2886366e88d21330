"""The run doctor: plain sentences about a run while it goes on and after it, each with its evidence and a remedy."""

from collections.abc import Sequence

from studio.recipe import Recipe
from studio.results.doctor.diagnosis import SEVERITIES, Diagnosis, Severity
from studio.results.doctor.loop import frozen_statistics_drift, loader_holds_back, wrong_input_statistics
from studio.results.doctor.noise import best_of_many, cannot_be_told_apart, plateau
from studio.results.doctor.outcome import one_class, overfitting
from studio.results.doctor.rate import learning_rate_dead, learning_rate_too_high, weights_do_not_move
from studio.results.doctor.story import Story
from studio.training.events import Event

__all__ = ["Diagnosis", "Severity", "diagnose"]

_CAUSES = (
    learning_rate_too_high,
    learning_rate_dead,
    weights_do_not_move,
    wrong_input_statistics,
    frozen_statistics_drift,
)


def diagnose(events: Sequence[Event], recipe: Recipe) -> list[Diagnosis]:
    """What is wrong with a run, or worth knowing of it, the gravest first. Nothing, of a healthy one."""
    story = Story.of(events, recipe)
    found = [check(story) for check in _CAUSES]
    if not any(found):
        found.append(one_class(story))  # a symptom: said where its cause is not known
    found += [overfitting(story), loader_holds_back(story)]
    flat = plateau(story)
    found += [cannot_be_told_apart(story, flat), best_of_many(story, flat)]
    return sorted((each for each in found if each), key=lambda each: SEVERITIES.index(each.severity))
