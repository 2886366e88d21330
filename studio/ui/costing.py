"""Timing a network before it is trained, in the background: a process of its own, so that the pages stay quick.

It leaves what it found in the workspace's cache, by backbone and machine: see `studio.training.cost`.
"""

import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from queue import Empty, Queue
from typing import Any

import streamlit as st

from studio.data.dataset import Dataset
from studio.data.library import Entry
from studio.errors import StudioError
from studio.recipe import Recipe
from studio.runs.store import Store
from studio.training.cost import Costs, anything_known, kept, place
from studio.ui.background import Background, Tell
from studio.ui.going import going, unended
from studio.ui.state import draft, live_runs, save_draft, workspace
from studio.workspace import Workspace, write_text

_LOOK_EVERY = 0.4  # seconds between two looks at whether it is to end


def background(entry: Entry) -> Background:
    """The timing of networks for a dataset, one at a time."""
    return Background(entry.folder, "cost")


def known(recipe: Recipe, dataset: Dataset) -> Costs | None:
    """What each freezing depth of the recipe's backbone costs, if it was timed here before."""
    return kept(recipe, dataset, workspace())


def show(entry: Entry, recipe: Recipe, costs: Costs | None) -> None:
    """The timing as it goes, the button that begins one, and what came of one without an end.

    Who timed one backbone wants to know of others too: those are timed as soon as they are chosen.
    """
    work = background(entry)
    if work.is_running:
        _follow(entry, recipe, work)
        going(work, "It takes one to three minutes, and is remembered. You may leave this page meanwhile.")
        return
    if costs is not None:
        return
    if live_runs():
        st.caption("How long an epoch takes at each depth can be timed when no training is going on.")
        return
    last = work.state() if _timed(entry) in (None, place(recipe, workspace()).name) else None  # of this network
    unended(last)
    by_itself = last is None and anything_known(workspace())
    if by_itself or st.button(
        "Time it on this machine",
        icon=":material/timer:",
        key=f"time-{entry.id}",
        help="A few steps at each depth, with random weights: nothing is downloaded and nothing is trained.",
    ):
        begin(entry, recipe)
        st.rerun()
    st.caption(
        "What an epoch takes in time and memory at each depth is told here, before you train, once it was timed."
    )


def begin(entry: Entry, recipe: Recipe) -> None:
    """Time the recipe's network in the background."""
    where = workspace()
    save_draft(entry, recipe)
    background(entry).begin(lambda tell: _time(entry, draft(entry), where, tell))


def _follow(entry: Entry, recipe: Recipe, work: Background) -> None:
    """Where another network was chosen than the one that is being timed, begin anew with that."""
    if _timed(entry) not in (None, place(recipe, workspace()).name):
        save_draft(entry, recipe)
        work.again.touch()


def _target(entry: Entry) -> Path:
    """Names what is being timed."""
    return entry.folder / "cost.of"


def _timed(entry: Entry) -> str | None:
    """What is being timed, or was last."""
    with suppress(OSError):
        return _target(entry).read_text(encoding="utf-8")
    return None


def _time(entry: Entry, recipe: Recipe, where: Workspace, tell: Tell) -> None:
    """The work of the thread: hear what the process says, and end it when that is asked for."""
    write_text(_target(entry), place(recipe, where).name)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "recipe.toml"
        file.write_text(recipe.to_toml(), encoding="utf-8")
        child = subprocess.Popen(
            [sys.executable, "-m", "studio.training.pacing", str(file), str(where.root)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            encoding="utf-8",
        )
        try:
            for line in _lines(child, tell):
                _hear(json.loads(line), where, tell)
            if child.wait() != 0:
                raise StudioError("The process that timed this network broke off.", "Time it again.")
        finally:
            child.kill()
            child.wait()


def _hear(told: dict[str, Any], where: Workspace, tell: Tell) -> None:
    if "remedy" in told:
        raise StudioError(told["what"], told["remedy"])
    if any(run.is_held() for run in Store(where).all()):
        raise StudioError("A training began, which makes everything else slower.", "Time it when that is over.")
    tell(told["doing"], told["done"], told["total"])


def _lines(child: "subprocess.Popen[str]", tell: Tell) -> Iterator[str]:
    """What the process says, line by line; `tell` is asked meanwhile whether to go on."""
    said: Queue[str | None] = Queue()

    def listen() -> None:
        for line in child.stdout or ():
            said.put(line)
        said.put(None)

    threading.Thread(target=listen, daemon=True).start()
    while True:
        tell()
        try:
            line = said.get(timeout=_LOOK_EVERY)
        except Empty:
            continue
        if line is None:
            return
        yield line
