"""The audition: which of the backbones at hand tells a person's own pictures apart best, within a budget of seconds.

Only pictures to learn from are shown; those that are held back stay unseen, so that a run's accuracy stays honest.
"""

from collections.abc import Generator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from studio.advice import keeping
from studio.advice.doing import Clock, Doing
from studio.data.dataset import Dataset
from studio.data.intake import open_data
from studio.model import listing
from studio.model.listing import Wanted
from studio.model.waking import wake
from studio.recipe import ModelChoice, Recipe
from studio.text import percent
from studio.workspace import Workspace

BUDGETS = (30, 120, 600)  # seconds that the page offers
_KIND = "audition"


@dataclass(frozen=True)
class Heard:
    """How well a linear probe tells `pictures` apart by what one backbone sees of them, each judged by the others.

    `accuracy`, with its 95 % interval `low` to `high`, is a fraction; `logme` the log evidence of You et al. 2021. The
    best one was right more often by `behind`, with its 95 % interval, on the very same pictures. `pace` is how many
    pictures a second it looks at here, None where nothing computes. `weights` names a file of one's own.
    """

    backbone: str
    pictures: int
    accuracy: float
    low: float
    high: float
    logme: float
    pace: float | None = None
    behind: float = 0.0
    behind_low: float = 0.0
    behind_high: float = 0.0
    weights: str = ""
    pretrained: bool = True

    @property
    def tied(self) -> bool:
        """Whether nobody can tell it from the best."""
        return self.behind_low <= 0

    @property
    def model(self) -> dict[str, Any]:
        """What makes a recipe start from it, by dotted names."""
        named = {"backbone": self.backbone, "weights": self.weights, "pretrained": self.pretrained}
        return {f"model.{name}": value for name, value in named.items()}

    @property
    def name(self) -> str:
        """The backbone, and what it starts from where that is not its published weights."""
        return called(ModelChoice(backbone=self.backbone, weights=self.weights, pretrained=self.pretrained))


@dataclass(frozen=True)
class Audition:
    """What came of one: `heard`, the best first, and the `baseline`, a probe on the colours alone.

    `pictures` of `of` to learn from were shown to those that stayed to the end; others left earlier, as they were
    surely behind. `common` is the accuracy of always saying the largest class. `left_out` are names of backbones that
    were not heard, each with the reason. `seconds` were spent of `budget`.
    """

    heard: tuple[Heard, ...]
    baseline: Heard
    pictures: int
    of: int
    classes: int
    common: float
    budget: float
    seconds: float
    left_out: tuple[tuple[str, str], ...] = ()

    @property
    def tied(self) -> tuple[Heard, ...]:
        """The best, and all that cannot be told from it."""
        return tuple(each for each in self.heard if each.tied)

    @property
    def chosen(self) -> Heard | None:
        """Of those that are tied for the best the quickest; None where nobody was heard."""
        return max(self.tied, key=lambda each: each.pace or 0.0, default=None)

    @property
    def better_than_colours(self) -> bool:
        """Whether the best backbone sees surely more than colours tell."""
        return self.baseline.behind_low > 0

    @property
    def sentence(self) -> str:
        """Who is best, in one or two sentences; a tie is called a tie."""
        chosen, tied = self.chosen, self.tied
        if chosen is None:
            return "No backbone could be heard."
        told = f"{percent(chosen.accuracy)} of {chosen.pictures:,} pictures"
        if len(self.heard) == 1:
            found = f"{chosen.name} is the only backbone at hand: it tells {told} right."
        elif len(tied) > 1:
            found = (
                f"A tie: {_listed([each.name for each in tied])} cannot be told apart on {chosen.pictures:,} pictures. "
                f"{chosen.name} is the quickest of them and tells {percent(chosen.accuracy)} right."
            )
        else:
            found = f"{chosen.name} is surely better than the others: it tells {told} right."
        if not self.better_than_colours:
            found += f" But nothing is surely better than colours alone, which tell {percent(self.baseline.accuracy)}."
        return found

    def as_dict(self) -> dict[str, Any]:
        """What is kept, and what `thaw audition --json` prints."""
        rows = [asdict(each) | {"tied": each.tied} for each in self.heard]
        chosen = self.chosen
        return {
            "backbones": rows,
            "baseline": asdict(self.baseline),
            "chosen": chosen and chosen.backbone,
            "sentence": self.sentence,
            "pictures": self.pictures,
            "of": self.of,
            "classes": self.classes,
            "common": self.common,
            "budget": self.budget,
            "seconds": round(self.seconds, 3),
            "left_out": [{"name": name, "reason": reason} for name, reason in self.left_out],
        }

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> "Audition":
        """The reverse of `as_dict`. Raises KeyError or TypeError for what is none."""
        heard = tuple(Heard(**{name: row[name] for name in row if name != "tied"}) for row in record["backbones"])
        numbers = {name: record[name] for name in ("pictures", "of", "classes", "common", "budget", "seconds")}
        left_out = tuple((each["name"], each["reason"]) for each in record["left_out"])
        return cls(heard, Heard(**record["baseline"]), left_out=left_out, **numbers)


