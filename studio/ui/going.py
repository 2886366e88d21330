"""Work in the background on the screen: as it goes, with a way to end it, and why the last one came to no end."""

import streamlit as st

from studio.ui.background import Background, Standing
from studio.ui.boundary import boundary
from studio.ui.cards import fault, plain


@st.fragment(run_every=1.0)
@boundary()
def going(work: Background, stays: str) -> None:
    """What it does now, looked up each second while it goes; then the page is drawn with what it found.

    `stays` says what becomes of it when one leaves the page.
    """
    now = work.state()
    if now is None or now.status != "running":
        st.rerun()
    cancelling = work.is_cancelling
    with st.container(border=True):
        if now.total and not cancelling:
            st.progress(min(now.done / now.total, 1.0), text=_sentence(now))
        else:
            st.markdown("Stopping…" if cancelling else f":material/hourglass: {_sentence(now)}")
        st.caption(stays)
        if st.button("Cancel", icon=":material/stop_circle:", key=f"cancel-{work.name}", disabled=cancelling):
            work.cancel()
            st.rerun(scope="fragment")


def _sentence(now: Standing) -> str:
    return f"{plain(now.what)}…" if now.what else "Getting ready…"


def unended(now: Standing | None, noun: str = "measurement", remedy: str = "Measure again.") -> None:
    """Why the last one has nothing to show; nothing where that is not so."""
    if now is None or now.status == "running":
        return
    if now.status == "failed":
        fault(now.what, now.remedy)
    elif now.status == "cancelled":
        st.caption(f"The last {noun} was cancelled before it was ready.")
    else:
        st.caption(f"The studio was closed before the last {noun} was ready. {remedy}")
