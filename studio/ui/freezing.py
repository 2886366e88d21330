"""Freezing: which strategy, how deep, when and at what rate; beside each depth what it costs and what it may bring."""

from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from studio.data.library import Entry
from studio.model.catalogue import Backbone
from studio.recipe import Recipe, ThawAt
from studio.ui import boxes, depths
from studio.ui.cards import plain

if TYPE_CHECKING:
    from studio.advice.depths import DepthExpectation
    from studio.training.cost import Costs

STRATEGIES = {
    "head": (
        "Only the head",
        "The network stays as it is and only a new last layer learns. Fast, hard to get wrong, "
        "and often all you need for photographs of everyday things.",
    ),
    "two-phase": (
        "Head first, then thaw",
        "First the new head learns alone. Then the thawed stages learn too, at a "
        "lower rate, so that what they know is refined and not overwritten. Best when your pictures look "
        "unlike photographs.",
    ),
    "gradual": (
        "Head first, then stage by stage",
        "After the head one stage more thaws at a time, from the last one towards the picture. Gentler than thawing "
        "all at once, and slower: for few pictures that look unlike photographs.",
    ),
    "full": (
        "Everything from the start",
        "All stages learn at once from the first step. Needs many pictures and a small learning rate.",
    ),
    "custom": ("A plan of your own", "You say from which epoch on how many stages stay frozen."),
}
RATES = {"head": 3e-3, "two-phase": 3e-3, "gradual": 3e-3, "full": 3e-4, "custom": 3e-3}  # a whole network forgets
_HEAD_FIRST = ("two-phase", "gradual")


def choose(
    recipe: Recipe,
    backbone: Backbone,
    classes: int,
    entry: Entry,
    costs: "Costs | None" = None,
    expected: "DepthExpectation | None" = None,
) -> Recipe:
    """Strategy and freezing depth, which move together: all frozen is the head alone, none frozen may be everything.

    `costs` and `expected`, where they are known, are told for each depth.
    """
    if not backbone.stages:
        st.error(
            plain(backbone.refused or "This backbone has no stages that could be frozen."), icon=":material/block:"
        )
        return recipe
    key, stages = entry.id, len(backbone.stages)
    strategy, depth = _controls(recipe, backbone, key)
    recipe = _amended(recipe, strategy, depth, stages)
    recipe = _thaws(recipe, backbone, key) if strategy == "custom" else _pace(recipe, key)
    shallowest = min(phase.depth for phase in recipe.freeze.phases(recipe.schedule.epochs, stages))
    st.markdown(depths.told(recipe, backbone, classes, shallowest, costs, expected))
    depths.compared(recipe, backbone, classes, shallowest, costs, expected)
    for sentence in recipe.freeze.cautions(recipe.schedule.epochs, stages, pretrained=recipe.model.pretrained):
        st.warning(plain(sentence), icon=":material/warning:")
    return recipe


def _controls(recipe: Recipe, backbone: Backbone, key: str) -> tuple[str, int]:
    """The strategy and the depth, each of which moves the other."""
    stages = len(backbone.stages)
    strategy, depth = _held(recipe, backbone, key)
    turns = st.session_state[_turns(key)]
    strategy_key, depth_key = (f"{name}-{turns[name]}-{key}" for name in ("strategy", "depth"))

    def is_drawn(name: str) -> bool:
        """Whether the control is still the one on the page: a browser tells of one that was just replaced once more."""
        return turns[name] == st.session_state[_turns(key)][name]

    def strategy_chosen() -> None:
        if not is_drawn("strategy"):
            return
        chosen, before = st.session_state[strategy_key], st.session_state[f"freeze-{key}"][2]
        kept = 0 if before == stages else before
        _hold(key, backbone, chosen, {"head": stages, "full": 0}.get(chosen, kept), moves="depth")

    def depth_chosen() -> None:
        if not is_drawn("depth"):
            return
        chosen, before = st.session_state[depth_key], st.session_state[f"freeze-{key}"][1]
        goes_on = before == "gradual" or (before == "full" and chosen == 0)
        suits = "head" if chosen == stages else before if goes_on else "two-phase"
        _hold(key, backbone, suits, chosen, moves="strategy")

    st.session_state.setdefault(strategy_key, strategy)
    st.session_state.setdefault(depth_key, depth)
    st.radio(
        "What learns",
        list(STRATEGIES),
        format_func=lambda name: STRATEGIES[name][0],
        captions=[sentence for _, sentence in STRATEGIES.values()],
        key=strategy_key,
        on_change=strategy_chosen,
    )
    if strategy != "custom":
        st.select_slider(
            "How many stages stay frozen, counted from the picture",
            list(range(stages + 1)),
            format_func=lambda number: depths.depth_name(backbone, number),
            key=depth_key,
            on_change=depth_chosen,
            help="Early stages see edges and colours, which are the same "
            "everywhere; late stages see whole things. Freeze more with few pictures, less when your "
            "pictures look unlike photographs.",
        )
    return strategy, depth


def _pace(recipe: Recipe, key: str) -> Recipe:
    """When a strategy thaws, and at what rate: good values to begin with, out of the way until they are wanted."""
    strategy, changes = recipe.freeze.strategy, dict[str, Any]()
    if strategy == "head":
        return recipe
    with st.expander("When, and at what rate", icon=":material/schedule:", key=f"pace-{key}"), st.grid(2):
        if strategy in _HEAD_FIRST:
            changes["freeze.head_epochs"] = _number(recipe, "head_epochs", "Epochs of the head alone", key)
        if strategy == "gradual":
            changes["freeze.every"] = _number(recipe, "every", "Epochs from one stage to the next", key)
        changes |= _shares(recipe, key)
    return recipe.amended(changes)


