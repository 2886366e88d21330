"""Model: the network to start from, how much of it learns, and for experts every number."""

import streamlit as st

from studio.model.catalogue import card
from studio.training.cost import free_memory
from studio.ui import (
    advising,
    auditioning,
    backbones,
    browse,
    costing,
    expert,
    finding,
    forms,
    freezing,
    network,
    timeline,
    words,
)
from studio.ui.cards import head, nothing_yet, onward
from studio.ui.state import current_dataset, draft, open_dataset, save_draft, workspace

head("Model", "A network that has already learnt to see. Choose how much of it stays frozen and how much may change.")

entry = current_dataset()
if entry is None:
    nothing_yet("Open some pictures first; the model is chosen for them.", "Open pictures", "data")
    st.stop()
dataset = open_dataset(entry)
classes = len(dataset.classes)
plainly, backbones_, freeze, rest = (st.container() for _ in range(4))  # what tells of a choice is drawn after it

with backbones_:
    st.subheader("The network to start from", anchor=False)
    recipe = browse.choose(draft(entry), entry)
    with st.spinner("Looking at this backbone…"):
        backbone = card(recipe.model.backbone, workspace())
    recipe = backbones.own_weights(recipe, entry)
    backbones.describe(backbone, recipe.model.weights, recipe.model.pretrained)
    recipe = auditioning.show(entry, recipe)
with freeze:
    st.subheader("Freeze and thaw", anchor=False)
    expected = auditioning.expected(recipe, dataset)
    recipe = freezing.choose(recipe, backbone, classes, entry, costing.known(recipe, dataset), expected)
with rest:
    if st.toggle(
        "Expert settings",
        key="expert",
        persist_state="session",
        help="Epochs, learning rate, batch size and the rest. The values there are good ones to begin with.",
    ):
        with st.container(border=True):
            recipe = expert.choose(recipe, entry)
            recipe = finding.show(entry, recipe)
    recipe = expert.admitted(recipe)
    recipe = forms.speed(recipe, key=entry.id)
save_draft(entry, recipe)

with plainly:
    words.show(recipe, backbone, dataset.classes, key=entry.id)
    advising.show(entry, recipe)
with freeze:
    costs = costing.known(recipe, dataset)
    drawn, over_epochs, by_stage = st.tabs(["The network", "Over the epochs", "Stage by stage"])
    with drawn:
        network.picture(recipe, backbone, classes, costs, key=entry.id)
    with over_epochs:
        timeline.draw(recipe, backbone, max(1, len(dataset.samples) // recipe.schedule.batch_size))
    with by_stage:
        network.table(recipe, backbone, classes, costs)
    network.whole(recipe, costs, free_memory())
    costing.show(entry, recipe, costs)
    auditioning.by_depth(entry, recipe)

forms.problems(recipe, backbone)
onward("train", "Go to training", forms.summary(recipe))
