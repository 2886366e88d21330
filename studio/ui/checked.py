"""The report to show now: the last one, without what has been decided since, and as a file to take along."""

from dataclasses import dataclass

import streamlit as st

from studio.checks import kept
from studio.checks.report import Report
from studio.data.dataset import Dataset
from studio.data.library import Entry
from studio.ui import checking, pictures, renewed


@dataclass(frozen=True)
class Shown:
    """`report` is `kept`'s, brought up to what is known; `fresh` if it was made of the pictures as they are now.

    `running` says whether a check goes that will put another in its place.
    """

    report: Report
    kept: kept.Kept
    fresh: bool
    running: bool


def shown(entry: Entry, dataset: Dataset) -> Shown | None:
    """The report of an earlier check; None where there is none."""
    now, known = checking.state(entry), kept.last(entry.folder)
    if known is None:
        return None
    running, fresh = now is not None and now.status == "running", known.fingerprint == dataset.fingerprint
    report = known.report
    if not fresh:
        since = [one for one in dataset.decided if one.at >= known.at]
        report = renewed.without(report, since, dataset, pictures.samples(dataset))
    return Shown(report, known, fresh, running)


def download(entry: Entry, dataset: Dataset, shown: Shown) -> None:
    """The report as one file for a colleague; it is made when it is asked for."""

    def page() -> bytes:
        from studio.checks.html import as_html

        called = pictures.called_in(dataset)
        return as_html(shown.report, dataset, entry.name, called, shown.kept.at).encode()

    st.download_button(
        "Download the report",
        data=page,
        file_name=f"{entry.id}-check.html",
        mime="text/html",
        icon=":material/download:",
        on_click="ignore",
        help="One HTML file with the pictures in it, to send to a colleague or to print.",
        key="report-html",
    )
