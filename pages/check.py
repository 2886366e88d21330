"""Check: what is wrong with the pictures, worst first, and what to do about it."""

import streamlit as st

from studio.ui import checked, checking, closeup, decided, findings, points, verdict
from studio.ui.cards import head, nothing_yet, onward
from studio.ui.state import current_dataset, open_dataset

head("Check", "Finds what would spoil a training, before it does: broken files, copies, wrong classes, shortcuts.")

entry = current_dataset()
if entry is None:
    nothing_yet("There are no pictures to check yet.", "Open pictures", "data")
    st.stop()

with st.spinner("Reading the folder…"):
    dataset = open_dataset(entry)
decided.done(entry)
now = checking.state(entry)
shown = checked.shown(entry, dataset, now)
if shown is not None:
    verdict.draw(shown.report, shown.fresh, shown.running)
with st.container(horizontal=True):
    verdict.offer(entry, shown.kept if shown else None, shown is not None and shown.fresh, now)
    if shown is not None and not shown.running:
        checked.download(entry)
if shown is not None:
    findings.draw(entry, dataset, shown.report.findings)
    verdict.left_out(shown.report)
    points.draw(entry, dataset, shown.report.findings)
decided.panel(entry, dataset)
onward(
    "augment",
    "Vary the pictures",
    "Next: choose how the pictures are varied while the model learns.",
    primary=shown is not None and shown.fresh,
)
if shown is not None:
    closeup.draw(entry, dataset, shown.report)
