"""Choosing a backbone: by family, by name, by what it costs and where its weights are, from a list or from a chart."""

from dataclasses import replace

import pandas as pd
import streamlit as st

from studio.data.library import Entry
from studio.model import families, listing, pace
from studio.model.listing import ORDERS, Row, Wanted
from studio.model.pace import Pace
from studio.recipe import Recipe
from studio.text import percent
from studio.ui import speeds
from studio.ui.backbones import fitting, take, unquoted
from studio.ui.cards import count, plain
from studio.ui.state import workspace

_PAGE = 10  # rows at once
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


def choose(recipe: Recipe, entry: Entry) -> Recipe:
    """The backbone of a recipe: one of those at hand, or of all that timm has, found by what matters to one."""
    key, rows = entry.id, listing.rows()
    now = st.session_state.pop(f"picked-{key}", None) or recipe.model.backbone
    wanted = _asked(key)
    measured = pace.paces(rows, pace.kept(workspace()))
    found = listing.choose(rows, wanted, {name: known.pictures for name, known in measured.items()})
    _select(now, found if wanted != Wanted() else [row for row in rows if row.here], rows, entry)
    _select_weights(now, rows, entry)
    with st.container(border=True, key=f"browse-{key}"):
        _ask(key, len({row.architecture for row in rows}))
        if wanted != Wanted() or st.session_state.get(f"all-{key}"):
            _table(found, measured, wanted, entry)
            with st.expander("Accuracy against speed on this machine", icon=":material/scatter_plot:"):
                speeds.show(found, rows, measured, now, key)
    return recipe.amended({"model.backbone": now})


def _select(now: str, offered: list[Row], rows: list[Row], entry: Entry) -> None:
    """The network in one line. What was chosen elsewhere (a table, an advice) is shown here too."""
    by_name = {row.name: row for row in rows}
    names = list(dict.fromkeys([now, *(row.name for row in offered)]))
    widget = f"backbone-{entry.id}"
    st.session_state[widget] = now
    st.selectbox(
        "Network to start from (backbone)",
        names,
        format_func=lambda name: _facts(name, by_name.get(name) or listing.find(name, rows)),
        key=widget,
        on_change=_pick,
        args=(widget, entry),
        help="What it has learnt before is the start for your classes. Type a part of a name to search what is listed.",
    )


def _select_weights(now: str, rows: list[Row], entry: Entry) -> None:
    """Which of the published weights, where there are several for this network."""
    architecture = now.partition(".")[0]
    offered = [row for row in rows if row.architecture == architecture]
    if len(offered) < 2:
        return
    by_name = {row.name: row for row in offered}
    usual = listing.find(now, offered)
    widget = f"tag-{entry.id}"
    st.session_state[widget] = usual.name if usual else offered[0].name
    st.selectbox(
        "Weights to start from",
        list(by_name),
        format_func=lambda name: _weights_facts(by_name[name]),
        key=widget,
        on_change=_pick,
        args=(widget, entry),
        help="The same network, taught in different ways or with different pictures. Where nothing speaks against it, "
        "take the most accurate; the accuracy is the published one on ImageNet-1k.",
    )


def _pick(widget: str, entry: Entry) -> None:
    _take(st.session_state[widget], entry)


def _take(name: str, entry: Entry) -> None:
    """A callback: choose this network, with the weights of one's own file where it was found by them."""
    if name.partition(".")[0] in _asked(entry.id).fits:
        take(name, _own_file(entry.id), entry)
    else:
        st.session_state[f"picked-{entry.id}"] = name


def _own_file(key: str) -> str:
    """The file of weights that networks are to fit; empty where none is asked for."""
    asked = "file" in (st.session_state.get(f"where-{key}") or ())
    return unquoted(str(st.session_state.get(f"file-{key}") or "")) if asked else ""


def _facts(name: str, row: Row | None) -> str:
    if row is None:
        return name
    facts = [name, f"{row.parameters / 1e6:,.1f} M parameters", WHERE[row.weights]]
    return " · ".join(facts + ([percent(row.accuracy)] if row.accuracy else []))


def _weights_facts(row: Row) -> str:
    tag = row.name.partition(".")[2] or "inside this installation"
    accuracy = [percent(row.accuracy)] if row.accuracy else []
    size = f"{row.download_mb:,.0f} MB, {WHERE[row.weights]}" if row.weights == "download" else WHERE[row.weights]
    return " · ".join(dict.fromkeys([tag, *accuracy, f"{row.size} pixels", size]))


