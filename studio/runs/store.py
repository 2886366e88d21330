"""All runs of a workspace. The folders are the truth; there is nothing else to get out of step with them."""

import re
import secrets
import shutil
from datetime import datetime

from studio.errors import RunError
from studio.recipe import Recipe
from studio.runs.run import Run
from studio.workspace import Workspace, slug, write_text


class Store:
    """The runs in a workspace's `runs` folder."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace

    def create(self, recipe: Recipe) -> Run:
        """A new run that waits to be started. Raises RecipeError where the recipe has problems."""
        recipe.checked()
        stamp = datetime.now().strftime("%Y%m%d-%H%M%S")
        while True:
            folder = self.workspace.runs / f"{stamp}-{slug(recipe.name, 24)}-{secrets.token_hex(2)}"
            try:
                folder.mkdir(parents=True)
                break
            except FileExistsError:  # another one of this very second drew the same four letters
                continue
        write_text(folder / "recipe.toml", recipe.to_toml())
        return Run(folder)

    def get(self, id: str) -> Run:
        """The run with this id, or with the only id or name that begins with it. Raises RunError if there is none."""
        if re.fullmatch(r"[\w-]{1,120}", id) and (self.workspace.runs / id / "recipe.toml").is_file():
            return Run(self.workspace.runs / id)
        alike = [run for run in self.all() if run.id.startswith(id) or _name(run) == id] if id else []
        if len(alike) == 1:
            return alike[0]
        if alike:
            raise RunError(f"{len(alike)} runs are called {id!r}.", f"Use an id: {', '.join(run.id for run in alike)}.")
        raise RunError(f"There is no run {id!r}.", "`thaw runs` lists the runs there are.")

    def all(self) -> list[Run]:
        """Every run that has a recipe, newest first."""
        known = (path for path in self.workspace.runs.iterdir() if not path.name.startswith("."))
        folders = [path for path in known if (path / "recipe.toml").is_file()]
        return [Run(folder) for folder in sorted(folders, key=lambda path: path.name, reverse=True)]

    def delete(self, id: str) -> None:
        """Remove a run and all it learnt. Raises RunError while it is being trained, or if there is none."""
        run = self.get(id)
        if run.is_held():
            raise RunError(f"The run {run.id!r} is being trained.", "Stop it first, then delete it.")
        gone = run.folder.with_name(f".{run.id}.deleted")  # at once for whoever looks; then file by file
        try:
            run.folder.rename(gone)
        except FileNotFoundError as error:
            raise RunError(f"There is no run {id!r}.", "Somebody has just deleted it.") from error
        shutil.rmtree(gone)


def _name(run: Run) -> str | None:
    try:
        return run.name
    except RunError:
        return None
