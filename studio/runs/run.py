"""A Run is a folder: recipe.toml is what was asked, events.jsonl is what happened, checkpoints are what was learnt."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Literal

from filelock import FileLock

from studio.errors import RecipeError, RunError
from studio.recipe import Recipe
from studio.runs import journal
from studio.runs.progress import Progress
from studio.training.events import ENDS, Event
from studio.workspace import is_held, lock, write_text

Request = Literal["stop"]


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

    def events(self, start: int = 0) -> Sequence[Event]:
        """What happened, from the `start`-th event on."""
        return journal.read(self.folder / "events.jsonl")[0][start:]

    def request(self, what: Request) -> None:
        """Ask the training, wherever it runs, to do something. A request is a file, so any process can ask."""
        (self.folder / f"request.{what}").touch()

    def requested(self, what: Request) -> bool:
        return (self.folder / f"request.{what}").exists()

    def withdraw(self, what: Request) -> None:
        """Forget a request that was met, or that came too late."""
        (self.folder / f"request.{what}").unlink(missing_ok=True)

    def lock(self) -> FileLock:
        """The lock that whoever trains this run holds; the system frees it when that process dies."""
        return lock(self.folder / "lock")

    def is_held(self) -> bool:
        """Whether somebody is training this run now."""
        return is_held(self.folder / "lock")

    def has_ended(self) -> bool:
        """Whether the journal tells of an end, good or bad."""
        return _has_end(self.events())

    def progress(self) -> Progress:
        """The events so far, folded into what a person wants to know."""
        while True:
            events, damaged = journal.read(self.folder / "events.jsonl")
            ended = _has_end(events)
            held = not ended and self.is_held()
            if ended or held or len(self.events()) == len(events):  # else it began or ended between the two looks
                break
        return Progress.of(events, self.recipe, held=held, stop_requested=self.requested("stop"), damaged=damaged)


def _has_end(events: Sequence[Event]) -> bool:
    return any(isinstance(event, ENDS) for event in events)
