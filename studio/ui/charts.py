"""Figures: frames in, figures out. Class names are shown as they are written, never as plotly's own markup."""

from html import escape

import pandas as pd
import plotly.graph_objects as go
import plotly.io
import streamlit.elements.plotly_chart  # noqa: F401  its import makes Streamlit's theme the default of all figures

from studio.text import percent
from studio.ui.cards import shortened

LAYOUT = {
    "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
    "legend": {"traceorder": "normal", "orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
}

FROZEN, LEARNS, HEAD = "#7dbde3", "#f0a04b", "#e0703c"  # ice, warmth, and the warmest; dark text reads on all three
_THEME = plotly.io.templates["streamlit"].to_plotly_json()["layout"]
VAL, TRAIN, OTHER = _THEME["colorway"][:3]  # these stand for the theme's colours: the same as in the live chart


def label(text: str, limit: int = 28) -> str:
    """A class name for an axis: short, and with nothing plotly would read as markup."""
    return escape(shortened(text, limit), quote=False)


def class_bars(counts: pd.DataFrame) -> go.Figure:
    """Pictures per class as horizontal bars, a colour a split. `counts`: rows classes, columns splits."""
    figure = go.Figure()
    names = [label(str(name)) for name in counts.index]
    for split, title, colour in (
        ("train", "to learn from", TRAIN),
        ("val", "held back to measure", VAL),
        ("test", "test", OTHER),
    ):
        if split in counts:
            figure.add_bar(
                marker_color=colour,
                y=list(range(len(names))),
                x=counts[split],
                name=title,
                orientation="h",
                customdata=names,
                hovertemplate="%{customdata}: %{x:,} " + title + "<extra></extra>",
            )
    figure.update_layout(barmode="stack", height=110 + 26 * len(names), bargap=0.3, **LAYOUT)
    figure.update_yaxes(autorange="reversed", tickvals=list(range(len(names))), ticktext=names, automargin=True)
    few = int(counts.sum(axis=1).max()) < 10
    figure.update_xaxes(title="pictures", rangemode="tozero", dtick=1 if few else None)
    return figure


_SAID = {  # parts of the backbone that many networks call by what stands first in them, or by what follows
    "head": "before the head",
    "cls_token": "patches",
    "reg_token": "patches",
    "pos_embed": "patches",
}


def stage_name(place: int, name: str) -> str:
    """A stage for a person, by its place counted from 0, with the network's own name unless that would mislead."""
    return f"stage {place + 1} ({_SAID.get(name, name)})"


def confusion(matrix: pd.DataFrame) -> go.Figure:
    """The confusion matrix (rows true, columns predicted) with its counts; the colour is the share of the row.

    A click is caught by invisible points whose customdata are (row, column): heat maps cannot be selected from.
    """
    names = [label(str(name), 20) for name in matrix.index]
    places = list(range(len(names)))
    cells = [(row, column) for row in places for column in places]
    shares = matrix.div(matrix.sum(axis=1).clip(lower=1), axis=0).to_numpy()
    figure = go.Figure(
        go.Heatmap(
            z=shares,
            x=places,
            y=places,
            zmin=0,
            zmax=1,
            autocolorscale=True,
            showscale=False,
            hoverinfo="skip",
            xgap=2,
            ygap=2,
            text=matrix.map(lambda number: f"{number:,}" if number else "").to_numpy(),
            textfont={"size": 14},
            texttemplate="%{text}" if len(names) <= 20 else "",
        )
    )
    figure.add_scatter(
        x=[column for _, column in cells],
        y=[row for row, _ in cells],
        customdata=cells,
        mode="markers",
        marker={"symbol": "square", "size": max(8, 360 // max(len(names), 1)), "opacity": 0},
        showlegend=False,
        selected={"marker": {"opacity": 0}},
        unselected={"marker": {"opacity": 0}},
        hovertext=[
            f"{int(matrix.iat[row, column]):,} of {names[row]}, taken for {names[column]}" for row, column in cells
        ],
        hovertemplate="%{hovertext}<extra></extra>",
    )
    figure.update_layout(height=min(900, 170 + 44 * len(names)), clickmode="event+select", dragmode=False, **LAYOUT)
    axis = {
        "tickvals": places,
        "ticktext": names,
        "automargin": True,
        "showgrid": False,
        "zeroline": False,
        "fixedrange": True,
    }
    figure.update_xaxes(title="what the model says", range=[-0.5, len(names) - 0.5], **axis)
    figure.update_yaxes(title="what it is", range=[len(names) - 0.5, -0.5], **axis)
    return figure


def probabilities(chances: dict[str, float], most: int = 10) -> go.Figure:
    """The likeliest classes as bars with their percentages, the likeliest on top."""
    best = sorted(chances.items(), key=lambda pair: -pair[1])[:most]
    places = list(range(len(best)))
    names = [label(name) for name, _ in best]
    figure = go.Figure(
        go.Bar(
            y=places,
            x=[share for _, share in best],
            orientation="h",
            text=[percent(share) for _, share in best],
            textposition="outside",
            cliponaxis=False,
            marker_color=VAL,
            customdata=names,
            hovertemplate="%{customdata}: %{x:.1%}<extra></extra>",
        )
    )
    figure.update_layout(height=70 + 34 * len(best), showlegend=False, bargap=0.35, **LAYOUT)
    figure.update_xaxes(range=[0, 1.15], tickformat=".0%", tickvals=[0, 0.5, 1], fixedrange=True)
    figure.update_yaxes(autorange="reversed", tickvals=places, ticktext=names, automargin=True, fixedrange=True)
    return figure
