"""What the run doctor says of a run that has ended, and the way to apply its remedy."""

from typing import TYPE_CHECKING

import streamlit as st

from studio.data.library import Entry
from studio.runs.run import Run
from studio.ui.cards import plain
from studio.ui.state import go, save_draft

if TYPE_CHECKING:
    from studio.results.doctor import Diagnosis

_ICONS = {"fault": ":material/error:", "advice": ":material/lightbulb:", "note": ":material/info:"}


def show(run: Run, entry: Entry | None) -> None:
    """The doctor's sentences for a run that has ended, each with the button that applies its remedy."""
    from studio.results.doctor import diagnose

    for found in diagnose(run.story(), run.recipe):
        with st.container(border=True, gap="small"):
            st.markdown(f"{_ICONS[found.severity]} **{plain(found.sentence)}**")
            st.caption(plain(found.evidence))
            st.markdown(plain(found.remedy))
            if found.fix and entry is not None and st.button(found.button, key=f"fix-{found.name}"):
                apply(run, entry, found)


def apply(run: Run, entry: Entry, found: "Diagnosis") -> None:
    """Make the mended recipe the draft, and open the page on which it can be looked at and started."""
    save_draft(entry, run.recipe.amended(found.fix))
    st.session_state.pop(f"freeze-{entry.id}", None)  # what the Model page held of the draft before
    go("train", run=None, dataset=entry.id)
