"""The plan of a run as a picture: which stage learns in which epochs, and at what rate."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from plotly.subplots import make_subplots

from studio.model.catalogue import Backbone
from studio.recipe import Phase, Recipe
from studio.training.rates import rate, warmed
from studio.ui import charts
from studio.ui.cards import plain

_POINTS = 240  # of a curve
_FLOOR = 1e-3  # of the highest rate: below it a rate is as good as nought, and is not drawn
_INK = "#06141c"


@dataclass(frozen=True)
class Span:
    """Epochs in a row, `first` to `last`, in which a stage is frozen, or learns at most at `rate`."""

    first: int
    last: int
    rate: float | None


def draw(recipe: Recipe, backbone: Backbone, steps_per_epoch: int) -> None:
    """The timeline of this recipe, for epochs of so many steps, and what it says in words."""
    if not backbone.stages:
        return
    names = [charts.stage_name(place, stage.name) for place, stage in enumerate(backbone.stages)]
    st.plotly_chart(
        figure(recipe, names, max(1, steps_per_epoch)),
        key="timeline",
        config={"displayModeBar": False},
        alt="Which stage learns in which epochs, and how the learning rate moves",
    )
    st.caption(plain(" ".join(sentences(recipe, len(names)))))


def sentences(recipe: Recipe, stages: int) -> list[str]:
    """The timeline in words, a sentence a phase."""
    found = []
    for phase in recipe.freeze.phases(recipe.schedule.epochs, stages):
        epochs = f"Epoch {phase.first}" if phase.first == phase.last else f"Epochs {phase.first} to {phase.last}"
        thawed = stages - phase.depth
        if not thawed:
            found.append(f"{epochs}: only the head learns.")
            continue
        last = "the last stage" if thawed == 1 else f"the last {thawed} stages"
        which, them = "all stages" if thawed == stages else last, "it" if thawed == 1 else "the stages"
        shares = [recipe.freeze.share(stage, stages) for stage in range(phase.depth, stages)]
        at = [number(recipe.optimizer.lr * share) for share in (max(shares), min(shares))]
        rates = f"at {at[0]}" if at[0] == at[1] else f"at {at[0]} down to {at[1]} towards the picture"
        found.append(f"{epochs}: the head and {which} learn, {them} {rates} at the most.")
    if recipe.schedule.curve == "plateau":
        found.append("The rate goes down when nothing gets better, which nobody knows before.")
    return found


def number(value: float) -> str:
    """A learning rate without powers of ten: 0.0003."""
    return np.format_float_positional(value, precision=2, fractional=False, trim="-")


def spans(recipe: Recipe, stages: int, steps_per_epoch: int) -> list[list[Span]]:
    """What each stage does over the run, the head last: spans in order, and the highest rate in each."""
    epochs, found = recipe.schedule.epochs, []
    phases = recipe.freeze.phases(epochs, stages)
    for place in range(stages + 1):
        mine: list[Span] = []
        for phase in phases:
            learns = place >= phase.depth or place == stages
            at = _highest(recipe, place, stages, phase, steps_per_epoch) if learns else None
            if mine and (mine[-1].rate is None) == (at is None):
                before = mine.pop()
                top = None if at is None or before.rate is None else max(before.rate, at)
                mine.append(Span(before.first, phase.last, top))
            else:
                mine.append(Span(phase.first, phase.last, at))
        found.append(mine)
    return found


def _highest(recipe: Recipe, place: int, stages: int, phase: Phase, steps_per_epoch: int) -> float:
    first, last = (phase.first - 1) * steps_per_epoch, phase.last * steps_per_epoch
    steps = np.unique(np.linspace(first, last - 1, 100).astype(int))
    return max(_rates(recipe, place, stages, steps_per_epoch, steps.tolist()))


def _rates(recipe: Recipe, place: int, stages: int, steps_per_epoch: int, steps: Sequence[int]) -> list[float]:
    """The rate of a stage, or of the head (number `stages`), at each of these updates, were it thawed."""
    plan, whole = recipe.freeze, recipe.schedule.epochs * steps_per_epoch
    share = 1.0 if place == stages else plan.share(place, stages)
    thawed = [phase.first for phase in plan.phases(recipe.schedule.epochs, stages) if place >= phase.depth]
    since = 0 if place == stages or not thawed else (thawed[0] - 1) * steps_per_epoch
    return [rate(recipe, step, whole) * share * warmed(recipe, step, whole, since) for step in steps]


def figure(recipe: Recipe, names: Sequence[str], steps_per_epoch: int) -> go.Figure:
    """Bars for the stages (the head on top) over the epochs, and below them the rates. `names` are the stages' own."""
    stages = len(names)
    shown = make_subplots(
        rows=2, cols=1, shared_xaxes=True, row_heights=[0.72, 0.28], vertical_spacing=0.06,
    )  # fmt: skip
    rows = spans(recipe, stages, steps_per_epoch)
    _bars(shown, rows, [*names, "new head"])
    _curves(shown, recipe, stages, steps_per_epoch)
    margin = {"l": 8, "r": 8, "t": 8, "b": 8}
    shown.update_layout(
        barmode="overlay", height=170 + 26 * (stages + 1), bargap=0.12, margin=margin,
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
    )  # fmt: skip
    labels = [*(charts.label(name) for name in names), "new head"]
    shown.update_yaxes(tickvals=list(range(stages + 1)), ticktext=labels, fixedrange=True, automargin=True, row=1)
    shown.update_yaxes(
        type="log", title="learning rate", fixedrange=True, automargin=True, exponentformat="power", row=2
    )
    shown.update_xaxes(range=[0, recipe.schedule.epochs], fixedrange=True)
    shown.update_xaxes(title="epochs", row=2)
    return shown


