"""The Check page's parts: a check as it goes, and its report, worst first."""

from typing import Any, Literal

import pandas as pd
import streamlit as st

from studio.data.dataset import Dataset
from studio.data.library import Entry
from studio.ui import checking, pictures
from studio.ui.boundary import boundary
from studio.ui.cards import count, duration, fault, plain

VERDICTS = {
    "ready": ("Ready", "success", ":material/check_circle:"),
    "attention": ("Needs attention", "warning", ":material/warning:"),
    "not-ready": ("Not ready", "error", ":material/block:"),
}
SEVERITIES: dict[str, tuple[str, Literal["red", "orange", "gray"]]] = {
    "critical": ("must be mended", "red"),
    "attention": ("worth a look", "orange"),
    "note": ("good to know", "gray"),
}


def offer(entry: Entry, known: bool) -> None:
    """The button that checks, and what came of a check without an end. `known`: there is a report already."""
    now = checking.state(entry)
    if now is not None and now.status == "running":
        going(entry)
        return
    if not known:
        st.markdown("Every picture is opened once and compared with the others. Nothing is changed.")
    if st.button(
        "Check again" if known else "Check these pictures",
        type="secondary" if known else "primary",
        icon=":material/fact_check:",
    ):
        with st.spinner("Checking…"):
            checking.begin(entry, afresh=known)
        st.rerun()
    if now is not None:
        unended(now)


def unended(now: checking.Checking) -> None:
    """Why the last check has no report."""
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
def going(entry: Entry) -> None:
    """How far the check is, looked up each second while it goes; then the page is drawn with the report."""
    now = checking.state(entry)
    if now is None or now.status != "running":
        st.rerun()
    cancelling = checking.cancelling(entry)
    with st.container(border=True):
        st.progress(min(now.done / max(now.total, 1), 1.0), text="Stopping…" if cancelling else _sentence(now))
        st.caption("You may leave this page: the check goes on, and its report is here when you come back.")
        if st.button("Cancel", icon=":material/stop_circle:", key="cancel-check", disabled=cancelling):
            checking.cancel(entry)
            st.rerun(scope="fragment")


def _sentence(now: checking.Checking) -> str:
    if not now.total:
        return "Getting ready…"
    return f"{now.what}: {now.done:,} of {now.total:,}"


def draw(entry: Entry, dataset: Dataset, report: dict[str, Any]) -> None:
    """The verdict, then every finding with its pictures, why it matters and what to do."""
    title, kind, icon = VERDICTS[report["verdict"]]
    getattr(st, kind)(plain(report["sentence"]), title=title, icon=icon)
    st.caption(f"{count(report['images'], 'picture')} checked in {duration(report['seconds'])}.")
    for place, finding in enumerate(report["findings"]):
        one(entry, dataset, finding, f"finding-{place}-{finding['check']}")


def one(entry: Entry, dataset: Dataset, finding: dict[str, Any], key: str) -> None:
    """One finding: how grave, what, why, what to do, and where."""
    word, colour = SEVERITIES[finding["severity"]]
    with st.container(border=True):
        with st.container(gap="xsmall"):
            st.badge(word, color=colour)
            st.markdown(f"**{plain(finding['sentence'])}**")
            if finding.get("why"):
                st.caption(plain(finding["why"]))
        if finding.get("remedy"):
            st.text(f"What to do: {finding['remedy']}")
        rows = _pictures(dataset, finding)
        if finding["check"] == "unreadable":  # there is nothing to see of them
            rows = rows.iloc[:0]
        if len(rows):
            pictures.show(entry, dataset, rows, key)
        shown = set(rows["path"])
        others = [path for path in finding["images"] if path not in shown]
        if others:
            reasons = [finding["reasons"].get(path, "") for path in others]
            st.dataframe(
                pd.DataFrame({"File": others, "Why": reasons}),
                hide_index=True,
                alt="Files that cannot be shown, and why",
            )


def _pictures(dataset: Dataset, finding: dict[str, Any]) -> pd.DataFrame:
    """The finding's pictures that can be shown: groups stay together, each with its number."""
    groups = finding.get("groups") or []
    order = [(path, f"{place} · {path}") for place, group in enumerate(groups, 1) for path in group]
    if len(groups) < 2:
        order = [(path, path) for path in (groups[0] if groups else finding["images"])]
    wanted = pd.DataFrame(order, columns=["path", "caption"])
    places = pictures.table(dataset).set_index("path")["n"].reindex(wanted["path"])
    return wanted.assign(n=places.to_numpy()).dropna(subset=["n"]).astype({"n": int})
