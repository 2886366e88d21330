"""What the chosen backbone is, in plain words, and what it starts from: published weights, a file, or nothing."""

import os
from pathlib import Path
from typing import Literal

import streamlit as st

from studio.data.roots import Roots
from studio.errors import StudioError
from studio.model.catalogue import Backbone, card
from studio.model.listing import terms
from studio.model.waking import wake
from studio.recipe import Recipe
from studio.text import percent
from studio.ui.cards import plain
from studio.ui.state import workspace

Start = Literal["published", "file", "scratch"]
STARTS: dict[Start, tuple[str, str]] = {
    "published": ("Published weights", "What others taught this network before. Almost always the best start."),
    "file": ("A file of mine", "A .safetensors or .pth file on this computer with weights for this very network."),
    "scratch": (
        "Nothing (from scratch)",
        "Weights by chance: it learns from your pictures alone. Good as a comparison that shows what transfer gains.",
    ),
}


def own_weights(recipe: Recipe, key: str) -> Recipe:
    """What the network starts from; a file is tried on the backbone as soon as it is named."""
    with st.expander("What it starts from", icon=":material/start:", key=f"own-{key}"):
        published = card(recipe.model.backbone, workspace()).weights != "none"
        start = st.radio(
            "Start from",
            list(STARTS),
            index=list(STARTS).index(_start(recipe)),
            format_func=lambda name: STARTS[name][0],
            captions=[sentence for _, sentence in STARTS.values()],
            key=f"start-{key}",
        )
        if start == "published" and not published:
            st.warning("Nobody published weights for this network. Name a file, or start from nothing.")
        if start != "file":
            return recipe.amended({"model.weights": "", "model.pretrained": start == "published"})
        return _from_file(recipe, key)


def _start(recipe: Recipe) -> Start:
    if recipe.model.weights:
        return "file"
    return "published" if recipe.model.pretrained else "scratch"


def _from_file(recipe: Recipe, key: str) -> Recipe:
    st.caption(
        "Only numbers are read from the file: nothing in it is ever run. The last layer is always new. Its tensors "
        "must have the names and shapes that timm gives this backbone."
    )
    chosen = st.text_input(
        "File of weights",
        recipe.model.weights,
        placeholder="/home/me/models/resnet18.safetensors",
        key=f"weights-{key}",
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
    return recipe.amended({"model.weights": chosen, "model.pretrained": True})


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


def describe(backbone: Backbone, own: str, pretrained: bool = True) -> None:
    """What a backbone is: its family, its size, where its weights are (in the file `own`), under which licence.

    Not `pretrained`: it starts from nothing.
    """
    side = backbone.input_size[-1]
    numbers = sum(stage.parameters for stage in backbone.stages)
    work = f" A picture takes it {_work(backbone.flops)}." if backbone.flops else ""
    st.markdown(
        f"**{backbone.family.title}.** {backbone.family.sentence}\n\n{numbers / 1e6:,.1f} million learnt numbers "
        f"(parameters) in {len(backbone.stages)} stages, made for pictures of {side} × {side} pixels.{work}"
    )
    if own:
        st.markdown(f"Its weights come from {plain(Path(own).name)}.")
    elif not pretrained:
        st.markdown("It starts from nothing: its weights are drawn by chance.")
    else:
        _published(backbone)


def _published(backbone: Backbone) -> None:
    accuracy = f" Published accuracy on ImageNet-1k: {percent(backbone.accuracy)}." if backbone.accuracy else ""
    taught = f" Taught with {backbone.taught}." if backbone.taught else ""
    licence = f" Licence: {plain(backbone.licence)}." if backbone.weights != "none" else ""
    st.markdown(f"{_where(backbone)}{taught}{accuracy}{licence}")
    if backbone.weights != "none" and terms(backbone.licence) == "research":
        st.warning("This licence does not allow commercial use.", icon=":material/gavel:")


def _work(flops: int) -> str:
    return f"{flops / 1e9:,.1f} billion operations" if flops >= 1e9 else f"{flops / 1e6:,.0f} million operations"


def _where(backbone: Backbone) -> str:
    return {
        "inside": "Its weights are inside this installation, so nothing needs to be downloaded.",
        "cached": "Its weights were downloaded before and are on this computer.",
        "download": f"Its weights are not on this computer: about {backbone.download_mb:,.0f} MB are downloaded from "
        "the Hugging Face hub when you press Start.",
        "none": "No pretrained weights are published for it, so it would have to learn everything from your pictures.",
    }[backbone.weights]
