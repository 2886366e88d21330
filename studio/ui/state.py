"""What a page works on: the ids live in the address, the truth lives on disk, nothing of value lives in a session."""

from pathlib import Path
from typing import NoReturn

import streamlit as st

from studio.data.dataset import Dataset
from studio.data.library import Entry, Library
from studio.errors import RecipeError, RunError
from studio.recipe import Recipe
from studio.runs import launch
from studio.runs.demo import demo_recipe
from studio.runs.run import Run
from studio.runs.store import Store
from studio.ui.places import place
from studio.workspace import Workspace, write_text


def workspace() -> Workspace:
    """The workspace that this studio serves; the server names it in `THAW_WORKSPACE`."""
    return Workspace.at()


def library() -> Library:
    return Library(workspace())


def store() -> Store:
    return Store(workspace())


def current_run() -> Run | None:
    """The run named in the address. Raises RunError where there is no such run."""
    id = st.query_params.get("run")
    if not id:
        return None
    try:
        return store().get(id)
    except RunError as error:
        raise RunError(error.what, "It may have been deleted. Choose another one among the runs.") from error


def current_dataset() -> Entry | None:
    """The dataset named in the address, else the one that the run in the address was trained on.

    Raises DataError where the address names a dataset that is not in the library.
    """
    id = st.query_params.get("dataset")
    if id:
        return library().get(id)
    run = current_run()
    return dataset_of(run) if run else None


def dataset_of(run: Run) -> Entry | None:
    """The library's entry for the pictures a run was trained on; None if it was forgotten."""
    return next((entry for entry in library().all() if str(entry.source) == run.recipe.data.source), None)


def leads_nowhere() -> bool:
    """Whether the address names a dataset or a run that is not there."""
    known = {entry.id for entry in library().all()} | {run.id for run in store().all()}
    return any(id not in known for id in address().values())


def open_dataset(entry: Entry) -> Dataset:
    """The pictures of an entry (kept in memory by the library while nothing in the folder changes)."""
    return library().open(entry.id)


def address(**changes: str | None) -> dict[str, str]:
    """The ids to carry to another page: those of the present address, with `dataset` or `run` set, or None to drop."""
    kept = {name: st.query_params.get(name) for name in ("dataset", "run")} | changes
    return {name: id for name, id in kept.items() if id}


def page_file(page: str) -> Path:
    """The script of a page, by its name, such as "train"."""
    return place("pages") / f"{page}.py"


def go(page: str, **changes: str | None) -> NoReturn:
    """Leave for another page (by its name, such as "train"), keeping the ids in the address."""
    st.switch_page(page_file(page), query_params=address(**changes))


def draft(entry: Entry) -> Recipe:
    """The recipe being written for a dataset; a fresh one until something was chosen.

    Raises RecipeError where the file was edited into something that is no recipe.
    """
    path = entry.folder / "recipe.toml"
    if not path.is_file():
        return Recipe.model_validate({"name": entry.name[:120], "data": {"source": entry.source}})
    return Recipe.from_toml(path.read_text(encoding="utf-8"), where=str(path))


def save_draft(entry: Entry, recipe: Recipe) -> None:
    """Write the draft down, if it changed."""
    if recipe != draft(entry):
        write_text(entry.folder / "recipe.toml", recipe.to_toml())


def readable_runs() -> list[Run]:
    """Every run whose recipe can be read, newest first."""
    return [run for run in store().all() if is_readable(run)]


def is_readable(run: Run) -> bool:
    """Whether a run's recipe can be read."""
    try:
        return bool(run.recipe)
    except RunError:
        return False


def begin(recipe: Recipe) -> Run:
    """Train a recipe, and return the run. Pressed twice, it is the run that already trains this very recipe.

    Raises RecipeError naming all of the recipe's problems.
    """
    return launch.begin(store(), recipe)


def begin_demo() -> tuple[Entry, Run]:
    """The demo from nothing: lay out its pictures if they are not there, and train."""
    recipe = demo_recipe(workspace())
    entry = library().add(recipe.data.source, "Handwritten digits")
    save_draft(entry, recipe)
    return entry, begin(recipe)


def live_runs() -> list[Run]:
    """The runs being trained at this moment, by whatever tab or process."""
    return [run for run in readable_runs() if run.is_held()]


def steps_done(entry: Entry | None, run: Run | None) -> set[str]:
    """The steps of the way that are behind one, as the disk tells it."""
    done: set[str] = set()
    if entry:
        done.add("data")
        if (entry.folder / "report.json").is_file():
            done.add("check")
        chosen = draft_or_none(entry)
        if chosen:
            fresh = Recipe.model_validate({})
            done |= {"augment"} if chosen.augment != fresh.augment else set()
            done |= {"model"} if (chosen.model, chosen.freeze) != (fresh.model, fresh.freeze) else set()
    if run:
        done |= {"data", "augment", "model"}
        progress = run.progress()
        if progress.status in ("finished", "stopped") and progress.val_accuracy is not None:
            done |= {"train"}
        done |= {
            name
            for name, file in (("results", "predictions.json"), ("try_it", "tried"))
            if (run.folder / file).is_file()
        }
    return done


def draft_or_none(entry: Entry) -> Recipe | None:
    """The draft, or None where there is none that can be read."""
    try:
        return draft(entry)
    except RecipeError:
        return None
