"""Lists of runs and datasets to choose from, drawn as rows of plain text."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import pandas as pd
import streamlit as st

from studio.data.dataset import SetAside
from studio.data.library import Entry
from studio.runs.progress import Status
from studio.runs.run import Run
from studio.text import percent
from studio.ui.cards import count, duration, shortened
from studio.ui.state import dataset_of, go, is_readable

Colour = Literal["gray", "blue", "orange", "green", "red"]
STATUS: dict[Status, tuple[str, Colour]] = {
    "created": ("not started", "gray"),
    "preparing": ("getting ready", "blue"),
    "training": ("training", "blue"),
    "paused": ("paused", "orange"),
    "stopping": ("stopping", "orange"),
    "finished": ("finished", "green"),
    "stopped": ("stopped", "green"),
    "failed": ("failed", "red"),
    "interrupted": ("interrupted", "orange"),
}


def runs(those: Sequence[Run]) -> None:
    """A row a run: its name, how it stands, and a button that opens it."""
    for run in those:
        progress = run.progress()
        word, colour = STATUS[progress.status]
        with st.container(border=True, horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            with st.container(gap=None, width=360):
                st.text(shortened(run.name, 60))
                st.caption(f"{when(run.created)}, {duration(progress.seconds)}")
            with st.container(width=96):
                st.badge(word, color=colour)
            right = progress.val_accuracy
            st.text("no accuracy yet" if right is None else f"{percent(right)} right", width=128)
            if st.button("Open", key=f"open-{run.id}", icon=":material/arrow_forward:"):
                open_run(run)


def title(run: Run) -> str:
    """A run's name, or its id where its recipe cannot be read."""
    return run.name if is_readable(run) else run.id


def open_run(run: Run) -> None:
    """Leave for the page that a run's state asks for: its results if there are any, else its training."""
    entry = dataset_of(run)
    page = "results" if (run.folder / "predictions.json").is_file() else "train"
    go(page, run=run.id, dataset=entry.id if entry else None)


def datasets(those: Sequence[Entry]) -> None:
    """A row a dataset: its name, where it lies, and a button that opens it."""
    kinds = {"folder": "folder", "zip": "zip file", "table": "table", "upload": "uploaded"}
    for entry in those:
        with st.container(border=True, horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            with st.container(gap=None, width="stretch"):
                st.text(shortened(entry.name, 60))
                st.text(shortened(f"{kinds.get(entry.kind, entry.kind)} · {entry.source}", 90))
            if st.button("Open", key=f"open-{entry.id}", icon=":material/arrow_forward:"):
                go("data", dataset=entry.id, run=None)


def set_aside(files: Sequence[SetAside]) -> None:
    """The files that are not used and why, as a table, folded away."""
    with st.expander(f"{count(len(files), 'file')} set aside, with the reason for each", icon=":material/rule:"):
        st.caption(
            "These files are not used for training. They stay where they are; mend or remove them and open the "
            "pictures again."
        )
        st.dataframe(
            pd.DataFrame([{"File": file.path, "Why": file.reason} for file in files]),
            hide_index=True,
            alt="Files that were set aside, and why",
        )


def when(moment: datetime) -> str:
    """A time as a person says it: "today 14:05", "3 March 09:12"."""
    today = datetime.now().date()
    if moment.date() == today:
        return f"today {moment:%H:%M}"
    if (today - moment.date()).days == 1:
        return f"yesterday {moment:%H:%M}"
    return f"{moment.day} {moment:%B %H:%M}" if moment.year == today.year else f"{moment.day} {moment:%B %Y}"