def _bars(shown: go.Figure, rows: Sequence[Sequence[Span]], names: Sequence[str]) -> None:
    kinds = (
        ("stays frozen", charts.FROZEN, ""),
        ("learns", charts.LEARNS, "/"),
        ("new head, learns", charts.HEAD, "x"),
    )
    head = len(rows) - 1
    for kind, colour, pattern in kinds:
        mine = [
            (place, span)
            for place, row in enumerate(rows)
            for span in row
            if (colour == charts.FROZEN) == (span.rate is None) and (colour == charts.HEAD) == (place == head)
        ]
        said = ["frozen" if span.rate is None else f"up to {number(span.rate)}" for _, span in mine]
        shown.add_bar(
            y=[place for place, _ in mine],
            x=[span.last - span.first + 1 for _, span in mine],
            base=[span.first - 1 for _, span in mine],
            orientation="h",
            name=kind,
            marker={
                "color": colour,
                "pattern": {
                    "shape": pattern, "bgcolor": colour, "fgcolor": "rgba(6,20,28,0.2)", "size": 9, "solidity": 0.1,
                },
                "line": {"width": 1, "color": "rgba(6,20,28,0.35)"},
            },
            text=said,
            textfont={"color": _INK, "size": 12},
            textangle=0,
            textposition="inside",
            insidetextanchor="middle",
            customdata=[
                f"{charts.label(names[place])}, epochs {span.first} to {span.last}: {words}"
                for (place, span), words in zip(mine, said, strict=True)
            ],
            hovertemplate="%{customdata}<extra></extra>",
            row=1,
            col=1,
        )  # fmt: skip


def _curves(shown: go.Figure, recipe: Recipe, stages: int, steps_per_epoch: int) -> None:
    """The rate of the head, and of the first and the last stage that ever learn."""
    epochs, plan = recipe.schedule.epochs, recipe.freeze
    steps = np.unique(np.linspace(0, epochs * steps_per_epoch - 1, _POINTS).astype(int)).tolist()
    thawed = range(min(phase.depth for phase in plan.phases(epochs, stages)), stages)
    lines = [(stages, "head", charts.HEAD, "solid")]
    if thawed:
        lines.append((stages - 1, charts.stage_name(stages - 1, "last"), charts.LEARNS, "dash"))
    if len(thawed) > 1 and plan.layer_decay < 1:
        lines.append((thawed[0], charts.stage_name(thawed[0], "first that learns"), charts.LEARNS, "dot"))
    least = recipe.optimizer.lr * _FLOOR * min(1.0, *(plan.share(place, stages) for place in [*thawed, stages - 1]))
    for place, name, colour, dash in lines:
        rates = _rates(recipe, place, stages, steps_per_epoch, steps)
        depths = [plan.depth_at(step // steps_per_epoch + 1, stages) for step in steps]
        frozen = [place < depth and place != stages for depth in depths]
        shown.add_scatter(
            x=[step / steps_per_epoch for step in steps],
            y=[None if cold else max(value, least) for value, cold in zip(rates, frozen, strict=True)],
            mode="lines",
            line={"color": colour, "dash": dash, "width": 2},
            name=f"rate of {charts.label(name)}",
            showlegend=False,
            hovertemplate=f"{charts.label(name)}: %{{y:.2g}}<extra></extra>",
            row=2,
            col=1,
        )
