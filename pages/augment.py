"""Augment: how pictures are varied, seen on one's own pictures through the very pipeline that trains."""

import streamlit as st

from studio.ui import augmenting, carrying, failing, meters, mixing, pictures, preview
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
    mixing.choose(entry, recipe)
    save_draft(entry, recipe)
with right, st.container(key="preview"):
    shown = preview.draw(entry, dataset, recipe)
    meters.known_traps(shown)
    trials = st.container()

safe, cost, out, back = st.tabs(
    ["Is it safe?", "What does it cost?", "Take it along", "Load a pipeline"], key="meters", on_change="rerun"
)
with safe:
    if safe.open:
        meters.safety(entry, dataset, recipe, shown.pipeline.varies)
with cost:
    if cost.open:
        meters.cost(entry, shown)
with out:
    if out.open:
        carrying.out(entry, shown)
with back:
    if back.open:
        carrying.back(entry)

onward("model", "Choose the model", "Next: choose the network and how much of it learns.")
with trials:  # last, as it takes longest: what was changed is seen before
    failing.draw(shown)
