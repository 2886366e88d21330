"""Model: the network to start from, how much of it learns, and for experts every number."""

import streamlit as st

from studio.model.catalogue import card
from studio.ui import backbones, forms
from studio.ui.cards import head, nothing_yet, onward
from studio.ui.state import current_dataset, draft, open_dataset, save_draft, workspace

head("Model", "A network that has already learnt to see. Choose how much of it stays frozen and how much may change.")

entry = current_dataset()
if entry is None:
    nothing_yet("Open some pictures first; the model is chosen for them.", "Open pictures", "data")
    st.stop()

recipe = backbones.choose(draft(entry), key=entry.id)
with st.spinner("Looking at this backbone…"):
    backbone = card(recipe.model.backbone, workspace())
recipe = backbones.own_weights(recipe, key=entry.id)
backbones.describe(backbone, recipe.model.weights)
st.subheader("Freeze and thaw", anchor=False)
recipe = backbones.thaw(recipe, backbone, len(open_dataset(entry).classes), key=entry.id)
if st.toggle(
    "Expert settings",
    key="expert",
    persist_state="session",
    help="Epochs, learning rate, batch size and the rest. The values there are good ones to begin with.",
):
    with st.container(border=True):
        recipe = forms.expert(recipe, backbone.input_size[-1], key=entry.id)
recipe = forms.speed(recipe, key=entry.id)
save_draft(entry, recipe)

forms.problems(recipe)
onward("train", "Go to training", forms.summary(recipe))
