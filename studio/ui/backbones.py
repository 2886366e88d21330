"""Choosing a backbone and how much of it learns, with pictures of what is frozen."""

import os
from pathlib import Path

import streamlit as st

from studio.data.roots import Roots
from studio.errors import StudioError
from studio.model.catalogue import Backbone, embedded, names
from studio.model.waking import wake
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
        "Network to start from (backbone)",
        options,
        index=options.index(recipe.model.backbone),
        key=f"backbone-{key}",
        help="What it has learnt before is the start for your classes. Type a part of a name to search.",
    )
    return recipe.amended({"model.backbone": chosen})


def own_weights(recipe: Recipe, key: str) -> Recipe:
    """A file with weights of the user's own, tried on the backbone as soon as it is named."""
    with st.expander("Weights of your own", icon=":material/upload_file:", key=f"own-{key}"):
        st.caption(
            "Start from a .safetensors or .pth file on this computer instead of the published weights. Only numbers "
            "are read from it: nothing in it is ever run. The last layer is always new."
        )
        chosen = st.text_input(
            "File of weights",
            recipe.model.weights,
            placeholder="/home/me/models/resnet18.safetensors",
            key=f"weights-{key}",
            help="Its tensors must have the names and shapes that timm gives this backbone.",
        )
        chosen = chosen.strip().strip("'\"")
        if chosen:
            with st.spinner("Reading the weights…"):
                file = Path(os.path.expanduser(chosen))
                wrong = _misfit(recipe.model.backbone, str(file), file.stat().st_mtime if file.is_file() else 0.0)
            if wrong:
                st.warning(plain(f"{wrong} Until then, training starts from the published weights."))
                chosen = ""
            else:
                st.success("These weights fit. Training starts from them.", icon=":material/check:")
    return recipe.amended({"model.weights": chosen} | ({"model.pretrained": True} if chosen else {}))


@st.cache_data(max_entries=20, show_spinner=False)
def _misfit(backbone: str, file: str, changed: float) -> str:
    """Why the weights in a file cannot be taken; empty if they can. Read again when its time, `changed`, is another."""
    wake()
    from studio.model.weights import build

    try:
        Roots.told(workspace()).admit(Path(file))
        build(backbone, 2, pretrained=True, own=file)
    except StudioError as error:
        return f"{error.what} {error.remedy}"
    return ""


def describe(backbone: Backbone, own: str) -> None:
    """What a backbone is, in plain words: its size, where its weights are (in the file `own`), under which licence."""
    side = backbone.input_size[-1]
    numbers = sum(stage.parameters for stage in backbone.stages)
    where = f"Its weights come from {plain(Path(own).name)}." if own else _where(backbone)
    licence = "" if own else f" Licence: {plain(backbone.licence)}."
    st.markdown(
        f"{numbers / 1e6:,.1f} million learnt numbers (parameters) in {len(backbone.stages)} stages, made for "
        f"pictures of {side} × {side} pixels. {where}{licence}"
    )
    if not own and "nc" in backbone.licence.lower():
        st.warning("This licence does not allow commercial use.", icon=":material/gavel:")


def _where(backbone: Backbone) -> str:
    return {
        "inside": "Its weights are inside this installation, so nothing needs to be downloaded.",
        "cached": "Its weights were downloaded before and are on this computer.",
        "download": f"Its weights are not on this computer: {backbone.download_mb:,.0f} MB are downloaded from the "
        "Hugging Face hub when you press Start.",
        "none": "No pretrained weights are published for it, so it would have to learn everything from your pictures.",
    }[backbone.weights]


def thaw(recipe: Recipe, backbone: Backbone, classes: int, key: str) -> Recipe:
    """Strategy and freezing depth, which move together: all frozen is the head alone, none frozen may be everything."""
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
        suits = "head" if chosen == stages else "full" if before == "full" and chosen == 0 else "two-phase"
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
    st.select_slider(
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
        alt=f"The network: {depth} of {stages} stages stay frozen, the others and the new head learn",
    )
    st.markdown(
        f"**{backbone.trainable(depth, classes):,}** of {backbone.trainable(0, classes):,} parameters learn"
        + (f", first only the {head:,} of the head." if strategy == "two-phase" else ".")
    )
    unchanged = (strategy, depth) == (recipe.freeze.strategy, min(recipe.freeze.final_depth, stages))
    return recipe if unchanged else _amended(recipe, strategy, depth, stages)


def _held(recipe: Recipe, backbone: Backbone, key: str) -> tuple[str, int]:
    """Strategy and depth as chosen in this session for this backbone; to begin with, those of the recipe."""
    held = st.session_state.get(f"freeze-{key}")
    if held is None or held[0] != backbone.name:
        stages, strategy = len(backbone.stages), recipe.freeze.strategy
        most = stages - 1 if strategy == "two-phase" else stages  # another backbone may have fewer stages
        _hold(key, backbone, strategy, min(recipe.freeze.final_depth, most), moves="both")
    _, strategy, depth = st.session_state[f"freeze-{key}"]
    return strategy, depth


def _hold(key: str, backbone: Backbone, strategy: str, depth: int, moves: str) -> None:
    """Keep a choice, and have the control that it `moves` drawn anew.

    A control that was moved by the other one gets a new key. Under its old key a second click, made before the page
    was drawn again, would still send its old value, and undo the first.
    """
    st.session_state[f"freeze-{key}"] = (backbone.name, strategy, depth)
    turns = st.session_state.setdefault(_turns(key), {"strategy": 0, "depth": 0})
    st.session_state[_turns(key)] = {name: turn + (moves in (name, "both")) for name, turn in turns.items()}


def _turns(key: str) -> str:
    return f"freeze-turns-{key}"


def _depth_name(backbone: Backbone, depth: int) -> str:
    stages = len(backbone.stages)
    if depth == 0:
        return "none: all learn"
    if depth == stages:
        return "all: only the head learns"
    last = charts.stage_name(depth - 1, backbone.stages[depth - 1].name)
    return f"{depth}: up to {last}" if depth > 1 else f"1: {last}"


def _amended(recipe: Recipe, strategy: str, depth: int, stages: int) -> Recipe:
    """The choice as a recipe, with the learning rate that suits it unless another was asked for."""
    changes = {"freeze.strategy": strategy, "freeze.depth": None if depth == stages else depth}
    if recipe.optimizer.lr == RATES[recipe.freeze.strategy]:
        changes["optimizer.lr"] = RATES[strategy]
    return recipe.amended(changes)
