"""Data: open pictures, see what there is, and how they will be divided."""

import pandas as pd
import streamlit as st

from studio.ui import charts, forms, lists, pictures
from studio.ui.cards import count, head, onward
from studio.ui.openers import opener
from studio.ui.state import current_dataset, draft, open_dataset, save_draft

head("Data", "The pictures to learn from. Each class is a folder with pictures of that class.")

entry = current_dataset()
if entry is None:
    opener()
    st.stop()

with st.expander("Open other pictures", icon=":material/folder_open:", on_change="rerun", key="opener") as other:
    if other.open:
        opener()

with st.spinner("Reading the folder…"):
    dataset = open_dataset(entry)
st.subheader("What there is", anchor=False)
st.text(f"{entry.name} · {entry.source}")
counts = dataset.counts()
with st.grid(4, min_column_width=150):
    st.metric("Pictures", f"{len(dataset.samples):,}", border=True)
    st.metric("Classes", f"{len(counts):,}", border=True)
    st.metric("In the smallest class", f"{min(counts.values(), default=0):,}", border=True)
    st.metric("Files set aside", f"{len(dataset.set_aside):,}", border=True)
forms.data_remedies(dataset)
if dataset.set_aside:
    lists.set_aside(dataset.set_aside)

st.subheader("Learning and measuring", anchor=False)
recipe = forms.val_share(draft(entry), dataset, key=entry.id)
save_draft(entry, recipe)
rows = pictures.divided(dataset, recipe.data.val_share, recipe.seed)
table = pd.crosstab(rows["label"], rows["split"])
if len(table) <= 40:
    st.plotly_chart(
        charts.class_bars(table),
        key=f"counts-{entry.id}",
        config={"displayModeBar": False},
        alt="Pictures in each class, divided into those to learn from and those held back",
    )
else:
    st.dataframe(table.assign(pictures=table.sum(axis=1)), height=420, alt="Pictures in each class, by split")

st.subheader("The pictures", anchor=False)
chosen = forms.class_and_split(rows, key=entry.id)
st.caption(count(len(chosen), "picture"))
pictures.show(entry, dataset, chosen.assign(caption=pictures.names(dataset, chosen)), key=f"data-{entry.id}")

onward("check", "Check these pictures", "Next: look for pictures that would spoil the training.")
