"""What a run took in time and memory, beside what was predicted before it began."""

import pandas as pd
import streamlit as st

from studio.runs.foretold import Foretold, Phase, foretold
from studio.runs.marks import learners
from studio.runs.progress import Progress
from studio.ui.cards import memory, seconds


def show(progress: Progress) -> None:
    """A table of both; nothing while nothing was measured."""
    found = foretold(progress)
    stages = progress.started.stages if progress.started else []
    rows = [_of_phase(phase, stages) for phase in found.phases]
    if found.peak_bytes is not None:
        rows.append(_of_memory(found))
    if not rows:
        return
    st.subheader("Time and memory", anchor=False)
    frame = pd.DataFrame(rows, columns=["What", "Predicted", "It took", "Difference"])
    if not found.was_predicted:
        frame = frame[["What", "It took"]]
    st.dataframe(frame, hide_index=True, alt="What the run took in time and memory, beside what was predicted")
    st.caption(
        "Predicted from a few steps that were timed on this machine before. An epoch's time is the middle one of its "
        "phase; memory is the most that training added to what the studio held before."
        if found.was_predicted
        else "Nothing was predicted for this run: its backbone had not been timed on this machine. The Model page does "
        "that before you train."
    )


def _of_phase(phase: Phase, stages: list[str]) -> list[str]:
    who = learners(phase.depth, stages).rstrip(",")
    predicted = "–" if phase.predicted is None else seconds(phase.predicted)
    return [f"An epoch: {who}", predicted, seconds(phase.seconds), _difference(phase.predicted, phase.seconds)]


def _of_memory(found: Foretold) -> list[str]:
    peak = found.peak_bytes or 0
    predicted = "–" if found.predicted_bytes is None else memory(found.predicted_bytes)
    return ["Memory at its peak", predicted, memory(peak), _difference(found.predicted_bytes, peak)]


def _difference(predicted: float | None, actual: float) -> str:
    """By how much it was more or less than predicted."""
    if not predicted:
        return "–"
    share = actual / predicted - 1
    return "as predicted" if abs(share) < 0.005 else f"{'+' if share > 0 else '−'}{abs(share):.0%}".replace("%", " %")