def _asked(key: str) -> Wanted:
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
        fits=fitting(file)[0] if (file := _own_file(key)) else (),
        order=value("order", "best"),  # type: ignore[arg-type]
        every=bool(value("every", False)),
    )


def _ask(key: str, networks: int) -> None:
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
        if _asked(key) != Wanted():
            st.button(
                "Clear filters", icon=":material/filter_alt_off:", key=f"clear-{key}", on_click=_clear, args=(key,)
            )


def _ask_for_file(key: str) -> None:
    """Which file networks are to fit, once that is a filter."""
    if "file" not in (st.session_state.get(f"where-{key}") or ()):
        return
    st.text_input("File of weights", placeholder="/home/me/models/resnet18.safetensors", key=f"file-{key}")
    if (file := _own_file(key)) and (wrong := fitting(file)[1]):
        st.warning(plain(wrong))


def _clear(key: str) -> None:
    """Take every question back."""
    empty = {"search": "", "file": "", "families": [], "more": [], "where": [], "terms": [], "order": "best"}
    empty |= {"every": False, "all": False}
    for name, value in (empty | dict.fromkeys(("parameters", "work", "size"), "Any")).items():
        st.session_state[f"{name}-{key}"] = value


def _table(found: list[Row], measured: dict[str, Pace], wanted: Wanted, entry: Entry) -> None:
    """A page of the list. A row that is clicked is chosen."""
    key = entry.id
    noun = "set of weights" if wanted.every else "network"
    st.markdown(f"**{count(len(found), noun, 'sets of weights' if wanted.every else None)}**")
    if not found:
        st.caption(f"No network matches. {_remedy(wanted, _own_file(key))}")
        return
    if wanted.order == "speed" and not measured:
        st.caption("No network was measured on this machine yet, so these stand by name. Measure one below.")
    pages = -(-len(found) // _PAGE)
    at = min(int(st.session_state.get(f"page-{key}") or 1), pages)
    shown = found[(at - 1) * _PAGE : at * _PAGE]
    table = f"table-{key}-{hash((wanted, at)) & 0xFFFFFF}"  # a page turned is a new table, with nothing chosen in it

    def clicked() -> None:
        if places := st.session_state[table].selection.rows:
            _take(shown[places[0]].name, entry)

    st.dataframe(
        _frame(shown, measured, wanted.fits),
        hide_index=True,
        key=table,
        on_select=clicked,
        selection_mode="single-row",
        column_config={
            "Accuracy": st.column_config.NumberColumn(format="%.1f %%", help="Published, on ImageNet-1k"),
            "Parameters": st.column_config.NumberColumn(format="%.1f M", help="In millions, with 1,000 classes"),
            "FLOPs": st.column_config.NumberColumn(
                format="%.2f G", help="Work: billions of floating-point operations for a picture"
            ),
            "Size": st.column_config.NumberColumn(format="%d px"),
            "Speed": st.column_config.TextColumn(help="Pictures a second on this machine, frozen; ≈ is estimated"),
        },
        alt=f"{len(shown)} of {len(found)} networks; a click on a row chooses it",
        placeholder="–",
    )
    if pages > 1:
        st.pagination(pages, key=f"page-{key}")


def _remedy(wanted: Wanted, file: str) -> str:
    """What to change where no network is as wanted."""
    if wanted.where == ("file",) and not wanted.fits:
        return "These weights were made for another network than timm's." if file else "Name your file under Filters."
    asks = replace(wanted, text="", order="best")
    return "Clear a filter." if asks != Wanted() else "Try a shorter part of the name."


def _frame(shown: list[Row], measured: dict[str, Pace], fits: tuple[str, ...] = ()) -> pd.DataFrame:
    """What is published of weights says nothing of those in one's own file."""
    mine = {row.name for row in shown if row.architecture in fits}
    return pd.DataFrame(
        {
            "Network": row.name,
            "Accuracy": None if row.accuracy is None or row.name in mine else row.accuracy * 100,
            "Speed": speeds.words(measured.get(row.name)),
            "Parameters": row.parameters / 1e6,
            "FLOPs": None if row.flops is None else row.flops / 1e9,
            "Size": row.size,
            "Weights": WHERE["file"] if row.name in mine else _whereabouts(row),
            "Licence": row.licence if row.weights != "none" and row.name not in mine else "–",
            "Family": row.family.title,
        }
        for row in shown
    )


def _whereabouts(row: Row) -> str:
    if row.refused:
        return "cannot be trained here"
    return f"{row.download_mb:,.0f} MB {WHERE['download']}" if row.weights == "download" else WHERE[row.weights]
