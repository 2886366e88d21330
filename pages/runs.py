"""Runs: what waits, and every training so far, newest first."""

import streamlit as st

from studio.ui import archive, queue
from studio.ui.cards import head, link, nothing_yet
from studio.ui.state import store

head("Runs", "Every training so far, newest first, with what was asked and what came out.")

queue.waiting_list()
runs = store().all()
if not runs:
    nothing_yet(
        "There are no runs yet. The demo makes the first one in about a minute.", "Go to the start page", "start"
    )
    st.stop()

chosen = archive.table(runs)
if chosen is None:
    st.caption("Choose a run, in the table or in the box, to open, rename or delete it.")
else:
    archive.actions(chosen)
link("start", "Start something new", ":material/add:", "runs", primary=False)
