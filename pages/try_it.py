"""Try it: show the model a picture and see what it says."""

import streamlit as st

from studio.ui import trial
from studio.ui.cards import head, nothing_yet
from studio.ui.state import current_run, dataset_of

head("Try it", "Show the model a picture it has never seen, and see how sure it is.")

run = current_run()
if run is None:
    nothing_yet("There is no model to try yet. Train one first, or open a run.", "Go to training", "train")
    st.stop()
if not run.progress().checkpoint:
    nothing_yet(
        "This run has not learnt anything yet: its first weights are kept after the first epoch.",
        "Watch the training",
        "train",
    )
    st.stop()

st.text(f"Model: {run.name}")
left, right = st.columns(2, gap="large")
with left:
    picture = trial.choose(run, dataset_of(run))
with right:
    trial.answer(run, picture)
