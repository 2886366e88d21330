"""Choosing a backbone and how much of it learns, with pictures of what is frozen."""

import streamlit as st

from studio.model.catalogue import Backbone, embedded, names
from studio.recipe import Recipe
from studio.ui import charts
from studio.ui.cards import plain
from studio.ui.state import workspace

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
    "full": (
        "Everything from the start",
        "All stages learn at once from the first step. Needs many pictures and a small learning rate.",
    ),
}
RATES = {"head": 3e-3, "two-phase": 3e-3, "full": 3e-4}  # a whole network forgets what it knows at the head's rate


def choose(recipe: Recipe, key: str) -> Recipe:
    """The backbone: those inside this installation, or one of all that timm has."""
    options = embedded()
    if st.toggle(
        "Show all backbones",
        key=f"all-backbones-{key}",
        help="More than a thousand networks. Reading the list takes a few seconds the first time; most "
        "of them must be downloaded before they can be used.",
    ):
        with st.spinner("Reading the list of backbones…"):
            options = names("", workspace())
    if recipe.model.backbone not in options:
        options = [recipe.model.backbone, *options]
    chosen = st.selectbox(
        "Backbone",
        options,
        index=options.index(recipe.model.backbone),
        key=f"backbone-{key}",
        help="The network to start from. Type a part of its name to search.",
    )
    return recipe.amended({"model.backbone": chosen})


def describe(backbone: Backbone) -> None:
    """What a backbone is, in plain words: its size, where its weights are, under which licence."""
    where = {
        "inside": "Its weights are inside this installation, so nothing needs to be downloaded.",
        "cached": "Its weights were downloaded before and are on this computer.",
        "download": f"Its weights are not on this computer: {backbone.download_mb:,.0f} MB are downloaded from the "
        "Hugging Face hub when you press Start.",
        "none": "No pretrained weights are published for it, so it would have to learn everything from your pictures.",
    }[backbone.weights]
    side = backbone.input_size[-1]
    numbers = sum(stage.parameters for stage in backbone.stages)
    st.markdown(
        f"{numbers / 1e6:,.1f} million parameters in {len(backbone.stages)} stages, made for "
        f"pictures of {side} × {side} pixels. {where} Licence: {plain(backbone.licence)}."
    )
    if "nc" in backbone.licence.lower():
        st.warning("This licence does not allow commercial use.", icon=":material/gavel:")


def thaw(recipe: Recipe, backbone: Backbone, classes: int, key: str) -> Recipe:
    """Strategy and freezing depth, which move together: all frozen is the head alone, none frozen may be everything."""
    stages = len(backbone.stages)
    strategy_key, depth_key = f"strategy-{key}", f"depth-{key}-{backbone.name}"
    depth_now = min(recipe.freeze.final_depth, stages)

    def strategy_chosen() -> None:
        depth = {"head": stages, "full": 0}.get(st.session_state[strategy_key])
        if depth is None:
            depth = 0 if st.session_state[depth_key] == stages else st.session_state[depth_key]
        st.session_state[depth_key] = depth

    def depth_chosen() -> None:
        depth, strategy = st.session_state[depth_key], st.session_state[strategy_key]
        if depth == stages:
            st.session_state[strategy_key] = "head"
        elif strategy == "head" or (strategy == "full" and depth > 0):
            st.session_state[strategy_key] = "two-phase"

    st.session_state.setdefault(strategy_key, recipe.freeze.strategy)
    st.session_state.setdefault(depth_key, depth_now)
    strategy = st.radio(
        "What learns",
        list(STRATEGIES),
        format_func=lambda name: STRATEGIES[name][0],
        captions=[sentence for _, sentence in STRATEGIES.values()],
        key=strategy_key,
        on_change=strategy_chosen,
    )
    depth = st.select_slider(
        "How many stages stay frozen, counted from the picture",
        list(range(stages + 1)),
        format_func=lambda number: _depth_name(backbone, number),
        key=depth_key,
        on_change=depth_chosen,
        help="Early stages see edges and colours, which are the same "
        "everywhere; late stages see whole things. Freeze more with few pictures, less when your "
        "pictures look unlike photographs.",
    )
    parts = [(stage.name, stage.parameters) for stage in backbone.stages]
    head = backbone.trainable(stages, classes)
    st.plotly_chart(
        charts.network([*parts, ("head", head)], depth),
        key=f"network-{key}",
        config={"displayModeBar": False},
        alt=f"The network: {depth} of {stages} stages stay frozen",
    )
    learning = backbone.trainable(depth, classes)
    st.markdown(
        f"**{learning:,}** of {backbone.trainable(0, classes):,} parameters learn"
        + (f", first only the {head:,} of the head." if strategy == "two-phase" else ".")
    )
    unchanged = (strategy, depth) == (recipe.freeze.strategy, depth_now)
    return recipe if unchanged else _amended(recipe, strategy, depth, stages)


def _depth_name(backbone: Backbone, depth: int) -> str:
    stages = len(backbone.stages)
    if depth == 0:
        return "none: all learn"
    return "all: only the head learns" if depth == stages else f"{depth}: up to {backbone.stages[depth - 1].name}"


def _amended(recipe: Recipe, strategy: str, depth: int, stages: int) -> Recipe:
    """The choice as a recipe, with the learning rate that suits it unless another was asked for."""
    changes = {"freeze.strategy": strategy, "freeze.depth": None if depth == stages else depth}
    if recipe.optimizer.lr == RATES[recipe.freeze.strategy]:
        changes["optimizer.lr"] = RATES[strategy]
    return recipe.amended(changes)
