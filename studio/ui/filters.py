"""Questions that narrow the list of networks down: families, a name, what one costs and where its weights are."""

from dataclasses import replace

import streamlit as st

from studio.model import families
from studio.model.listing import ORDERS, Wanted
from studio.ui.backbones import fitting, unquoted
from studio.ui.cards import plain

WHERE = {
    "inside": "inside this installation",
    "cached": "downloaded before",
    "download": "to be downloaded",
    "none": "none published",
    "file": "in a file of mine",
}
TERMS = {"free": "any use", "research": "research only", "own": "terms of its own"}
_PARAMETERS = {
    "Any": None,
    "up to 5 million": 5e6,
    "up to 15 million": 15e6,
    "up to 30 million": 3e7,
    "up to 100 million": 1e8,
}
_WORK = {
    "Any": None,
    "up to 1 billion": 1e9,
    "up to 5 billion": 5e9,
    "up to 20 billion": 2e10,
    "up to 100 billion": 1e11,
}
_SIZES = {
    "Any": None,
    "up to 192 pixels": (0, 192),
    "193 to 256 pixels": (193, 256),
    "257 pixels and more": (257, 9999),
}


def asked(key: str) -> Wanted:
    """What is asked of the list at present, as the widgets have it."""
    held = st.session_state

    def value(name: str, default: object) -> object:
        found = held.get(f"{name}-{key}")
        return default if found is None else found

    return Wanted(
        text=str(value("search", "")).strip(),
        families=(*value("families", ()), *value("more", ())),  # type: ignore[misc]
        most_parameters=_PARAMETERS[str(value("parameters", "Any"))],
        most_flops=_WORK[str(value("work", "Any"))],
        sizes=_SIZES[str(value("size", "Any"))],
        terms=tuple(value("terms", ())),  # type: ignore[arg-type]
        where=tuple(value("where", ())),  # type: ignore[arg-type]
        fits=fitting(file)[0] if (file := own_file(key)) else (),
        order=value("order", "best"),  # type: ignore[arg-type]
        every=bool(value("every", False)),
    )


def ask(key: str, networks: int) -> None:
    """The questions: families at a click, a name, and more behind a button; or all of them, `networks` in number."""
    st.pills(
        "Popular families",
        [family.key for family in families.ASKED_FOR],
        selection_mode="multi",
        format_func=lambda name: families.BY_KEY[name].title,
        key=f"families-{key}",
    )
    for name in (*(st.session_state.get(f"families-{key}") or ()), *(st.session_state.get(f"more-{key}") or ())):
        st.caption(f"**{families.BY_KEY[name].title}.** {families.BY_KEY[name].sentence}")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.text_input("Search all networks", key=f"search-{key}", placeholder="resnet50, *_tiny_*, .dino …", width=320)
        st.selectbox("Order", list(ORDERS), format_func=ORDERS.__getitem__, key=f"order-{key}", width=260)
        with st.popover("Filters", icon=":material/tune:"):
            st.selectbox("Parameters (learnt numbers)", list(_PARAMETERS), key=f"parameters-{key}")
            st.selectbox(
                "Work for a picture (FLOPs)",
                list(_WORK),
                key=f"work-{key}",
                help="Floating-point operations: the more, the slower. They are counted at the size that the weights "
                "were made for, a multiplication and the addition after it as two.",
            )
            st.selectbox("Size of a picture", list(_SIZES), key=f"size-{key}")
            st.multiselect("Where the weights are", list(WHERE), format_func=WHERE.__getitem__, key=f"where-{key}")
            _ask_for_file(key)
            st.multiselect("What the licence allows", list(TERMS), format_func=TERMS.__getitem__, key=f"terms-{key}")
            others = [family.key for family in families.FAMILIES if not family.asked_for]
            st.multiselect(
                "Other families", others, format_func=lambda name: families.BY_KEY[name].title, key=f"more-{key}"
            )
            st.toggle("List every set of weights of a network", key=f"every-{key}")
        st.toggle(f"List all {networks:,}", key=f"all-{key}")
        if asked(key) != Wanted():
            st.button(
                "Clear filters", icon=":material/filter_alt_off:", key=f"clear-{key}", on_click=_clear, args=(key,)
            )


def own_file(key: str) -> str:
    """The file of weights that networks are to fit; empty where none is asked for."""
    if not _by_file(key):
        return ""
    return unquoted(str(st.session_state.get(f"file-{key}") or ""))


def remedy(wanted: Wanted, file: str) -> str:
    """What to change where no network is as wanted."""
    if wanted.where == ("file",) and not wanted.fits:
        return "These weights were made for another network than timm's." if file else "Name your file under Filters."
    asks = replace(wanted, text="", order="best")
    return "Clear a filter." if asks != Wanted() else "Try a shorter part of the name."


def _by_file(key: str) -> bool:
    return "file" in (st.session_state.get(f"where-{key}") or ())


def _ask_for_file(key: str) -> None:
    """Which file networks are to fit, once that is a filter."""
    if not _by_file(key):
        return
    st.text_input("File of weights", placeholder="/home/me/models/resnet18.safetensors", key=f"file-{key}")
    if (file := own_file(key)) and (wrong := fitting(file)[1]):
        st.warning(plain(wrong))


def _clear(key: str) -> None:
    """Take every question back."""
    empty = {"search": "", "file": "", "families": [], "more": [], "where": [], "terms": [], "order": "best"}
    empty |= {"every": False, "all": False}
    for name, value in (empty | dict.fromkeys(("parameters", "work", "size"), "Any")).items():
        st.session_state[f"{name}-{key}"] = value
