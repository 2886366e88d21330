"""The report to show now: the last one, without what has been decided since, and as a file to take along."""

from dataclasses import dataclass

import streamlit as st

from studio.checks import kept
from studio.checks.report import Report
from studio.data.dataset import Dataset
from studio.data.library import Entry
from studio.ui import pictures, renewed
from studio.ui.background import Standing
from studio.ui.routes.report import report_address


@dataclass(frozen=True)
class Shown:
    """`report` is `kept`'s, brought up to what is known; `fresh` if it was made of the pictures as they are now.

    `running` says whether a check goes that will put another in its place.
    """

    report: Report
    kept: kept.Kept
    fresh: bool
    running: bool


def shown(entry: Entry, dataset: Dataset, now: Standing | None) -> Shown | None:
    """The report of an earlier check, with `now` how a check of today stands; None where there is none."""
    known = kept.last(entry.folder)
    if known is None:
        return None
    report = renewed.current(known, dataset, pictures.samples(dataset))
    running = now is not None and now.status == "running"
    return Shown(report, known, known.fingerprint == dataset.fingerprint, running)


def download(entry: Entry) -> None:
    """The report as one file for a colleague; it is made when it is asked for."""
    st.link_button(
        "Download the report",
        report_address(entry),
        icon=":material/download:",
        help="One HTML file with the pictures in it, to send to a colleague or to print.",
    )
