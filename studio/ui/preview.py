"""The preview of an augmentation: one picture, and what the model will see of it."""

import streamlit as st

from studio.augment.geometry import Geometry
from studio.augment.pipeline import Pipeline
from studio.data.dataset import Dataset
from studio.data.library import Entry
from studio.data.picture import open_picture
from studio.model.catalogue import card
from studio.recipe import Recipe
from studio.ui import pictures
from studio.ui.cards import count
from studio.ui.state import workspace

VARIANTS = 6
_OFFERED = 500  # pictures of a class to choose from; a browser is slow with longer lists


def draw(entry: Entry, dataset: Dataset, recipe: Recipe) -> None:
    """A choice of picture, the picture, six variants of it, and a button for six others."""
    rows = pictures.table(dataset)
    rolls = st.session_state.setdefault(f"rolls-{entry.id}", 0)
    left, right = st.columns(2, vertical_alignment="bottom")
    name = left.selectbox("Class", dataset.classes, key=f"preview-class-{entry.id}")
    offered = rows.query("label == @name").head(_OFFERED)
    titles = dict(zip(map(int, offered["n"]), pictures.names(dataset, offered), strict=True))
    place = right.selectbox(
        "Picture", list(titles), key=f"preview-picture-{entry.id}-{name}", format_func=titles.__getitem__
    )
    path = dataset.samples[place].path
    views = recipe.augment.views
    geometry = shape(recipe)
    base = geometry.base(open_picture(dataset.root / path, at_least=geometry.base_size))
    pipeline = Pipeline(recipe.augment, geometry.size)
    unvaried = not pipeline.varies
    shown = min(views, VARIANTS) or VARIANTS
    st.caption(
        f"As the model sees it without variation, and {count(shown, 'fixed variation')} like those it sees in turn."
        if views
        else "As the model sees it without variation, and six times as it may see it while it learns."
    )
    plainly, varied = st.columns([2, 5])
    with plainly.container(width=224):  # or less, where the column is narrower
        st.image(
            pictures.inline(geometry.centre(base)), width="stretch", caption="original", alt=f"The original of {path}"
        )
    with varied.grid(3, min_column_width=90):
        for turn in range(shown):
            variation = recipe.augment.variation(rolls * shown + turn + 1)
            number = variation if views else turn + 1
            variant = pipeline.apply(base, recipe.seed, variation, place)
            st.image(
                pictures.inline(variant),
                width="stretch",
                caption=f"variant {number}",
                alt=f"Variant {number} of {path}",
            )
    if st.button(
        "Roll again", icon=":material/casino:", key=f"roll-{entry.id}", disabled=unvaried or 0 < views <= shown
    ):
        st.session_state[f"rolls-{entry.id}"] = rolls + 1
        st.rerun()
    if 0 < views <= shown:
        st.caption("There are no others: each epoch shows one of these, in turn.")
    if unvaried:
        st.caption("With no variation all of them are alike. Choose another preset to see a difference.")


def shape(recipe: Recipe) -> Geometry:
    """How a run of this recipe turns pictures into squares."""
    return Geometry.of(card(recipe.model.backbone, workspace()).config, recipe.model.image_size)
