"""Test-time augmentation as a choice: the model looks at a picture several times, and its answers are averaged."""

import io
from dataclasses import replace
from pathlib import Path

import pandas as pd
import streamlit as st

from studio.data.library import Entry
from studio.errors import DataError, RunError
from studio.model.waking import wake
from studio.results.evaluate import Results, checkpoint
from studio.results.views import flips
from studio.runs.run import Run
from studio.text import percent
from studio.ui.state import workspace
from studio.workspace import write_text

LABEL = "Look several times at each picture (test-time augmentation)"


def sentence(run: Run) -> str:
    """Which views the model gets, and what that costs."""
    mirrored = ", and mirrored as in training" if flips(run.recipe.augment) else ""
    return (
        f"The model sees the middle and the corners of each picture{mirrored}, and the probabilities are averaged. "
        "Often a little better, never sure to be, and several times as slow."
    )


def wanted(run: Run) -> bool:
    """The choice on the Try it page."""
    return st.toggle(LABEL, key=f"views-{run.id}", help=sentence(run))


def evaluated(run: Run, entry: Entry | None, once: Results) -> Results:
    """The choice on the Results page: `once`, or the results of several views, computed when they are first asked for.

    The held-back pictures, and the weights, stay the same.
    """
    if entry is None or not st.toggle(LABEL, key=f"views-{run.id}", help=sentence(run)):
        return once
    with st.spinner("Looking at every held-back picture several times…"):
        several = _several(run)
    change = several.accuracy - once.accuracy
    said = "as many pictures are right as with one look" if not change else (
        f"{percent(several.accuracy)} are right instead of {percent(once.accuracy)}"
    )  # fmt: skip
    st.caption(
        f"With several looks {said}. Expect the same only where you look several times too, as the Try it page can. "
        "The run's own record and its exports keep one look."
    )
    return several


def _several(run: Run) -> Results:
    """What several looks say of the held-back pictures, kept beside the run while its weights stay the same."""
    path, changed = run.folder / "predictions-views.json", checkpoint(run).stat().st_mtime_ns
    if path.is_file() and path.stat().st_mtime_ns > changed and (known := _read(run, path)):
        return known
    wake()
    from studio.results.evaluate import evaluate
    from studio.training.prepare import load_data

    dataset = load_data(run.recipe, workspace())
    held_back = replace(dataset, samples=dataset.split("val"))
    if not held_back.samples:
        raise DataError("There are no held-back pictures any more.", "Open the dataset again.", dataset.root)
    found = evaluate(run, held_back, tta=True)
    write_text(path, found.frame.to_json(orient="split", index=False) or "")
    return found


def _read(run: Run, path: Path) -> Results | None:
    try:
        frame = pd.read_json(io.StringIO(path.read_text(encoding="utf-8")), orient="split", dtype=False)  # type: ignore[arg-type]
        return Results(frame.astype({"label": str, "predicted": str}), Results.of(run).classes)
    except (OSError, ValueError, KeyError, RunError):
        return None
