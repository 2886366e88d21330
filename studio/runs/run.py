"""A Run is a folder: recipe.toml is what was asked, events.jsonl is what happened, checkpoints are what was learnt."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path

from filelock import FileLock

from studio.errors import RecipeError, RunError
from studio.recipe import Recipe, Steer
from studio.runs import fold, journal, requests
from studio.runs.progress import Progress
from studio.runs.requests import Request
from studio.training.events import Event, Hindered, Steered, has_ended
from studio.training.place import place
from studio.workspace import is_held, lock, write_text

TROUBLE = "trouble.txt"


@dataclass(frozen=True)
class Run:
    """One run. Whoever holds the folder sees the same: a page, a second tab, another process."""

    folder: Path

    @property
    def id(self) -> str:
        return self.folder.name

    @cached_property
    def recipe(self) -> Recipe:
        """What was asked. Raises RunError where the folder holds no readable recipe."""
        path = self.folder / "recipe.toml"
        try:
            return Recipe.from_toml(path.read_text(encoding="utf-8"), where=str(path))
        except (OSError, UnicodeDecodeError, RecipeError) as error:
            raise RunError(
                "This run's recipe cannot be read.", "Delete the run, or restore its recipe.toml.", path
            ) from error

    @property
    def name(self) -> str:
        """The name a person gave the run last."""
        try:
            return (self.folder / "name.txt").read_text(encoding="utf-8").strip() or self.recipe.name
        except (OSError, UnicodeDecodeError):
            return self.recipe.name

    def rename(self, name: str) -> None:
        """Give the run another name; the recipe keeps the one it was made with. Raises RunError for an empty name."""
        if not name.strip():
            raise RunError("A run needs a name.", "Type at least one letter.")
        write_text(self.folder / "name.txt", name.strip()[:120] + "\n")

    @property
    def created(self) -> datetime:
        """When the run was made, in local time."""
        return datetime.fromtimestamp((self.folder / "recipe.toml").stat().st_mtime)

    def log(self, event: Event) -> None:
        """Write down that something happened."""
        journal.append(self.folder / "events.jsonl", event)

    def mend(self, history: Sequence[Event]) -> None:
        """Bring back what the journal lost, as far as `history` knows it."""
        journal.mend(self.folder / "events.jsonl", history)

    def trouble(self) -> str:
        """What keeps the run from being written down at this moment; empty if nothing does."""
        with suppress(OSError, UnicodeDecodeError):
            return (self.folder / TROUBLE).read_text(encoding="utf-8").strip("\0 ")
        return ""

    def events(self, start: int = 0) -> Sequence[Event]:
        """What happened, from the `start`-th event on."""
        return journal.read(self.folder / "events.jsonl")[0][start:]

    def request(self, what: Request, value: float | None = None) -> None:
        """Ask the training, wherever it runs: to stop or pause, or for another depth, lr or number of epochs.

        Raises RunError for a value out of bounds, or where the run's folder cannot be written.
        """
        requests.ask(self.folder, what, value)

    def requested(self, what: Request) -> bool:
        return requests.is_asked(self.folder, what)

    def withdraw(self, what: Request) -> None:
        """Forget a request: a pause that is withdrawn is over."""
        requests.withdraw(self.folder, what)

    def lock(self) -> FileLock:
        """The lock that whoever trains this run holds; the system frees it when that process dies."""
        return lock(self.folder / "lock")

    def is_held(self) -> bool:
        """Whether somebody is training this run now."""
        return is_held(self.folder / "lock")

    def has_ended(self) -> bool:
        """Whether the journal tells of an end, good or bad."""
        return has_ended(self.events())

    def progress(self) -> Progress:
        """The events so far, folded into what a person wants to know. A second look costs only what is new."""
        while True:
            known = self._look()
            ended = known.progress.has_ended
            held = not ended and self.is_held()
            if ended or held or self._look().read == known.read:  # else it began or ended between the two looks
                break
        progress = known.progress.seen(held=held, stop_requested=self.requested("stop"), damaged=known.damaged)
        if held and (words := self.trouble()):
            progress.hindered = Hindered(words)
        return progress

    def story(self) -> Sequence[Event]:
        """What happened, without moments within epochs and savings: cheap to look at however long the run is."""
        return self._look().events

    def _look(self) -> fold.Look:
        return fold.look(self.folder / "events.jsonl", self.recipe)

    def can_go_on(self) -> bool:
        """Whether there is a checkpoint from which the training can go on exactly where it was."""
        return place(self.folder) is not None

    def changes(self) -> list[Steer]:
        """Every change that a person made, also those after the last checkpoint, which are to be made again.

        What was asked for later counts: a change at an earlier step replaces those that were made after that step.
        """
        known = set(self.recipe.steering)
        found: list[Steer] = []
        for event in self.story():
            if isinstance(event, Steered):
                change = _change(event)
                if change not in known and change not in found:
                    found = [one for one in found if one.step <= change.step] + [change]
        return found

    def as_steered(self) -> Recipe:
        """The recipe that gives this run's curve again: with every change that was made while it went."""
        return self.recipe.amended({"steering": [_change(event) for event in self.progress().steered]})


def _change(event: Steered) -> Steer:
    """What a recipe says to make this change again."""
    return Steer(step=event.step, depth=event.depth, lr=event.lr, epochs=event.epochs)
