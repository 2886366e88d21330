"""What the chosen backbone is, in plain words, and what it starts from: published weights, a file, or nothing."""

import os
from pathlib import Path

import streamlit as st

from studio.data.library import Entry
from studio.data.roots import Roots
from studio.errors import StudioError
from studio.model.catalogue import Backbone, card
from studio.model.listing import terms
from studio.model.waking import wake
from studio.recipe import Recipe, Start
from studio.text import percent
from studio.ui import consulting
from studio.ui.background import Background, Tell
from studio.ui.cards import plain
from studio.ui.going import going, unended
from studio.ui.state import workspace

_OFFERED = 3  # networks that a file fits
STARTS: dict[Start, tuple[str, str]] = {
    "published": ("Published weights", "What others taught this network before. Almost always the best start."),
    "file": ("A file of mine", "A .safetensors or .pth file on this computer with weights for this very network."),
    "scratch": (
        "Nothing (from scratch)",
        "Weights by chance: everything learns, from your pictures alone, at the full rate and for many epochs. Good as "
        "a comparison that shows what transfer gains.",
    ),
}


def own_weights(recipe: Recipe, entry: Entry) -> Recipe:
    """What the network starts from; a file is tried on the backbone as soon as it is named."""
    key = entry.id
    widget = f"start-{key}"

    def chosen() -> None:
        start: Start = st.session_state[widget]
        consulting.adopt(entry, lambda recipe: recipe.started(start))
        st.session_state[widget] = start  # a file is still to be named

    with st.expander("What it starts from", icon=":material/start:", key=f"own-{key}"):
        published = card(recipe.model.backbone, workspace()).weights != "none"
        st.session_state.setdefault(widget, recipe.model.start)
        start = st.radio(
            "Start from",
            list(STARTS),
            format_func=lambda name: STARTS[name][0],
            captions=[sentence for _, sentence in STARTS.values()],
            key=widget,
            on_change=chosen,
        )
        if start == "published" and not published:
            st.warning("Nobody published weights for this network. Name a file, or start from nothing.")
        return _from_file(recipe, entry, published) if start == "file" else recipe


def _from_file(recipe: Recipe, entry: Entry, published: bool) -> Recipe:
    st.caption(
        "Only numbers are read from the file: nothing in it is ever run. The last layer is always new. Its tensors "
        "must have the names and shapes that timm gives this backbone."
    )
    chosen = st.text_input(
        "File of weights",
        recipe.model.weights,
        placeholder="/home/me/models/resnet18.safetensors",
        key=f"weights-{entry.id}",
    )
    chosen = unquoted(chosen)
    if chosen:
        with st.spinner("Reading the weights…"):
            wrong = _misfit(recipe.model.backbone, *_file(chosen))
        if wrong:
            until = " Until then, training starts from the published weights." if published else ""
            st.warning(plain(f"{wrong}{until}"))
            _others(chosen, entry)
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


def _others(chosen: str, entry: Entry) -> None:
    """The networks that a file fits instead, each a click away."""
    names, _ = fitting(chosen)
    if not names:
        return
    more = f" and {len(names) - _OFFERED} more, which the filter “in a file of mine” lists" if names[_OFFERED:] else ""
    st.caption(f"It holds the weights of {plain(', '.join(names[:_OFFERED]))}{more}.")
    with st.container(horizontal=True):
        for name in names[:_OFFERED]:
            st.button(f"Take {plain(name)}", key=f"fits-{name}-{entry.id}", on_click=take, args=(name, chosen, entry))


def take(backbone: str, file: str, entry: Entry) -> None:
    """A callback: start from this backbone with the weights in this file."""
    changes = {"model.backbone": backbone, "model.weights": file}
    consulting.adopt(entry, lambda recipe: recipe.started("file").amended(changes))


def fitting(file: str) -> tuple[tuple[str, ...], str]:
    """The architectures that the weights in a file fit, and why none could be looked for, if so."""
    return _fitting(*_file(file))


def unquoted(named: str) -> str:
    """A file's name as it was typed, without the quotes that a shell or a file manager put around it."""
    return named.strip().strip("'\"")


def _file(named: str) -> tuple[str, float]:
    """A file as a person named it, and when it was changed."""
    file = Path(os.path.expanduser(unquoted(named)))
    return str(file), file.stat().st_mtime if file.is_file() else 0.0


@st.cache_data(max_entries=20, show_spinner="Looking for the networks that these weights fit…")
def _fitting(file: str, changed: float) -> tuple[tuple[str, ...], str]:
    wake()
    from studio.model import own_weights

    try:
        Roots.told(workspace()).admit(Path(file))
        return tuple(own_weights.fitting(Path(file))), ""
    except StudioError as error:
        return (), f"{error.what} {error.remedy}"


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
    if backbone.weights == "download":
        _download(backbone)
    if backbone.weights != "none" and terms(backbone.licence) == "research":
        st.warning("This licence does not allow commercial use.", icon=":material/gavel:")


def _download(backbone: Backbone) -> None:
    """The download as it goes, or the button that begins it: then auditions can hear the network before it is trained.

    It lies beside no dataset, as what is downloaded is there for all of them.
    """
    name = backbone.name
    work = Background(workspace().cache, f"weights-{name}", "download", "Download")
    if work.is_running:
        going(work, "You may leave this page. What is here already is kept, and the next try goes on from there.")
        return
    if st.button("Download the weights now", icon=":material/download:", key="download-weights"):
        work.begin(lambda tell: _fetch(name, tell))
        st.rerun()
    unended(work.state(), "download", "Download again: it goes on where it stopped.")


def _fetch(backbone: str, tell: Tell) -> None:
    """The whole work of the thread."""
    wake()
    from studio.model.weights import fetch

    tell("Asking the Hugging Face hub")
    for here, whole in fetch(backbone):
        tell(f"Downloading the weights of {backbone}, {whole / 1e6:,.0f} MB", here, whole)


def _work(flops: int) -> str:
    return f"{flops / 1e9:,.1f} billion operations" if flops >= 1e9 else f"{flops / 1e6:,.0f} million operations"


def _where(backbone: Backbone) -> str:
    return {
        "inside": "Its weights are inside this installation, so nothing needs to be downloaded.",
        "cached": "Its weights were downloaded before and are on this computer.",
        "download": f"Its weights are not on this computer: about {backbone.download_mb:,.0f} MB are downloaded from "
        "the Hugging Face hub when you press Start, or now.",
        "none": "No pretrained weights are published for it, so it would have to learn everything from your pictures.",
    }[backbone.weights]
