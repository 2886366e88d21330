"""What the doctor says, and how a recipe's rate is changed by it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from studio.recipe import Recipe

Severity = Literal["fault", "advice", "note"]
SEVERITIES: tuple[Severity, ...] = ("fault", "advice", "note")
_HIGHEST = 10.0  # the highest rate that a recipe takes


@dataclass(frozen=True)
class Diagnosis:
    """One thing that is wrong with a run, or worth knowing of it. `name` is a fixed word, such as "one-class".

    `sentence` is for a person who never trained a model, `evidence` has the numbers it rests on. `fix` is what
    `Recipe.amended` takes, empty where no recipe mends it; `button` is what to write on the button that applies it.
    """

    name: str
    severity: Severity
    sentence: str
    evidence: str
    remedy: str
    fix: Mapping[str, Any] = field(default_factory=dict)
    button: str = ""


def rates_times(recipe: Recipe, factor: float) -> dict[str, Any]:
    """Changes that multiply the recipe's rate by `factor`, and every rate that its steering sets."""
    changes: dict[str, Any] = {"optimizer.lr": _times(recipe.optimizer.lr, factor)}
    if any(change.lr for change in recipe.steering):
        changes["steering"] = tuple(
            change.model_copy(update={"lr": _times(change.lr, factor)}) if change.lr else change
            for change in recipe.steering
        )
    return changes


def _times(rate: float, factor: float) -> float:
    return min(_HIGHEST, float(f"{rate * factor:.2g}"))


def pictures(count: int) -> str:
    """`1 held-back picture`, `775 held-back pictures`."""
    return f"{count:,} held-back picture{'' if count == 1 else 's'}"
