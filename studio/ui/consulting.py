"""Measuring for advice in the background, and following what was advised, on a page that is drawn already."""

from collections.abc import Callable, Generator, Mapping
from typing import Any

import streamlit as st

from studio.advice.doing import Doing
from studio.data.library import Entry
from studio.recipe import Recipe
from studio.ui.background import Background, Tell
from studio.ui.cards import duration
from studio.ui.going import going, unended
from studio.ui.state import draft, live_runs, save_draft

STAYS = "You may leave this page: it goes on, and what it finds is here when you come back."
Measure = Callable[[float], Generator[Doing, None, Any]]  # a budget in seconds to what tells how far it is


def offer(
    work: Background, entry: Entry, label: str, icon: str, budgets: tuple[int, ...], measure: Measure, primary: bool
) -> None:
    """The measuring as it goes; else how long it may take, and the button that begins it."""
    if work.is_running:
        going(work, STAYS)
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        budget = st.segmented_control(
            "It may take",
            budgets,
            default=budgets[0],
            required=True,
            format_func=duration,
            key=f"{work.name}-budget-{entry.id}",
        )
        kind = "primary" if primary else "secondary"
        busy = bool(live_runs())
        if st.button(label, icon=icon, type=kind, key=f"{work.name}-begin-{entry.id}", disabled=busy):
            work.begin(lambda tell: follow(measure(float(budget or budgets[0])), tell))
            st.rerun()
    if busy:
        st.caption("A run is using this machine now; measure when it is done.")
    unended(work.state(), work.noun, f"{work.verb} again.")


def follow(told: Generator[Doing, None, Any], tell: Tell) -> None:
    """The whole work of the thread: pass on how far it is. What it finds it keeps itself."""
    for doing in told:
        tell(doing.what, doing.done, doing.total)


def adopt(entry: Entry, change: Callable[[Recipe], Recipe]) -> None:
    """A callback: change the draft, and what the widgets of this page hold of it."""
    before = draft(entry)
    after = change(before)
    save_draft(entry, after)
    held, key = st.session_state, entry.id
    held[f"picked-{key}"], held[f"start-{key}"] = after.model.backbone, after.model.start
    for name in (f"freeze-{key}", f"thaws-{key}"):  # strategy and depth are read from the draft again
        held.pop(name, None)
    old, new = _flat(before), _flat(after)
    for name, value in new.items():
        widget = f"weights-{key}" if name == "model.weights" else f"{name}-{key}"
        if value != old[name] and value is not None and widget in held:
            held[widget] = value


def _flat(recipe: Recipe) -> Mapping[str, Any]:
    """A recipe's values by dotted names."""
    found: dict[str, Any] = {}
    for name, value in recipe.model_dump().items():
        found |= {f"{name}.{leaf}": each for leaf, each in value.items()} if isinstance(value, dict) else {name: value}
    return found
