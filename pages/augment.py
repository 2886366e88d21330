"""Augment: how pictures are varied, seen on one's own pictures through the very pipeline that trains."""

import streamlit as st

from studio.ui import augmenting, pictures, preview
from studio.ui.cards import head, nothing_yet, onward
from studio.ui.state import current_dataset, draft, open_dataset, save_draft

head(
    "Augment",
    "Every time the model sees a picture, it can be cropped, mirrored or recoloured a little, so that the "
    "model learns what matters and not each picture by heart.",
)

entry = current_dataset()
if entry is None:
    nothing_yet("Open some pictures first, to see what each choice does to them.", "Open pictures", "data")
    st.stop()

dataset = open_dataset(entry)
left, right = st.columns([2, 3], gap="large")
with left:
    recipe = draft(entry)
    learnt_from = pictures.divided(dataset, recipe.data.val_share, recipe.seed).query("split == 'train'")
    recipe = augmenting.choose(entry, recipe, len(learnt_from))
    save_draft(entry, recipe)
with right:
    preview.draw(entry, dataset, recipe)

onward("model", "Choose the model", "Next: choose the network and how much of it learns.")
