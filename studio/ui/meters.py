"""The two meters of a pipeline: whether its steps change what pictures mean, and what it costs in time."""

from collections.abc import Sequence
from typing import Any, Literal

import pandas as pd
import streamlit as st

from studio.augment.cost import Cost, measure
from studio.augment.traps import traps
from studio.data.ahead import THREADS
from studio.data.dataset import Dataset
from studio.data.library import Entry
from studio.errors import PictureError, RunError
from studio.recipe import Recipe
from studio.runs.run import Run
from studio.text import percent
from studio.ui import measuring
from studio.ui.cards import plain
from studio.ui.going import going, unended
from studio.ui.shown import Shown
from studio.ui.state import live_runs, readable_runs

WORDS: dict[str, tuple[str, str, Literal["red", "orange", "green"]]] = {
    "critical": ("Changes what pictures mean", ":material/dangerous:", "red"),
    "attention": ("Look at the pictures", ":material/warning:", "orange"),
    "fine": ("No clear harm", ":material/check_circle:", "green"),
}
_RUNS_LOOKED_AT = 50


def known_traps(shown: Shown) -> None:
    """What is known to go wrong with such steps on classes of such names, before anything is measured."""
    found = traps(shown.pipeline.steps, shown.dataset.classes)
    if found:
        st.warning(
            "\n".join(f"- {plain(trap.sentence)}" for trap in found), title="Known traps", icon=":material/warning:"
        )


def safety(entry: Entry, dataset: Dataset, recipe: Recipe, varies: bool) -> None:
    """The measurement of the steps as they are now, or the offer to make one."""
    st.markdown(
        "How often does a step push a picture over to another class? A linear probe learns your classes from pictures "
        "to learn from, as the backbone sees them, and is then asked about held-back ones, before and after each step."
    )
    if not varies:
        st.caption("Nothing is varied, so there is nothing to measure.")
        return
    found = measuring.found(measuring.place(entry, dataset, recipe))
    if measuring.background(entry).is_running:
        stays = "You may leave this page: the measurement goes on, and what it finds is here when you come back."
        going(measuring.background(entry), stays)
    elif found is None:
        label = "Measure the safety"
        if st.button(label, icon=":material/health_and_safety:", key=f"measure-{entry.id}"):
            with st.spinner("Starting…"):
                measuring.begin(entry, dataset, recipe)
            st.rerun()
        unended(measuring.state(entry))
    if found is not None:
        _findings(found["steps"])


def _findings(steps: Sequence[dict[str, Any]]) -> None:
    order = list(WORDS)
    for number, step in enumerate(sorted(steps, key=lambda each: order.index(each["severity"]))):
        word, icon, colour = WORDS[step["severity"]]
        with st.container(border=True, gap="small"):
            with st.container(horizontal=True, vertical_alignment="center"):
                st.badge(word, icon=icon, color=colour)
                st.markdown(plain(step["sentence"]), width="content")
            if step["severity"] != "fine":
                _examples(step["examples"])
            with st.expander("Class by class", key=f"classes-{number}", type="compact"):
                if step["severity"] == "fine":
                    _examples(step["examples"])
                told = f"What the step {step['title']} does to each class"
                st.dataframe(_table(step["classes"]), hide_index=True, alt=told)
    st.caption(
        "A picture that goes over may mean something else now, or the backbone may only no longer know it: look at it. "
        "Intervals are of 95 %. A step is red where surely more than a quarter of a class goes over, orange from a "
        "tenth on."
    )


def _examples(examples: Sequence[dict[str, str]]) -> None:
    """Pictures that went over, before and after."""
    if examples:
        with st.grid(8, min_column_width=90):
            for each in examples:
                st.image(each["before"], caption="before", alt=f"{each['path']} before", width="stretch")
                st.image(each["after"], caption="after", alt=f"{each['path']} after", width="stretch")


def _table(classes: Sequence[dict[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "Class": [each["label"] for each in classes],
            "Go over": [percent(each["flipped"] / each["pictures"], 0) for each in classes],
            "Surely between": [f"{percent(each['low'], 0)} and {percent(each['high'], 0)}" for each in classes],
            "Pictures": [each["pictures"] for each in classes],
            "Mostly to": [each["towards"] or "–" for each in classes],
            "Verdict": [WORDS[each["severity"]][0] for each in classes],
        }
    )


def cost(entry: Entry, shown: Shown) -> None:
    """How many pictures a second the pipeline makes here, and which step takes how much of it."""
    st.markdown("How fast are your pictures varied on this machine, and does that hold training back?")
    key = f"cost-{entry.id}"
    told, identity = st.session_state.get(key, (None, None))
    if st.button("Measure the cost", icon=":material/speed:", key=f"time-{entry.id}"):
        with st.spinner("Measuring…"):
            told, identity = _timed(shown), shown.pipeline.identity
        st.session_state[key] = (told, identity)
    if not told:
        return
    if identity != shown.pipeline.identity:
        st.caption("Measured before the last change. Measure again.")
    if live_runs():
        st.caption("A training is going on, which makes this slower than it is.")
    pace, run = _model_pace(shown.recipe)
    st.markdown(plain(told.sentence(pace)))
    if run is None:
        st.caption("How fast the model is, is not known yet: train it once, and it will be said here.")
    else:
        st.caption(plain(f"The model's pace is that of the run “{run.name}”."))
    steps, shares = zip(*told.shares, strict=True)
    table = pd.DataFrame({"Step": steps, "Share of the time": [share * 100 for share in shares]})
    percents = st.column_config.ProgressColumn(min_value=0, max_value=100, format="%.0f %%")
    st.dataframe(
        table, hide_index=True, alt="Share of the time of each step", column_config={"Share of the time": percents}
    )


def _timed(shown: Shown) -> Cost | None:
    bases = []
    for n in shown.rows.loc[shown.rows["split"] == "train", "n"].head(8).tolist():
        try:
            bases.append(shown.base(int(n)))
        except PictureError:
            continue
    return measure(shown.pipeline, bases, THREADS) if bases else None


def _model_pace(recipe: Recipe) -> tuple[float | None, Run | None]:
    """Pictures a second of the newest run that looked at every picture afresh with this backbone, and that run.

    Where pictures were kept or their features were, a run's pace says nothing of the backbone's.
    """
    for run in readable_runs()[:_RUNS_LOOKED_AT]:
        theirs = run.recipe
        afresh = theirs.engine.cache == "off" or (theirs.augment.preset != "none" and not theirs.augment.views)
        alike = theirs.model == recipe.model and theirs.freeze.strategy == recipe.freeze.strategy
        if afresh and alike:
            try:
                pace = run.progress().images_per_second
            except RunError:
                continue
            if pace:
                return pace, run
    return None, None
