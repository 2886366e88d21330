"""Choosing a backbone: by family, by name, by what it costs and where its weights are, from a list or from a chart."""

import pandas as pd
import streamlit as st

from studio.data.library import Entry
from studio.model import listing, pace
from studio.model.listing import Row, Wanted
from studio.model.pace import Pace
from studio.recipe import Recipe
from studio.text import percent
from studio.ui import speeds
from studio.ui.backbones import take
from studio.ui.cards import count
from studio.ui.filters import WHERE, ask, asked, own_file, remedy
from studio.ui.state import workspace

_PAGE = 10  # rows at once


def choose(recipe: Recipe, entry: Entry) -> Recipe:
    """The backbone of a recipe: one of those at hand, or of all that timm has, found by what matters to one."""
    key, rows = entry.id, listing.rows()
    now = st.session_state.pop(f"picked-{key}", None) or recipe.model.backbone
    wanted = asked(key)
    measured = pace.paces(rows, pace.kept(workspace()))
    found = listing.choose(rows, wanted, {name: known.pictures for name, known in measured.items()})
    _select(now, found if wanted != Wanted() else [row for row in rows if row.here], rows, entry)
    _select_weights(now, rows, entry)
    with st.container(border=True, key=f"browse-{key}"):
        ask(key, len({row.architecture for row in rows}))
        if wanted != Wanted() or st.session_state.get(f"all-{key}"):
            _table(found, measured, wanted, entry)
            with st.expander("Accuracy against speed on this machine", icon=":material/scatter_plot:"):
                speeds.show(found, rows, measured, now, key, lambda name: _take(name, entry))
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
    if name.partition(".")[0] in asked(entry.id).fits:
        take(name, own_file(entry.id), entry)
    else:
        st.session_state[f"picked-{entry.id}"] = name


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


def _table(found: list[Row], measured: dict[str, Pace], wanted: Wanted, entry: Entry) -> None:
    """A page of the list. A row that is clicked is chosen."""
    key = entry.id
    noun = "set of weights" if wanted.every else "network"
    st.markdown(f"**{count(len(found), noun, 'sets of weights' if wanted.every else None)}**")
    if not found:
        st.caption(f"No network matches. {remedy(wanted, own_file(key))}")
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
