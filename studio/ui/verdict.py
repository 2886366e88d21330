"""The top of the Check page: the verdict and what it rests on, a check as it goes, and how the last one ended."""

import streamlit as st

from studio.checks import kept
from studio.checks.report import Report
from studio.checks.wording import VERDICTS, why
from studio.data.library import Entry
from studio.ui import checking
from studio.ui.background import Standing
from studio.ui.boundary import boundary
from studio.ui.cards import count, duration, fault, plain

_LOOKS = {
    "ready": ("success", ":material/check_circle:"),
    "attention": ("warning", ":material/warning:"),
    "not-ready": ("error", ":material/block:"),
}


def draw(report: Report, fresh: bool, running: bool) -> None:
    """The verdict with the one sentence why, and below it what it rests on."""
    kind, icon = _LOOKS[report.verdict]
    getattr(st, kind)(plain(why(report)), title=VERDICTS[report.verdict], icon=icon)
    st.caption(plain(rests_on(report, fresh, running)))


def rests_on(report: Report, fresh: bool, running: bool) -> str:
    """How much of the pictures a report is about, and whether that is still so, in a sentence or two."""
    if not fresh:
        if running:
            return "You decided something, or the pictures have changed: they are being checked once more."
        return "Since this check the pictures or your decisions have changed. Check again to bring it up to date."
    if report.complete:
        return f"{count(report.images, 'picture')} checked in {duration(report.seconds)}."
    if report.looked < report.images:
        rest = "the rest is being looked at" if running else "the check ended before it came to the rest"
        return f"This is from the first {report.looked:,} of {report.images:,} pictures; {rest}."
    if running:
        return f"All {report.images:,} pictures were opened. What they show is still being looked at."
    return f"All {report.images:,} pictures were opened, but the check ended before it looked at what they show."


def offer(entry: Entry, known: kept.Kept | None, fresh: bool, now: Standing | None) -> None:
    """The check as it goes, or the button that begins one and what came of one without an end.

    `now` is how the check stands, looked up once for the whole page: it may end while the page is drawn.
    """
    if now is not None and now.status == "running":
        going(entry, known.changed if known else 0)
        return
    if known is None:
        st.markdown(
            "Every picture is opened once and compared with the others: files that are broken, copies, pictures in the "
            "wrong class, and classes that can be told apart by something else than what they show. Nothing is changed."
        )
    if now is not None:
        unended(now)
    outdated = known is None or not fresh or not known.report.complete
    if st.button(
        "Check again" if known else "Check these pictures",
        type="primary" if outdated else "secondary",
        icon=":material/fact_check:",
    ):
        with st.spinner("Checking…"):
            checking.begin(entry, afresh=known is not None)
        st.rerun()


def unended(now: Standing) -> None:
    """Why the last check has no report, or no whole one."""
    if now.status == "failed":
        fault(now.what, now.remedy)
    elif now.status == "cancelled":
        st.caption("The last check was cancelled before it was done.")
    else:
        st.warning(
            "The studio was closed before the last check was done. Check once more to see its report.",
            icon=":material/warning:",
        )


@st.fragment(run_every=1.0)
@boundary()
def going(entry: Entry, drawn: int) -> None:
    """How far the check is, looked up each second while it goes; the page is drawn anew with each report.

    `drawn` is when the report on the page was written.
    """
    now = checking.state(entry)
    if now is None or now.status != "running" or kept.changed_at(entry.folder) != drawn:
        st.rerun()
    cancelling = checking.cancelling(entry)
    with st.container(border=True):
        st.progress(min(now.done / max(now.total, 1), 1.0), text="Stopping…" if cancelling else _sentence(now))
        st.caption("You may leave this page: the check goes on, and its report is here when you come back.")
        if st.button("Cancel", icon=":material/stop_circle:", key="cancel-check", disabled=cancelling):
            checking.cancel(entry)
            st.rerun(scope="fragment")


def _sentence(now: Standing) -> str:
    if not now.total:
        return "Getting ready…"
    return f"{now.what}: {now.done:,} of {now.total:,}"


def left_out(report: Report) -> None:
    """What was not looked for, and why."""
    if report.left_out:
        with st.expander("What was not looked for", icon=":material/visibility_off:", key="left-out"):
            for sentence in report.left_out:
                st.markdown(f"- {plain(sentence)}")