def at_hand(recipe: Recipe) -> tuple[ModelChoice, ...]:
    """The backbones that can be heard now, without any download, at the recipe's picture size: small ones first.

    The recipe's own one comes before them where it starts from a file, or from nothing.
    """
    own = recipe.model
    here = listing.choose(listing.rows(), Wanted(where=("inside", "cached"), order="parameters", every=True))
    others = [ModelChoice(backbone=row.name, image_size=own.image_size) for row in here if not row.refused]
    return tuple(dict.fromkeys([own, *others] if own.weights or not own.pretrained else others))


def kept(
    recipe: Recipe, dataset: Dataset, workspace: Workspace, models: Sequence[ModelChoice] | None = None
) -> Audition | None:
    """What the last audition of these backbones (those at hand) on `dataset`, as it was opened, found; else None."""
    record = keeping.read(_place(recipe, dataset, workspace, models or at_hand(recipe)))
    try:
        return Audition.from_dict(record) if record else None
    except (KeyError, TypeError):
        return None


def audition(
    recipe: Recipe, workspace: Workspace, budget: float, models: Sequence[ModelChoice] | None = None
) -> Generator[Doing, None, Audition]:
    """Hear the backbones at hand, or these `models`, on the pictures of `recipe.data`, for about `budget` seconds.

    Yields what it is doing; returns what was found, which `kept` finds again. Raises DataError where there are too few
    pictures to tell anything, BackboneError or WeightsError where not one backbone can be had.
    """
    clock = Clock(budget)
    wake()
    from studio.advice.hearing import race

    chosen = models or at_hand(recipe)
    dataset = open_data(recipe.data.source, workspace)
    found = yield from race(recipe, workspace, clock, chosen)
    keeping.keep(_place(recipe, dataset, workspace, chosen), found.as_dict())
    if models is None:  # whoever takes another than one's own still sees what was heard
        others = at_hand(recipe.started("published"))
        keeping.keep(_place(recipe, dataset, workspace, others), found.as_dict())
    return found


def _place(recipe: Recipe, dataset: Dataset, workspace: Workspace, models: Sequence[ModelChoice]) -> Path:
    return keeping.place(workspace, _KIND, dataset, recipe, [identity(model) for model in models])


def called(model: ModelChoice) -> str:
    """A backbone by its name; with weights of one's own by their file too, or as starting from scratch."""
    ways = {"published": "", "file": f" ({Path(model.weights).name})", "scratch": " (from scratch)"}
    return model.backbone + ways[model.start]


def identity(model: ModelChoice) -> list[Any]:
    """What a backbone is known by; a file of weights also by when it was last changed."""
    file = Path(model.weights).expanduser()
    changed = file.stat().st_mtime_ns if model.weights and file.is_file() else None
    return [*model.model_dump().values(), changed]


def _listed(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
