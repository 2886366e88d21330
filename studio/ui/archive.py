"""The parts of the Runs page: the table, and what can be done with a run."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from studio.errors import RunError
from studio.recipe import Recipe
from studio.runs.run import Run
from studio.ui.boundary import boundary
from studio.ui.cards import count, shortened
from studio.ui.lists import STATUS, open_run, title
from studio.ui.queue import queue
from studio.ui.state import dataset_of, store


def table(runs: Sequence[Run]) -> Run | None:
    """All runs; the one that is chosen, if any."""
    frame = pd.DataFrame([_row(run) for run in runs])
    event = st.dataframe(
        frame,
        hide_index=True,
        column_order=["name", "status", "accuracy", "dataset", "when", "seconds", "recipe"],
        on_select="rerun",
        selection_mode="single-row",
        key="runs-table",
        alt="All runs, newest first",
        column_config={
            "name": st.column_config.TextColumn("Name", pinned=True, width="medium"),
            "accuracy": st.column_config.ProgressColumn("Accuracy", min_value=0, max_value=100, format="%.1f %%"),
            "when": st.column_config.DatetimeColumn("When", format="D MMM YYYY, HH:mm"),
            "seconds": st.column_config.NumberColumn("Took", format="duration"),
            "dataset": "Pictures",
            "status": "Status",
            "recipe": st.column_config.TextColumn("What was asked", width="large"),
        },
    )
    rows = event["selection"]["rows"]
    names = {run.id: run for run in runs}
    picked = st.selectbox(
        "Run",
        list(names),
        index=rows[0] if rows else None,
        placeholder="Choose a run",
        format_func=lambda id: f"{title(names[id])} ({id})",
        key=f"runs-pick-{rows[0] if rows else ''}",
    )
    return names[picked] if picked else None


def _row(run: Run) -> dict[str, object]:
    try:
        recipe, progress = run.recipe, run.progress()
    except RunError as error:
        return {"name": run.id, "status": "cannot be read", "recipe": error.what}
    entry, accuracy = dataset_of(run), progress.val_accuracy
    return {
        "name": run.name,
        "status": "waiting" if queue().holds(run.id) else STATUS[progress.status][0],
        "accuracy": accuracy and accuracy * 100,
        "dataset": entry.name if entry else recipe.data.source,
        "recipe": _asked(recipe),
        "when": run.created,
        "seconds": progress.seconds or None,
    }


_STRATEGIES = {
    "head": "head only",
    "two-phase": "head, then thaw",
    "gradual": "head, then stage by stage",
    "full": "everything",
    "custom": "own plan of thawing",
}


def _asked(recipe: Recipe) -> str:
    strategy = _STRATEGIES[recipe.freeze.strategy]
    epochs = count(recipe.schedule.epochs, "epoch")
    fixed = f" ({recipe.augment.views} fixed)" if recipe.augment.views else ""
    return f"{strategy} · {epochs} · {recipe.model.backbone} · variation {recipe.augment.preset}{fixed}"


def actions(run: Run) -> None:
    """Open, rename, delete."""
    with st.container(horizontal=True):
        if st.button("Open", type="primary", icon=":material/arrow_forward:"):
            open_run(run)
        if st.button("Rename", icon=":material/edit:"):
            rename(run)
        if st.button("Delete", icon=":material/delete:"):
            delete(run)


@st.dialog("Rename this run")
@boundary()
def rename(run: Run) -> None:
    """Ask for another name."""
    name = st.text_input("Name", run.name, max_chars=120, key=f"rename-{run.id}")
    if st.button("Rename", type="primary", key="rename-now"):
        run.rename(name)
        st.rerun()


@st.dialog("Delete this run?")
@boundary()
def delete(run: Run) -> None:
    """Ask once more, and say what is lost."""
    st.text(shortened(title(run), 80))
    st.markdown("Its weights, curves and results are removed from this computer for good. The pictures stay.")
    with st.container(horizontal=True):
        if st.button("Delete for good", type="primary", icon=":material/delete:"):
            store().delete(run.id)
            st.query_params.pop("run", None)
            st.rerun()
        if st.button("Keep it"):
            st.rerun()
