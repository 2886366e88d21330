"""One step of a pipeline as a person sees it: a switch, its place, how often it is applied, and its own parameters."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from studio.augment.catalogue import transform
from studio.augment.parameters import Parameter, complete, parameters
from studio.data.library import Entry
from studio.recipe import StepChoice
from studio.text import percent
from studio.ui import steps
from studio.ui.steps import Step, shows


def draw(entry: Entry, step: Step, place: int, last: int) -> None:
    """The step at `place` of a pipeline, counted from 0, where `last` is the place of its last one."""
    id, choice = step
    known = transform(choice.transform)
    with st.container(border=True, gap="xsmall", key=f"step-{id}"):
        with st.container(horizontal=True, vertical_alignment="center", gap="xxsmall"):
            on = shows(f"on-{id}", choice.on)
            st.toggle(f"{place + 1}. {known.title}", key=on, on_change=steps.switch, args=(entry, id, on))
            st.space("stretch")
            _tools(entry, id, place, last, known.title)
        st.caption(f"{known.sentence} {_how_often(choice)}")
        if known.sliders or not known.crop:
            with st.expander("Settings", key=f"fold-{id}", type="compact"):
                settings(entry, id, choice)


def _tools(entry: Entry, id: int, place: int, last: int, title: str) -> None:
    """Icons, whose words are there for those who hear the page."""
    for word, icon, does, args, out in (
        ("Move up", "arrow_upward", steps.move, (entry, id, -1), place == 0),
        ("Move down", "arrow_downward", steps.move, (entry, id, 1), place == last),
        ("Remove", "delete", steps.remove, (entry, id), False),
    ):
        st.button(
            f"{word}: {title}",
            icon=f":material/{icon}:",
            type="tertiary",
            key=f"tool-{icon}-{id}",
            help=f"{word} “{title}”",
            disabled=out,
            on_click=does,
            args=args,
        )


def _how_often(choice: StepChoice) -> str:
    if not choice.on:
        return "Switched off."
    return "Applied to every picture." if choice.p == 1 else f"Applied to {percent(choice.p, 0)} of the pictures."


def settings(entry: Entry, id: int, choice: StepChoice) -> None:
    """How often a step is applied, and a widget for each of its parameters."""
    known = transform(choice.transform)
    if not known.crop:
        key = shows(f"p-{id}", round(choice.p * 100))
        st.slider("How often", 0, 100, step=1, format="%d %%", key=key, on_change=steps.often, args=(entry, id, key))
    values = complete(choice).params
    for each in parameters(choice.transform):
        _parameter(entry, id, each, values[each.name])


def _parameter(entry: Entry, id: int, each: Parameter, value: Any) -> None:
    key = shows(f"{each.name}-{id}", value)
    changed: dict[str, Any] = {"key": key, "on_change": steps.adjust, "args": (entry, id, each.name, key)}
    if each.kind == "switch":
        st.toggle(each.label, **changed)
    elif each.kind == "choice":
        st.selectbox(each.label, [value for value, _ in each.options], format_func=_words(each), **changed)
    elif each.odd:
        st.select_slider(each.label, list(range(int(each.lower), int(each.upper) + 1, 2)), **changed)
    else:
        digits = 0 if each.whole else max(0, len(f"{each.step:.6f}".rstrip("0").partition(".")[2]))
        step = int(each.step) if each.whole else each.step
        number = "%d" if each.whole else f"%.{digits}f"
        st.slider(each.label, each.lower, each.upper, step=step, format=number, **changed)


def _words(each: Parameter) -> Callable[[Any], str]:
    said = dict(each.options)
    return lambda value: f"{said[value][:1].upper()}{said[value][1:]}"
