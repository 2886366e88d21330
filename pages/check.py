"""Check: what is wrong with the pictures, worst first, and what to do about it."""

import streamlit as st

from studio.ui import checking, findings
from studio.ui.cards import head, nothing_yet, onward
from studio.ui.state import current_dataset, open_dataset

head(
    "Check", "Finds pictures that cannot be read, copies, and classes that are too small, before they spoil a training."
)

entry = current_dataset()
if entry is None:
    nothing_yet("There are no pictures to check yet.", "Open pictures", "data")
    st.stop()

dataset = open_dataset(entry)
report = checking.saved(entry, dataset)
findings.offer(entry, known=report is not None)
if report is not None:
    findings.draw(entry, dataset, report)
onward(
    "augment",
    "Vary the pictures",
    "Next: choose how the pictures are varied while the model learns.",
    primary=report is not None,
)
