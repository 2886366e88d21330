"""A freezing depth in words and numbers: what learns, what it costs, and what it is expected to bring."""

from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from studio.model.catalogue import Backbone
from studio.recipe import HeadChoice, Recipe
from studio.text import percent
from studio.ui import charts
from studio.ui.cards import count, memory, seconds

if TYPE_CHECKING:
    from studio.advice.depths import DepthExpectation, Expected
    from studio.training.cost import Costs


def depth_name(backbone: Backbone, depth: int) -> str:
    """A freezing depth for a person: up to which stage the network stays frozen."""
    stages = len(backbone.stages)
    if depth == 0:
        return "none: all learn"
    if depth == stages:
        return "all: only the head learns"
    last = charts.stage_name(depth - 1, backbone.stages[depth - 1].name)
    return f"{depth}: up to {last}" if depth > 1 else f"1: {last}"


def learning(backbone: Backbone, depth: int, classes: int, head: HeadChoice) -> int:
    """How many numbers learn at a depth, under a head of this kind."""
    linear = backbone.trainable(depth, classes)
    if head.kind == "linear":
        return linear
    per_class, _ = backbone.head
    layers = max(1, round(per_class / (backbone.features + 1)))  # some networks have two, and take their mean
    hidden = (backbone.features + 1) * head.hidden + (head.hidden + 1) * classes
    return linear - per_class * classes + layers * hidden


def told(
    recipe: Recipe,
    backbone: Backbone,
    classes: int,
    depth: int,
    costs: "Costs | None",
    expected: "DepthExpectation | None",
) -> str:
    """What the chosen depth means, in one sentence of numbers."""
    learn = learning(backbone, depth, classes, recipe.head)
    alone = learning(backbone, len(backbone.stages), classes, recipe.head)
    said = f"**{learn:,}** of {learning(backbone, 0, classes, recipe.head):,} parameters learn"
    if recipe.freeze.head_first(len(backbone.stages)) and learn > alone:
        said += f", first only the {alone:,} of the head"
    if costs is not None:
        cost = costs.of(depth)
        room = "" if cost.peak_bytes is None else f", {memory(cost.peak_bytes)} of memory at its peak"
        said += f". An epoch should take about **{seconds(cost.seconds_per_epoch)}** on this machine{room}"
    likely = expected.at(depth) if expected is not None else None
    if likely is not None:
        beside = "" if likely.measured else ", taken from the depths beside it"
        said += f". Expected accuracy: **{percent(likely.accuracy)}** ({_band(likely)}{beside})"
    return f"{said}."


def compared(
    recipe: Recipe,
    backbone: Backbone,
    classes: int,
    chosen: int,
    costs: "Costs | None",
    expected: "DepthExpectation | None",
) -> None:
    """Every depth in a row, with what it costs and what it is expected to bring, as far as that is known."""
    if costs is None and expected is None:
        return
    rows = []
    for depth in range(len(backbone.stages), -1, -1):
        row: dict[str, Any] = {"chosen": depth == chosen, "frozen": depth_name(backbone, depth)}
        row["learns"] = learning(backbone, depth, classes, recipe.head)
        if costs is not None:
            cost = costs.of(depth)
            row |= {"seconds": cost.seconds_per_epoch, "memory": (cost.peak_bytes or float("nan")) / 1e9}
        if expected is not None:
            likely = expected.at(depth)
            row |= {"expected": likely and likely.accuracy * 100, "band": likely and _band(likely)}
            row |= {"from": likely and ("short fits" if likely.measured else "the depths beside it")}
        rows.append(row)
    with st.expander(f"Compare all {count(len(rows), 'depth')}", icon=":material/table_rows:", key="depths-compared"):
        st.dataframe(
            pd.DataFrame(rows).dropna(axis="columns", how="all"),
            hide_index=True,
            alt="Every freezing depth: what learns, what it costs, and the accuracy that is expected",
            column_config={
                "chosen": st.column_config.CheckboxColumn("Chosen", width="small"),
                "frozen": st.column_config.TextColumn("Stays frozen"),
                "learns": st.column_config.NumberColumn("Parameters that learn", format="localized"),
                "seconds": st.column_config.NumberColumn("Seconds an epoch", format="%.2g"),
                "memory": st.column_config.NumberColumn("Memory in GB", format="%.2f"),
                "expected": st.column_config.NumberColumn("Expected accuracy", format="%.1f %%"),
                "band": st.column_config.TextColumn("95 % interval"),
                "from": st.column_config.TextColumn("Told by"),
            },
        )


def _band(likely: "Expected") -> str:
    return f"{percent(likely.low)} to {percent(likely.high)}"
