"""The rules of advice: from what was measured to a recipe, piece by piece, each with its reason and its number."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from studio.advice.depths import Expected
from studio.advice.facts import Facts
from studio.augment.pipeline import effective
from studio.augment.presets import PRESETS, preset
from studio.augment.traps import traps
from studio.recipe import AugmentChoice, OptimizerChoice, Recipe
from studio.text import percent

Topic = Literal["backbone", "freeze", "augment", "epochs", "balance"]
TITLES: dict[Topic, str] = {
    "backbone": "Backbone",
    "freeze": "What learns",
    "augment": "Variation of the pictures",
    "epochs": "Epochs",
    "balance": "Balance of the classes",
}
_RATE = f"at the usual learning rate of {OptimizerChoice().lr:g}"
_HEAD_UPDATES, _WARM_UPDATES, _THAW_UPDATES = 300, 150, 300  # of a head alone; of one before a thaw; after it
_LEAST_THAWED = 4  # epochs after a thaw
_SOLVED = 0.97  # accuracy of the head alone from which on a gain must be measured to be believed
_LONG = 1200.0  # seconds that a run should not exceed on this machine
_FEW, _MANY = 30, 100  # pictures of a usual class
_UNEVEN, _VERY_UNEVEN = 3.0, 10.0  # times as many pictures in the largest class as in the smallest


@dataclass(frozen=True)
class Counsel:
    """One piece of advice: `changes` to a recipe by dotted names, the `choice` in words, why, and the number behind."""

    topic: Topic
    choice: str
    changes: Mapping[str, Any]
    reason: str
    number: str

    @property
    def title(self) -> str:
        return TITLES[self.topic]

    def held_by(self, recipe: Recipe) -> bool:
        """Whether a recipe does so already."""
        return applied(recipe, self) == recipe


def applied(recipe: Recipe, *counsels: Counsel) -> Recipe:
    """A recipe that follows these pieces, in whatever order they are taken.

    Where a run would end before it thaws, it gets more epochs if these say how long the head learns alone; else its
    head learns alone for less.
    """
    changes = {name: value for each in counsels for name, value in each.changes.items()}
    found = recipe.amended(changes)
    epochs, freeze = found.schedule.epochs, found.freeze
    if freeze.strategy in ("two-phase", "gradual") and freeze.head_epochs >= epochs:
        if "freeze.head_epochs" in changes:
            return found.amended({"schedule.epochs": freeze.head_epochs + _LEAST_THAWED})
        epochs = max(epochs, 2)
        found = found.amended({"schedule.epochs": epochs, "freeze.head_epochs": max(1, epochs // 3)})
    return found


def counsel(facts: Facts, recipe: Recipe) -> tuple[Counsel, ...]:
    """All pieces for a recipe whose data the facts are about."""
    stages = facts.depths.stages
    depth, freeze = _freeze(facts, recipe, stages)
    return (
        _backbone(facts),
        freeze,
        _augment(facts, depth == stages),
        _epochs(facts, recipe, depth, stages),
        _balance(facts),
    )


def _backbone(facts: Facts) -> Counsel:
    heard, chosen = facts.audition, facts.audition.chosen
    assert chosen is not None
    number = f"{percent(chosen.accuracy)} ({percent(chosen.low)} to {percent(chosen.high)})"
    return Counsel("backbone", chosen.name, chosen.model, heard.sentence, number)


def _freeze(facts: Facts, recipe: Recipe, stages: int) -> tuple[int, Counsel]:
    """How deep, and in which order: as short fits say, and where they cannot decide, by the size and the likeness."""
    tried, steps = facts.depths, _steps(facts, recipe)
    if tried.suggested < stages:
        depth, best = tried.suggested, tried.by_depth[tried.suggested]
        reason = (
            f"Short fits on {tried.learnt:,} pictures were right more often when more than the head learnt: by "
            f"{_points(best)} points on {tried.asked:,} others. Of the depths that nobody can tell from the best, this "
            "one keeps most frozen."
        )
        return depth, _thawing(depth, stages, steps, reason, f"expected {best.words}")
    if not _undecided(facts):
        reason = (
            f"Thawing brought nothing that could be measured: the head alone was right as often on {tried.asked:,} "
            "pictures, and it is the quickest to train."
        )
        return stages, _head_alone(reason, f"expected {tried.by_depth[stages].words}")
    depth, why = _by_rule(facts, stages)
    number = f"likeness {facts.similarity.score:.2f}, {facts.usual_class:,} pictures in a usual class"
    reason = f"{facts.similarity.sentence} {why}"
    if depth == stages:
        return depth, _head_alone(reason, number)
    return depth, _thawing(depth, stages, steps, reason, number)


def _undecided(facts: Facts) -> bool:
    """Whether thawing may bring a gain that the short fits could not see: from few pictures, or not with all thawed."""
    tried = facts.depths
    seen = facts.pictures < 2 * tried.learnt and 0 in tried.by_depth
    return not seen and tried.by_depth[tried.stages].accuracy < _SOLVED and facts.similarity.level != "like"


def _by_rule(facts: Facts, stages: int) -> tuple[int, str]:
    """The depth where nothing was measured: the less alike and the more pictures, the more learns (Yosinski et al.
    2014, "How transferable are features in deep neural networks?").
    """
    level, each = facts.similarity.level, facts.usual_class
    last = stages - max(1, round(stages / 3))
    if level == "like":
        return stages, "So what it sees is kept, and only a new head learns."
    if each < _FEW:
        return stages, f"But {each:,} pictures of a usual class are too few to change what it sees without spoiling it."
    if level == "between":
        return last, "So the last third of it is thawed, and the edges and textures that it knows stay."
    return (0 if each >= _MANY else last), "So more than the head has to learn anew what to look for."


def _head_alone(reason: str, number: str) -> Counsel:
    return Counsel(
        "freeze", f"Only the head, {_RATE}", _whole({"freeze.strategy": "head", "freeze.depth": None}), reason, number
    )


def _thawing(depth: int, stages: int, steps: int, reason: str, number: str) -> Counsel:
    changes = {
        "freeze.strategy": "two-phase",
        "freeze.depth": depth,
        "freeze.head_epochs": _warm(steps),
    }
    what = "everything" if depth == 0 else f"all but the first {depth} of {stages} stages"
    return Counsel("freeze", f"First the head, then {what}, {_RATE}", _whole(changes), reason, number)


def _whole(changes: dict[str, Any]) -> dict[str, Any]:
    """With the rest of what a strategy of another kind may have left, and the rate that suits."""
    return {**changes, "freeze.thaws": (), "freeze.layer_decay": 1.0, "optimizer.lr": OptimizerChoice().lr}


def _augment(facts: Facts, head_alone: bool) -> Counsel:
    each, mirrored = facts.usual_class, facts.mirrored
    count = f"{each:,} pictures in a usual class"
    if head_alone and each >= _FEW:
        reason = (
            "Only the head learns, from what the frozen part sees of each picture once. Varied pictures would have to "
            "be looked at again and again, and there are enough as they are."
        )
        return Counsel("augment", PRESETS["none"].title, {"augment.preset": "none", "augment.views": 0}, reason, count)
    name, reason, number = "standard", "More than the head learns, so pictures should never be the same twice.", count
    known = traps(effective(AugmentChoice(preset="standard")), list(facts.counts))
    if mirrored is not None and mirrored.matters:
        name, number = "gentle", f"{percent(mirrored.changed / mirrored.pictures, 0)} change when mirrored"
        reason = (
            f"Mirrored, {mirrored.changed:,} of {mirrored.pictures:,} pictures are taken for another class, so nothing "
            "may be mirrored."
        )
    elif known:
        name, reason = "gentle", known[0].sentence
    elif each < _FEW:
        name, reason = "strong", "There are so few pictures that the model would learn them by heart."
    views = 4 if head_alone else 0
    if head_alone:
        reason += " Four fixed variations of each are enough for a head, and are looked at only once."
    return Counsel("augment", preset(name).title, {"augment.preset": name, "augment.views": views}, reason, number)


def _epochs(facts: Facts, recipe: Recipe, depth: int, stages: int) -> Counsel:
    """As many as the updates need. Where that takes too long here, less of those that cost: the ones after a thaw."""
    steps, alone = _steps(facts, recipe), depth == stages
    before = 0 if alone else _warm(steps)
    if alone:
        wanted, updates, kind = _between(_HEAD_UPDATES / steps, 4, 40), _HEAD_UPDATES, "A head alone"
    else:
        wanted, updates = _between(_THAW_UPDATES / steps, _LEAST_THAWED, 30), _WARM_UPDATES + _THAW_UPDATES
        kind = "A head and what is thawed behind it"
    reason = f"{kind} needs about {updates} updates, and an epoch of these pictures has {steps:,}."
    each = facts.seconds.get(depth) if facts.seconds else None
    number = f"{steps:,} updates an epoch"
    if each is not None:
        number += f", about {_seconds(each)} an epoch on this machine"
        fits = max(3, int(_LONG / max(each, 1e-9)))
        if fits < wanted:
            wanted = fits
            reason += f" More would take longer than {_LONG / 60:.0f} minutes on this machine."
    return Counsel("epochs", f"{before + wanted}", {"schedule.epochs": before + wanted}, reason, number)


def _balance(facts: Facts) -> Counsel:
    ratio = facts.imbalance
    number = f"{ratio:.1f} times as many in the largest class"
    if ratio < _UNEVEN:
        reason = "The classes are about as large as each other, so every picture counts alike."
        return Counsel("balance", "None needed", {"loss.balance": "none"}, reason, number)
    large, small = (pick(facts.counts, key=lambda name: facts.counts[name]) for pick in (max, min))
    told = f"“{large}” has {facts.counts[large]:,} pictures to learn from, “{small}” only {facts.counts[small]:,}."
    if ratio < _VERY_UNEVEN:
        reason = f"{told} Errors in rare classes count more, so that the model does not overlook them."
        return Counsel("balance", "Errors in rare classes count more", {"loss.balance": "weights"}, reason, number)
    reason = (
        f"{told} Pictures of rare classes are shown more often: weights so uneven would make the training unsteady."
    )
    return Counsel("balance", "Rare classes are shown more often", {"loss.balance": "sampling"}, reason, number)


def _warm(steps: int) -> int:
    """Epochs of the head alone before a thaw."""
    return _between(_WARM_UPDATES / steps, 1, 8)


def _steps(facts: Facts, recipe: Recipe) -> int:
    return -(-facts.pictures // recipe.schedule.batch_size)


def _between(number: float, least: int, most: int) -> int:
    return max(least, min(most, round(number)))


def _points(row: Expected) -> str:
    """The gain of a depth in points, with its interval."""
    return f"{100 * row.gain:.1f} ({100 * row.gain_low:.1f} to {100 * row.gain_high:.1f})"


def _seconds(number: float) -> str:
    return f"{number:.2g} s" if number < 10 else f"{number:.0f} s"
