"""Mixing the pictures of a batch and their labels alike: the choice and how even it is."""

import streamlit as st

from studio.data.library import Entry
from studio.recipe import Recipe, fields
from studio.ui import steps
from studio.ui.steps import shows

WAYS = {
    "none": ("No mixing", "Every picture stays by itself."),
    "mixup": ("MixUp", "One picture shines through another. Keeps the model from being too sure of itself."),
    "cutmix": ("CutMix", "A rectangle of one picture lies in another. Makes the model look at all of a thing."),
}
_PUBLISHED = {"mixup": 0.2, "cutmix": 1.0}


def choose(entry: Entry, recipe: Recipe) -> None:
    """Whether and how pictures are mixed. What is chosen is in the draft already, see `studio.ui.steps`."""
    mix = recipe.augment.mix
    key = shows(f"mix-{entry.id}", mix)
    st.radio(
        "Mixing the pictures of a batch",
        list(WAYS),
        format_func=lambda name: WAYS[name][0],
        captions=[said for _, said in WAYS.values()],
        key=key,
        on_change=steps.write,
        args=(entry, "augment.mix", key),
    )
    if mix == "none":
        return
    alpha = shows(f"alpha-{mix}-{entry.id}", recipe.augment.mix_alpha or _PUBLISHED[mix])
    st.slider(
        "How evenly (alpha)",
        0.05,
        4.0,
        step=0.05,
        key=alpha,
        help=fields()["augment.mix_alpha"],
        on_change=steps.write,
        args=(entry, "augment.mix_alpha", alpha),
    )
    st.caption(
        "Mixtures are new in every epoch, so what the frozen part makes of them cannot be kept: it looks at every "
        "picture afresh each epoch, which takes longer. See them above under “A mixed batch”."
    )
