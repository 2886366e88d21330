"""The steps of one's own pipeline, edited where they lie: every change is in the draft before the page is drawn again.

So no change is lost when a second one comes before the redraw. A step keeps an id of this session while it moves, for
its sliders; another tab's change, or a pipeline from a file, gives all of them new ones.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

import streamlit as st

from studio.augment.presets import CUSTOM, preset
from studio.data.library import Entry
from studio.recipe import StepChoice
from studio.ui.boundary import boundary
from studio.ui.state import draft, save_draft

MOST = 32
_ids = count(1)

Step = tuple[int, StepChoice]


@dataclass(frozen=True)
class _Known:
    """The steps as this session last saw them, each with its id."""

    steps: tuple[StepChoice, ...]
    ids: tuple[int, ...]


def shows(key: str, value: Any) -> str:
    """`key`, of a widget that shows `value` from now on; it is left alone where it does already."""
    if key not in st.session_state or st.session_state[key] != value:
        st.session_state[key] = value
    return key


@boundary()
def write(entry: Entry, name: str, key: str, told: Callable[[Any], Any] = lambda value: value) -> None:
    """Put what the widget `key` shows, as `told` says it, into the field `name` of the draft."""
    save_draft(entry, draft(entry).amended({name: told(st.session_state[key])}))


def listed(entry: Entry, steps: Sequence[StepChoice]) -> list[Step]:
    """The steps of the draft, in order, each with its id."""
    known = st.session_state.get(_key(entry))
    if known is None or known.steps != tuple(steps):
        known = _remember(entry, [(next(_ids), step) for step in steps])
    return list(zip(known.ids, known.steps, strict=True))


@boundary()
def choose(entry: Entry, key: str) -> None:
    """Take the preset that the widget `key` shows; one's own begins as a copy of the one before."""
    recipe, chosen = draft(entry), st.session_state[key]
    if chosen == CUSTOM.name and not recipe.augment.steps:
        copy(entry)
    else:
        save_draft(entry, recipe.amended({"augment.preset": chosen}))


@boundary()
def copy(entry: Entry) -> None:
    """Make the steps of the chosen preset one's own."""
    replace(entry, preset(draft(entry).augment.preset).steps)


def replace(entry: Entry, steps: Sequence[StepChoice]) -> None:
    """Make these steps one's own, whatever there was."""
    _keep(entry, [(next(_ids), step) for step in steps])


def add(entry: Entry, name: str) -> None:
    """Put a transform at the end, as the catalogue has it."""
    from studio.augment.parameters import fresh

    _change(entry, lambda steps: [*steps, (next(_ids), fresh(name))][:MOST])


def remove(entry: Entry, id: int) -> None:
    """Take a step out."""
    _change(entry, lambda steps: [step for step in steps if step[0] != id])


def move(entry: Entry, id: int, by: int) -> None:
    """Move a step so many places down; up, if that is less than 0."""

    def moved(steps: list[Step]) -> list[Step]:
        place = next(n for n, step in enumerate(steps) if step[0] == id)
        steps.insert(max(place + by, 0), steps.pop(place))
        return steps

    _change(entry, moved, id)


def switch(entry: Entry, id: int, key: str) -> None:
    """Switch a step on or off, as the widget `key` shows."""
    _amend(entry, id, lambda step: {"on": st.session_state[key]})


def often(entry: Entry, id: int, key: str) -> None:
    """Apply a step to the percentage of the pictures that the widget `key` shows."""
    _amend(entry, id, lambda step: {"p": st.session_state[key] / 100})


def adjust(entry: Entry, id: int, name: str, key: str) -> None:
    """Set a parameter of a step to what the widget `key` shows."""
    _amend(entry, id, lambda step: {"params": {**step.params, name: st.session_state[key]}})


def _amend(entry: Entry, id: int, changes: Callable[[StepChoice], dict[str, Any]]) -> None:
    def amended(steps: list[Step]) -> list[Step]:
        return [(own, step.model_copy(update=changes(step)) if own == id else step) for own, step in steps]

    _change(entry, amended, id)


@boundary()
def _change(entry: Entry, change: Callable[[list[Step]], list[Step]], id: int | None = None) -> None:
    """Change the draft's steps; not where the step `id` is gone, as another tab may have taken it out."""
    steps = listed(entry, draft(entry).augment.steps)
    if id is None or any(own == id for own, _ in steps):
        _keep(entry, change(steps))


def _keep(entry: Entry, steps: Sequence[Step]) -> None:
    plainly = [step.model_dump() for _, step in steps]
    recipe = draft(entry).amended({"augment.preset": CUSTOM.name, "augment.steps": plainly})
    save_draft(entry, recipe)
    _remember(entry, list(zip((id for id, _ in steps), recipe.augment.steps, strict=True)))


def _remember(entry: Entry, steps: Sequence[Step]) -> _Known:
    known = _Known(tuple(step for _, step in steps), tuple(id for id, _ in steps))
    st.session_state[_key(entry)] = known
    return known


def _key(entry: Entry) -> str:
    return f"steps-{entry.id}"
