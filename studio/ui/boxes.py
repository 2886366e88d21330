"""Controls that each show one field of the recipe, and follow it when something else changes it.

A control under a stable key keeps what a person put there, whatever value it is drawn with. So where advice, a preset
or another control changed the recipe since it was drawn, the new value is put into it before it is drawn again.
"""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from studio.recipe import Recipe, fields


def number(recipe: Recipe, name: str, label: str, key: str, **bounds: Any) -> Any:
    """A number for the field `name`, between `min_value` and `max_value`. With `value=None` it may stay empty."""
    widget, value = f"{name}-{key}", _value(recipe, name)
    if value is not None:
        value = min(max(value, bounds["min_value"]), bounds["max_value"])
    _follow(widget, value)
    return _seen(widget, st.number_input(label, key=widget, help=fields()[name], **bounds))


def one_of(recipe: Recipe, name: str, label: str, key: str, options: dict[str, str], **more: Any) -> str:
    """One of some words for the field `name`; `options` are the field's values, each with what a person reads."""
    widget = f"{name}-{key}"
    _follow(widget, _value(recipe, name))
    names: Sequence[str] = list(options)
    chosen = st.selectbox(label, names, format_func=options.__getitem__, key=widget, help=fields()[name], **more)
    return _seen(widget, chosen)


def _value(recipe: Recipe, name: str) -> Any:
    section, _, leaf = name.rpartition(".")
    return getattr(getattr(recipe, section), leaf) if section else getattr(recipe, leaf)


def _follow(widget: str, value: Any) -> None:
    if widget not in st.session_state or st.session_state.get(f"was-{widget}", value) != value:
        st.session_state[widget] = value


def _seen(widget: str, value: Any) -> Any:
    st.session_state[f"was-{widget}"] = value
    return value
