"""The learning-rate finder on the Model page: a curve of the loss over the rate, a suggestion, and one press to use it.

It goes on in the background. What was found lies in the dataset's folder `rates/`, by all that decides it.
"""

import hashlib
import json
import math
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from studio.data.library import Entry
from studio.model.waking import wake
from studio.recipe import Recipe
from studio.ui import charts
from studio.ui.background import Background, Tell
from studio.ui.cards import plain
from studio.ui.going import going, unended
from studio.ui.state import live_runs, open_dataset, save_draft, workspace
from studio.workspace import Workspace, write_text

_KEPT = 40  # curves kept of a dataset
_LAID_ASIDE = ("lr", "ema")  # of the optimizer: what does not change the curve


def show(entry: Entry, recipe: Recipe) -> Recipe:
    """The curve for this recipe if there is one, else the offer to find it. Returns the recipe as it is."""
    with st.expander("Find a learning rate", icon=":material/show_chart:", key=f"finding-{entry.id}"):
        st.caption(
            "The learning rate is how large each change of the weights is. Too small and nothing is learnt, too large "
            "and what was known breaks down. The finder tries a hundred rates, each larger than the last, on what "
            "learns first here, and forgets the network afterwards."
        )
        work = background(entry)
        found = kept(entry, recipe)
        if work.is_running:
            going(work, "You may leave this page: the curve is here when you come back.")
        elif found is not None:
            _curve(entry, recipe, found)
        else:
            _offer(entry, recipe, work)
    return recipe


def background(entry: Entry) -> Background:
    """The finding of rates for a dataset, one at a time."""
    return Background(entry.folder, "rate", "search for a rate", "Search")


def kept(entry: Entry, recipe: Recipe) -> dict[str, Any] | None:
    """What was found for this recipe: `points` of lr and loss, `suggested` or None, and `words`."""
    try:
        return json.loads(_place(entry, recipe).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _offer(entry: Entry, recipe: Recipe, work: Background) -> None:
    unended(work.state(), "search", "Search again.")
    if live_runs():
        st.caption("A rate can be searched for when no training is going on.")
        return
    if recipe.problems():
        st.caption("First mend what cannot be trained, as told at the end of this page.")
        return
    if st.button("Find a rate", icon=":material/search:", key=f"find-rate-{entry.id}"):
        path, where = _place(entry, recipe), workspace()
        with st.spinner("Starting…"):
            work.begin(lambda tell: _find(recipe, where, path, tell))
        st.rerun()


def _curve(entry: Entry, recipe: Recipe, found: dict[str, Any]) -> None:
    st.plotly_chart(
        figure(found, recipe.optimizer.lr),
        key="rate-curve",
        config={"displayModeBar": False},
        alt="The training loss at each learning rate that was tried",
    )
    st.markdown(plain(found["words"]))
    suggested = found["suggested"]
    if suggested is None:
        return
    if recipe.optimizer.lr == suggested:
        st.caption("This recipe uses it.")
    elif st.button(f"Use a rate of {suggested:g}", icon=":material/check:", key=f"use-rate-{entry.id}", type="primary"):
        save_draft(entry, recipe.amended({"optimizer.lr": suggested}))
        st.rerun()


def figure(found: dict[str, Any], now: float) -> go.Figure:
    """The smoothed loss over the rate, with the suggested rate and that of `now`."""
    rates = [point["lr"] for point in found["points"]]
    figure = go.Figure()
    figure.add_scatter(
        x=rates,
        y=[point["loss"] for point in found["points"]],
        mode="lines",
        name="training loss, smoothed",
        line={"color": charts.TRAIN, "width": 2},
        hovertemplate="rate %{x:.2g}: loss %{y:.3f}<extra></extra>",
    )
    for rate, words, dash, place in ((found["suggested"], "suggested", "dash", 1.0), (now, "now", "dot", 0.88)):
        if rate and rates and rates[0] <= rate <= rates[-1]:
            figure.add_vline(x=rate, line={"dash": dash, "color": charts.LEARNS, "width": 2})
            figure.add_annotation(
                x=math.log10(rate), y=place, yref="paper", text=words, showarrow=False, xanchor="left", xshift=4
            )
    figure.update_layout(height=260, **charts.LAYOUT)
    figure.update_xaxes(type="log", title="learning rate", tickformat=".0e", fixedrange=True)
    figure.update_yaxes(title="loss", rangemode="tozero", fixedrange=True)
    return figure


def _find(recipe: Recipe, where: Workspace, path: Path, tell: Tell) -> None:
    """The whole work of the thread."""
    wake()
    from studio.training.events import Prepared
    from studio.training.finder import Point, find_rate

    told = find_rate(recipe, where)
    while True:
        try:
            now = next(told)
        except StopIteration as end:
            _keep(path, end.value)
            return
        if isinstance(now, Point):
            tell("Trying rates", now.step, now.steps)
        elif isinstance(now, Prepared):
            tell(now.doing, now.done, now.total)


def _keep(path: Path, found: Any) -> None:
    points = [{"lr": point.lr, "loss": point.loss} for point in found.points]
    path.parent.mkdir(exist_ok=True)
    write_text(path, json.dumps({"points": points, "suggested": found.suggested, "words": found.words}))
    old = sorted(path.parent.glob("*.json"), key=lambda each: each.stat().st_mtime)
    for each in old[:-_KEPT]:
        each.unlink(missing_ok=True)


def _place(entry: Entry, recipe: Recipe) -> Path:
    """Where the curve of this recipe on these pictures lies, or would."""
    tree = recipe.model_dump(mode="json")
    optimizer = {name: value for name, value in tree["optimizer"].items() if name not in _LAID_ASIDE}
    schedule = {name: tree["schedule"][name] for name in ("batch_size", "label_smoothing")}
    first = (recipe.freeze.depth_at(1), recipe.freeze.thaw_lr_factor, recipe.freeze.layer_decay)
    parts = [tree[name] for name in ("seed", "data", "model", "head", "augment", "loss")]
    told = json.dumps([open_dataset(entry).fingerprint, *parts, optimizer, schedule, first], sort_keys=True)
    return entry.folder / "rates" / f"{hashlib.blake2b(told.encode(), digest_size=12).hexdigest()}.json"
