"""The picture of the network as stages: how much each holds, whether and when it learns, and what that adds."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd
import plotly.graph_objects as go
import streamlit as st
from plotly.subplots import make_subplots

from studio.model.catalogue import Backbone
from studio.recipe import Recipe
from studio.training.cost import Costs
from studio.ui.cards import count, memory, plain, seconds
from studio.ui.charts import FROZEN, HEAD, LAYOUT, LEARNS, label, stage_name
from studio.ui.depths import learning

Kind = Literal["frozen", "later", "learns", "head"]
_LATER = "#d9b9d3"  # between ice and warmth
_DARK, _LINE = "#06141c", "rgba(6,20,28,0.35)"
_KINDS: dict[Kind, tuple[str, str, str]] = {  # words, colour and hatching: colours alone do not tell everybody
    "frozen": ("stays frozen", FROZEN, ""),
    "later": ("thaws later", _LATER, "."),
    "learns": ("learns from the start", LEARNS, "/"),
    "head": ("new head, learns", HEAD, "x"),
}
_ROOM = 14  # stages up to which each has room for its own number


@dataclass(frozen=True)
class Part:
    """A stage or the head. `epoch` is the first in which it learns, None: never.

    `seconds` an epoch and `bytes_` of memory are what it adds to a run in which only later parts learn; None where
    that was not measured.
    """

    name: str
    short: str
    parameters: int
    kind: Kind
    epoch: int | None
    seconds: float | None = None
    bytes_: int | None = None

    @property
    def does(self) -> str:
        """What it does in the run, in words."""
        return f"thaws in epoch {self.epoch}" if self.kind == "later" else _KINDS[self.kind][0]

    @property
    def adds(self) -> str:
        """What letting it learn adds, in words; empty where that was not measured."""
        if self.seconds is None:
            return ""
        room = "" if self.bytes_ is None else f" and {memory(max(self.bytes_, 0))}"
        return f"{'takes' if self.kind == 'head' else 'adds'} {seconds(max(self.seconds, 0.0))} an epoch{room}"


def parts(recipe: Recipe, backbone: Backbone, classes: int, costs: Costs | None) -> list[Part]:
    """All stages from the picture on, the head for so many classes last."""
    stages, epochs = len(backbone.stages), recipe.schedule.epochs
    depths = [recipe.freeze.depth_at(epoch, stages) for epoch in range(1, epochs + 1)]
    known = costs if costs is not None and len(costs.by_depth) == stages + 1 else None
    found = []
    for place, stage in enumerate(backbone.stages):
        first = next((epoch for epoch, depth in enumerate(depths, 1) if depth <= place), None)
        kind: Kind = "frozen" if first is None else "learns" if first == 1 else "later"
        adds = _added(known, place)
        found.append(Part(stage_name(place, stage.name), str(place + 1), stage.parameters, kind, first, *adds))
    alone = known.of(stages) if known else None
    adds = (alone.seconds_per_epoch, alone.peak_bytes) if alone else (None, None)
    head = learning(backbone, stages, classes, recipe.head)
    return [*found, Part("head", "head", head, "head", 1, *adds)]


def _added(costs: Costs | None, place: int) -> tuple[float | None, int | None]:
    """What letting this stage learn adds where all later ones learn already."""
    if costs is None:
        return None, None
    with_it, without = costs.of(place), costs.of(place + 1)
    room = None
    if with_it.peak_bytes is not None and without.peak_bytes is not None:
        room = with_it.peak_bytes - without.peak_bytes
    return with_it.seconds_per_epoch - without.seconds_per_epoch, room


def picture(recipe: Recipe, backbone: Backbone, classes: int, costs: Costs | None, key: str) -> None:
    """The network from the picture to the head."""
    drawn = parts(recipe, backbone, classes, costs)
    frozen = sum(part.kind == "frozen" for part in drawn)
    st.plotly_chart(
        figure(drawn),
        key=f"network-{key}",
        config={"displayModeBar": False},
        alt=f"The network: {frozen} of {len(backbone.stages)} stages stay frozen, the others and the new head learn",
    )
    told = " Below each: the time and memory that letting it learn adds; pale where it stays frozen." if costs else ""
    st.caption(
        "From the picture on the left to the answer on the right; the wider a stage, the more parameters (learnt "
        f"numbers) it holds, though widths grow far more slowly than the numbers do.{told}"
    )


def table(recipe: Recipe, backbone: Backbone, classes: int, costs: Costs | None) -> None:
    """The same in words and numbers, for those who would rather read, or hear, them."""
    drawn = parts(recipe, backbone, classes, costs)
    rows = {
        "Part": [part.name for part in drawn],
        "In this run": [part.does for part in drawn],
        "Parameters": [part.parameters for part in drawn],
    }
    if drawn[-1].seconds is not None:
        rows["Seconds an epoch"] = [part.seconds for part in drawn]
    if drawn[-1].bytes_ is not None:
        rows["Memory in MB"] = [(part.bytes_ or 0) / 1e6 for part in drawn]
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        alt="What each stage holds, whether it learns, and what that adds",
        column_config={
            "Part": st.column_config.TextColumn(pinned=True),
            "Parameters": st.column_config.NumberColumn(format="localized"),
            "Seconds an epoch": st.column_config.NumberColumn(
                format="%.2g", help="What it adds to an epoch in which all later parts learn already."
            ),
            "Memory in MB": st.column_config.NumberColumn(
                format="%.0f", help="What it adds to the memory that training needs at its peak."
            ),
        },
    )


def figure(drawn: Sequence[Part]) -> go.Figure:
    """The network as one bar in parts; where it was timed, below it what each part adds to an epoch, and to memory.

    Widths grow far more slowly than the parameters, so that small early stages can be seen.
    """
    widths = [max(part.parameters, 1) ** 0.15 for part in drawn]
    starts = [sum(widths[:place]) for place in range(len(drawn))]
    added = _added_rows(drawn)
    heights = [0.42, *[0.58 / len(added)] * len(added)] if added else [1.0]
    chart = make_subplots(rows=1 + len(added), cols=1, shared_xaxes=True, row_heights=heights, vertical_spacing=0.06)
    for kind, (words, colour, hatching) in _KINDS.items():
        places = [place for place, part in enumerate(drawn) if part.kind == kind]
        look = {
            "name": words,
            "legendgroup": kind,
            "marker_color": colour,
            "marker_pattern": {"shape": hatching, "bgcolor": colour, "fgcolor": _LINE, "size": 9, "solidity": 0.1},
            "marker_line": {"width": 2 if len(drawn) <= _ROOM else 1, "color": _LINE},
            "customdata": [_hover(drawn[place]) for place in places],
            "hovertemplate": "%{customdata}<extra></extra>",
        }
        if not places:
            continue
        chart.add_bar(
            y=["network"] * len(places),
            x=[widths[place] for place in places],
            base=[starts[place] for place in places],
            orientation="h",
            textfont={"color": _DARK, "size": 13},
            text=[drawn[place].short if kind == "head" or len(drawn) <= _ROOM else "" for place in places],
            textangle=0,
            textposition="inside",
            insidetextanchor="middle",
            **look,
            row=1,
            col=1,
        )
        for row, (_, values) in enumerate(added, 2):
            chart.add_bar(
                x=[starts[place] + widths[place] / 2 for place in places],
                y=[values[place] for place in places],
                width=[0.94 * widths[place] for place in places],
                opacity=0.45 if kind == "frozen" else 1.0,
                showlegend=False,
                **look,
                row=row,
                col=1,
            )
    chart.update_layout(barmode="overlay", height=150 + 95 * len(added), showlegend=True, **LAYOUT)
    chart.update_xaxes(visible=False, fixedrange=True, range=[0, sum(widths)])
    chart.update_yaxes(visible=False, row=1)
    for row, (words, _) in enumerate(added, 2):
        chart.update_yaxes(title={"text": words, "font": {"size": 12}}, nticks=4, rangemode="tozero", row=row)
    chart.update_yaxes(fixedrange=True, automargin=True)
    return chart


def _added_rows(drawn: Sequence[Part]) -> list[tuple[str, list[float]]]:
    """What each part adds, as far as it was measured: the words of an axis, and a number a part."""
    found: list[tuple[str, list[float]]] = []
    if drawn[-1].seconds is not None:
        found.append(("s an epoch", [max(part.seconds or 0.0, 0.0) for part in drawn]))
    if drawn[-1].bytes_ is not None:
        found.append(("MB", [max(part.bytes_ or 0, 0) / 1e6 for part in drawn]))
    return found


def _hover(part: Part) -> str:
    lines = [f"<b>{label(part.name)}</b>: {part.does}", f"{part.parameters:,} parameters"]
    return "<br>".join([*lines, *([part.adds] if part.adds else [])])


def whole(recipe: Recipe, costs: Costs | None, free: int | None) -> None:
    """What the whole run should take, and a warning where the memory may not be enough; `free` bytes are left now."""
    if costs is None:
        return
    epochs = recipe.schedule.epochs
    took, peak = costs.seconds(recipe.freeze, epochs), costs.peak(recipe.freeze, epochs)
    room = "" if peak is None else f" and needs **{memory(peak)}** of memory at its peak"
    st.markdown(
        f"The whole run of {count(epochs, 'epoch')} should take about **{seconds(took)}**{room}. Timed on "
        f"{plain(costs.device)}; the results will say what it really took."
    )
    if peak is not None and free is not None and peak > free:
        st.warning(
            f"That is more memory than is free now ({memory(free)}). Freeze more, or take smaller batches or pictures.",
            icon=":material/memory:",
        )
