"""Accuracy against speed on this machine: what was measured, what is only estimated, and the offer to measure."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from studio.model import pace
from studio.model.listing import Row
from studio.model.pace import Pace
from studio.model.waking import wake
from studio.ui import charts
from studio.ui.background import Background, Tell
from studio.ui.cards import count
from studio.ui.going import going, unended
from studio.ui.state import live_runs, workspace

_MOST = 400  # points drawn, those first in order
_TRACES = ((False, "estimated", "circle-open"), (True, "measured here", "circle"))  # in the order they are drawn in


def words(known: Pace | None) -> str:
    """A pace for a table: "120", "≈ 35" where it is estimated, a dash where nothing is known."""
    if known is None:
        return "–"
    number = f"{known.pictures:,.0f}" if known.pictures >= 10 else f"{known.pictures:.1f}"
    return number if known.measured else f"≈ {number}"


def show(
    found: Sequence[Row],
    rows: Sequence[Row],
    paces: dict[str, Pace],
    now: str,
    key: str,
    take: Callable[[str], None],
) -> None:
    """The chart of the rows that were found, and what measuring the ones at hand would add. `take` a dot's network."""
    frame = points(found, paces)
    if not paces:
        st.caption(
            "How fast a network is on this machine is not known before one was measured. Then the others are estimated "
            "from their floating-point operations and from how many numbers they move."
        )
    elif frame.empty:
        st.caption("No accuracy is published for any of these.")
    else:
        chart = f"speeds-{key}-{hash((now, *frame['name'])) & 0xFFFFFF}"  # other dots: none is clicked yet

        def clicked() -> None:
            if name := picked(frame, st.session_state[chart].selection.points):
                take(name)

        st.plotly_chart(
            figure(frame, now),
            key=chart,
            config={"displayModeBar": False},
            alt=f"{len(frame)} networks: published accuracy against pictures a second on this machine; a click on a "
            "dot chooses it",
            on_select=clicked,
            selection_mode="points",
        )
        st.caption(
            "A click on a dot chooses it. Filled: measured on this machine, with everything frozen. Hollow: estimated "
            "from operations, a rough guide that gets better with every network that is measured."
        )
    _offer(_to_measure(rows, now, paces))


def points(found: Sequence[Row], paces: dict[str, Pace]) -> pd.DataFrame:
    """A row for each network with a published accuracy and a pace: name, accuracy (0 to 1), pace, measured, family."""
    known = [row for row in found if row.accuracy is not None and row.name in paces][:_MOST]
    return pd.DataFrame(
        {
            "name": [row.name for row in known],
            "accuracy": [row.accuracy for row in known],
            "pace": [paces[row.name].pictures for row in known],
            "measured": [paces[row.name].measured for row in known],
            "family": [row.family.title for row in known],
        }
    )


def figure(frame: pd.DataFrame, now: str) -> go.Figure:
    """The scatter of `points`; the backbone that is chosen `now` has a ring."""
    drawn = go.Figure()
    for measured, title, symbol in _TRACES:
        some = frame[frame["measured"] == measured]
        drawn.add_scatter(
            x=some["pace"],
            y=some["accuracy"],
            mode="markers",
            name=title,
            marker={
                "symbol": symbol,
                "size": 11 if measured else 8,
                "color": charts.LEARNS if measured else charts.VAL,
            },
            unselected={"marker": {"opacity": 1}},  # a click on what is chosen already dims nothing
            customdata=list(zip(map(charts.label, some["name"]), some["family"], strict=True)),
            hovertemplate="%{customdata[0]} (%{customdata[1]})<br>%{y:.1%}, %{x:.3s} pictures a second, "
            + title
            + "<extra></extra>",
        )
    chosen = frame[frame["name"] == now]
    if len(chosen):
        drawn.add_scatter(
            x=chosen["pace"],
            y=chosen["accuracy"],
            mode="markers",
            name="chosen",
            marker={"symbol": "circle-open", "size": 20, "line": {"width": 3}, "color": charts.HEAD},
            hoverinfo="skip",
        )
    drawn.update_layout(height=380, legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0})
    drawn.update_layout(margin={"l": 8, "r": 8, "t": 8, "b": 8})
    drawn.update_xaxes(title="pictures a second on this machine", type="log", dtick=1)
    drawn.update_yaxes(title="published accuracy", tickformat=".0%")
    return drawn


def picked(frame: pd.DataFrame, dots: Sequence[Mapping[str, Any]]) -> str:
    """The network whose dot was clicked in the `figure` of `points`; empty where none was, or the ring alone."""
    for dot in dots:
        if dot["curve_number"] < len(_TRACES):
            drawn = frame["measured"] == _TRACES[dot["curve_number"]][0]
            return list(frame["name"][drawn])[dot["point_index"]]
    return ""


def background() -> Background:
    """The measuring of paces, one at a time for the whole workspace: a machine has one pace."""
    return Background(workspace().cache, "measuring-paces")


def _to_measure(rows: Sequence[Row], now: str, paces: dict[str, Pace]) -> list[Row]:
    """The networks at hand, and the one that is chosen, as far as they were not measured."""
    asked = {pace.key(row): row for row in rows if row.here or row.name == now}
    return [row for row in asked.values() if not (row.name in paces and paces[row.name].measured) and not row.refused]


def _offer(unmeasured: list[Row]) -> None:
    if background().is_running:
        going(background(), "You may leave this page; what is measured is kept.")
        return
    if unmeasured:
        label = f"Measure {count(len(unmeasured), 'network')} at hand"
        if st.button(label, icon=":material/speed:", disabled=bool(live_runs()), help="About two seconds each."):
            background().begin(lambda tell: _measure(unmeasured, tell))
            st.rerun()
        if live_runs():
            st.caption("A run is using this machine now; measure when it is done.")
    unended(background().state())


def _measure(rows: list[Row], tell: Tell) -> None:
    """The whole work of the thread."""
    wake()
    tell("Measuring how fast networks are here", 0, len(rows))
    for done, row, _ in pace.measure(rows, workspace()):
        tell(f"Measured {row.architecture}", done, len(rows))
