"""The choice of a pipeline: presets in words, one strength for all of it, and the steps of one's own."""

import streamlit as st

from studio.augment.catalogue import transform
from studio.augment.presets import CUSTOM, PRESETS, Preset, preset
from studio.data.library import Entry
from studio.recipe import Recipe, fields
from studio.text import percent
from studio.ui import adding, forms, sliders, steps
from studio.ui.cards import count
from studio.ui.steps import shows


def choose(entry: Entry, recipe: Recipe, pictures: int) -> Recipe:
    """The preset, its strength and its steps, and whether variations are new every epoch; `pictures` are learnt from.

    What is chosen of presets, strength and steps is in the draft already, see `studio.ui.steps`.
    """
    presets(entry, recipe)
    if recipe.augment.preset == "none":
        return recipe.amended({"augment.views": 0})
    strength(entry, recipe)
    if recipe.augment.preset == CUSTOM.name:
        own(entry, recipe)
    else:
        as_they_are(entry, preset(recipe.augment.preset), bool(recipe.augment.steps))
    return recipe.amended({"augment.views": forms.views(recipe, pictures, entry.id)})


def presets(entry: Entry, recipe: Recipe) -> None:
    """The choice of a preset, each with what it is for and why; folded while one's own steps are worked on."""
    key = shows(f"preset-{entry.id}", recipe.augment.preset)
    names = [*PRESETS, CUSTOM.name]
    is_own = recipe.augment.preset == CUSTOM.name
    place = (
        st.expander("Your own pipeline: choose a preset instead", icon=":material/tune:") if is_own else st.container()
    )
    place.radio(
        "How much to vary the pictures",
        names,
        format_func=lambda name: preset(name).title,
        key=key,
        captions=[preset(name).sentence for name in names],
        on_change=steps.choose,
        args=(entry, key),
    )


def strength(entry: Entry, recipe: Recipe) -> None:
    """One slider that scales all steps."""
    key = shows(f"strength-{entry.id}", round(recipe.augment.strength * 100))
    st.slider(
        "Overall strength",
        0,
        200,
        step=5,
        format="%d %%",
        key=key,
        help=fields()["augment.strength"],
        on_change=steps.write,
        args=(entry, "augment.strength", key, lambda shown: shown / 100),
    )


def own(entry: Entry, recipe: Recipe) -> None:
    """The steps of one's own pipeline, each to be changed, and more to add."""
    listed = steps.listed(entry, recipe.augment.steps)
    st.subheader("Steps", anchor=False)
    if listed:
        st.caption("Each picture goes through them from the first to the last.")
    else:
        st.caption("There are no steps yet, so every picture is shown as it is. Add one.")
    for place, step in enumerate(listed):
        sliders.draw(entry, step, place, len(listed) - 1)
    if len(listed) < steps.MOST:
        adding.offer(entry)
    else:
        st.caption(f"A pipeline has at most {steps.MOST} steps.")


def as_they_are(entry: Entry, chosen: Preset, has_own: bool) -> None:
    """The steps of a preset to be read, and a button that makes them one's own."""
    with st.expander(f"Its {count(len(chosen.steps), 'step')}", icon=":material/list:", key=f"read-{entry.id}"):
        for place, step in enumerate(chosen.steps, 1):
            share = "every picture" if step.p == 1 else f"{percent(step.p, 0)} of the pictures"
            known = transform(step.transform)
            st.markdown(f"{place}. **{known.title}**, {share}. {known.sentence}")
        st.button(
            "Make it your own",
            icon=":material/edit:",
            key=f"copy-{entry.id}",
            help="Copies these steps to change them."
            + (" The steps that you put together before are replaced." if has_own else ""),
            on_click=steps.copy,
            args=(entry,),
        )