def _number(recipe: Recipe, name: str, label: str, key: str) -> int:
    return boxes.number(recipe, f"freeze.{name}", label, key, min_value=1, max_value=1000, step=1)


def _shares(recipe: Recipe, key: str) -> dict[str, float]:
    """At which share of the head's rate the thawed stages learn, and how that falls towards the picture."""
    bounds: dict[str, Any] = {"max_value": 1.0, "step": 0.05, "format": "%g"}
    factor, decay = "freeze.thaw_lr_factor", "freeze.layer_decay"
    label = "Rate of the thawed stages, as a share of the head's"
    return {
        factor: boxes.number(recipe, factor, label, key, min_value=0.001, **bounds),
        decay: boxes.number(
            recipe,
            decay,
            "Each earlier stage learns at this share of the next one's rate (layer decay)",
            key,
            min_value=0.05,
            **bounds,
        ),
    }


def _thaws(recipe: Recipe, backbone: Backbone, key: str) -> Recipe:
    """The plan of one's own as a table, a row a change; and at what rate."""
    stages, before = len(backbone.stages), recipe.freeze.thaws
    st.caption("Until the first of these epochs the head learns alone. 0 frozen stages: everything learns.")
    frame = pd.DataFrame({"epoch": [thaw.epoch for thaw in before], "depth": [thaw.depth for thaw in before]})
    held = st.session_state.setdefault(f"thaws-{key}", frame)
    edited = st.data_editor(
        held,
        num_rows="dynamic",
        hide_index=True,
        key=f"thaws-editor-{st.session_state[_turns(key)]['depth']}-{key}",
        alt="From which epoch on how many stages stay frozen",
        column_config={
            "epoch": st.column_config.NumberColumn("From epoch", min_value=1, max_value=10_000, step=1, required=True),
            "depth": st.column_config.NumberColumn(
                "Stages that stay frozen", min_value=0, max_value=stages, step=1, required=True
            ),
        },
    )
    rows = edited.dropna().astype(int).sort_values("epoch").itertuples(index=False)
    thaws = tuple(ThawAt(epoch=row.epoch, depth=row.depth) for row in rows)
    with st.expander("At what rate", icon=":material/schedule:", key=f"pace-{key}"), st.grid(2):
        shares = _shares(recipe, key)
    return recipe.amended({"freeze.thaws": thaws, **shares})


def _held(recipe: Recipe, backbone: Backbone, key: str) -> tuple[str, int]:
    """Strategy and depth as chosen in this session for this backbone; to begin with, those of the recipe."""
    held = st.session_state.get(f"freeze-{key}")
    if held is None or held[0] != backbone.name:
        stages, strategy = len(backbone.stages), recipe.freeze.strategy
        most = stages - 1 if strategy in _HEAD_FIRST else stages  # another backbone may have fewer stages
        _hold(key, backbone, strategy, min(recipe.freeze.final_depth, most), moves="both")
    _, strategy, depth = st.session_state[f"freeze-{key}"]
    return strategy, depth


def _hold(key: str, backbone: Backbone, strategy: str, depth: int, moves: str) -> None:
    """Keep a choice, and have the control that it `moves` drawn anew.

    A control that was moved by the other one gets a new key. Under its old key a second click, made before the page
    was drawn again, would still send its old value, and undo the first.
    """
    st.session_state[f"freeze-{key}"] = (backbone.name, strategy, depth)
    st.session_state.pop(f"thaws-{key}", None)
    turns = st.session_state.setdefault(_turns(key), {"strategy": 0, "depth": 0})
    st.session_state[_turns(key)] = {name: turn + (moves in (name, "both")) for name, turn in turns.items()}


def _turns(key: str) -> str:
    return f"freeze-turns-{key}"


def _amended(recipe: Recipe, strategy: str, depth: int, stages: int) -> Recipe:
    """The choice as a recipe, with the learning rate that suits it unless another was asked for."""
    if (strategy, depth) == (recipe.freeze.strategy, min(recipe.freeze.final_depth, stages)):
        return recipe
    changes: dict[str, Any] = {"freeze.strategy": strategy, "freeze.depth": None if depth == stages else depth}
    if strategy == "custom":
        changes |= {"freeze.depth": None, "freeze.thaws": recipe.freeze.thaws or _first_plan(recipe, stages)}
    else:
        changes["freeze.thaws"] = ()
    if strategy == "head":
        changes["freeze.layer_decay"] = 1.0
    if recipe.optimizer.lr == RATES[recipe.freeze.strategy]:
        changes["optimizer.lr"] = RATES[strategy]
    return recipe.amended(changes)


def _first_plan(recipe: Recipe, stages: int) -> tuple[ThawAt, ...]:
    """A plan to begin with: after the head half of the stages, and then all, as far as the epochs go."""
    first = min(recipe.freeze.head_epochs + 1, recipe.schedule.epochs)
    second = first + max(1, (recipe.schedule.epochs - first) // 2)
    half = ThawAt(epoch=first, depth=stages // 2)
    return (half, ThawAt(epoch=second, depth=0)) if second <= recipe.schedule.epochs else (half,)
