"""The advisor: measures what a person's own pictures ask for, and makes a recipe of it, with its reasons."""

from collections.abc import Generator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from studio.advice import audition as auditions
from studio.advice import depths, keeping
from studio.advice.audition import Audition
from studio.advice.counsel import Counsel, applied, counsel
from studio.advice.depths import DepthExpectation
from studio.advice.doing import Clock, Doing
from studio.advice.facts import Facts, Similarity
from studio.data.dataset import Dataset
from studio.data.intake import open_data
from studio.errors import BackboneError
from studio.model.waking import wake
from studio.recipe import Recipe
from studio.training import cost
from studio.workspace import Workspace

BUDGETS = (60, 180, 600)  # seconds that the page offers
_KIND = "advice"
_HEARING = 0.35  # share of the budget for the audition


@dataclass(frozen=True)
class Advice:
    """What was advised: pieces that can be followed one by one, and how alike the pictures are to the pretraining.

    It rests on `pictures` to learn from; `seconds` is what it took.
    """

    counsels: tuple[Counsel, ...]
    similarity: Similarity
    pictures: int
    seconds: float

    def followed(self, recipe: Recipe) -> Recipe:
        """A recipe that follows all of it."""
        return applied(recipe, *self.counsels)

    def as_dict(self) -> dict[str, Any]:
        """What is kept, and the greater part of what `thaw advise --json` prints."""
        rows = [{**asdict(each), "title": each.title, "changes": dict(each.changes)} for each in self.counsels]
        alike = {**asdict(self.similarity), "sentence": self.similarity.sentence}
        return {"advice": rows, "similarity": alike, "pictures": self.pictures, "seconds": round(self.seconds, 3)}

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> "Advice":
        """The reverse of `as_dict`. Raises KeyError or TypeError for what is none."""
        names = ("topic", "choice", "changes", "reason", "number")
        rows = tuple(Counsel(**{name: row[name] for name in names}) for row in record["advice"])
        alike = {name: value for name, value in record["similarity"].items() if name != "sentence"}
        return cls(rows, Similarity(**alike), record["pictures"], record["seconds"])


def kept(recipe: Recipe, dataset: Dataset, workspace: Workspace) -> Advice | None:
    """The last advice about `dataset`, as it was opened, at this recipe's picture and batch size; None: there is none.

    No torch.
    """
    record = keeping.read(keeping.place(workspace, _KIND, dataset, recipe, _asked(recipe)))
    try:
        return Advice.from_dict(record) if record else None
    except (KeyError, TypeError):
        return None


def advise(recipe: Recipe, workspace: Workspace, budget: float) -> Generator[Doing, None, Advice]:
    """Measure for about `budget` seconds, less where much is known already, and advise. Yields what it is doing.

    The recipe says which pictures, how they are divided, and at which size. Returns what `kept` finds again. Raises
    DataError where there are too few pictures, BackboneError or WeightsError where there is no backbone at hand.
    """
    clock = Clock(budget)
    yield clock.doing("Reading the folder of pictures")
    dataset = open_data(recipe.data.source, workspace)
    heard = yield from _heard(recipe, dataset, workspace, clock)
    chosen = heard.chosen
    if chosen is None:
        raise BackboneError("No backbone could be heard.", "Allow more time.")
    asked = recipe.amended(chosen.model)
    wake()
    from studio.advice.looking import beside

    yield clock.doing("Comparing your pictures with those of the pretraining")
    counts, alike, mirrored = beside(asked, workspace, heard)
    tried = depths.kept(asked, dataset, workspace)
    if tried is None:
        tried = yield from _in_step(depths.measure(asked, workspace, max(clock.left, 1.0)), clock)
    seconds, device = _seconds(asked, dataset, workspace, tried, sum(counts.values()))
    facts = Facts(counts, heard, alike, tried, mirrored, seconds, device)
    found = Advice(counsel(facts, asked), alike, facts.pictures, clock.spent)
    for draft in (recipe, asked):  # with its backbone taken, and the network of one's own no longer at hand
        keeping.keep(keeping.place(workspace, _KIND, dataset, draft, _asked(draft)), found.as_dict())
    return found


def _heard(recipe: Recipe, dataset: Dataset, workspace: Workspace, clock: Clock) -> Generator[Doing, None, Audition]:
    """An earlier audition, if it heard all pictures or had as much time; else a new one."""
    share = _HEARING * clock.budget
    known = auditions.kept(recipe, dataset, workspace)
    if known is not None and (known.pictures == known.of or known.budget >= share):
        return known
    return (yield from _in_step(auditions.audition(recipe, workspace, share), clock))


def _in_step(work: Generator[Doing, None, Any], clock: Clock) -> Generator[Doing, None, Any]:
    """What a part of the work tells, as far along as the whole is."""
    while True:
        try:
            told = next(work)
        except StopIteration as end:
            return end.value
        yield clock.doing(told.what)


def _seconds(
    recipe: Recipe, dataset: Dataset, workspace: Workspace, tried: DepthExpectation, pictures: int
) -> tuple[Mapping[int, float], str]:
    """Seconds of an epoch by depth, and the device: as timed for this network, else as the short fits took."""
    costs = cost.kept(recipe, dataset, workspace)
    if costs is not None:
        return {each.depth: each.seconds_per_epoch for each in costs.by_depth}, costs.device
    return {depth: seconds * pictures for depth, seconds in tried.paces.items()}, ""


def _asked(recipe: Recipe) -> Any:
    """What decides the advice, apart from the pictures."""
    at_hand = [auditions.identity(model) for model in auditions.at_hand(recipe)]
    return [at_hand, recipe.head.model_dump(), recipe.engine.precision, recipe.schedule.batch_size]
