"""What a person decided about pictures: how it is done, said and undone, and the panel that lists it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import pandas as pd
import streamlit as st

from studio.checks.wording import title
from studio.data.dataset import Dataset
from studio.data.decided import decide
from studio.data.decisions import Action, Decision, Decisions
from studio.data.library import Entry
from studio.ui import checking, pictures
from studio.ui.boundary import boundary
from studio.ui.cards import count
from studio.ui.lists import when
from studio.ui.routes.report import decisions_address

_DONE: dict[Action, str] = {
    "set-aside": "{} set aside. The {files} where {it} {is_}.",
    "move": "{} moved to another class, without moving the {files}.",
    "keep": "{} kept as {it} {is_}.",
}
_MOST = 5000  # rows of a table in a browser


def take(entry: Entry, dataset: Dataset, paths: Iterable[str], action: Action, check: str, label: str = "") -> None:
    """Decide about some pictures, say so, and look at all of them again. The page is drawn anew."""
    _write(entry, decide(dataset, paths, action, label, check))


def move_each(entry: Entry, dataset: Dataset, labels: Mapping[str, str], check: str) -> None:
    """Move pictures, each to a class of its own: `labels` by path. The page is drawn anew."""
    by_label: dict[str, list[str]] = {}
    for path, label in labels.items():
        by_label.setdefault(label, []).append(path)
    _write(
        entry,
        [one for label, paths in by_label.items() for one in decide(dataset, paths, "move", label, check)],
    )


def _write(entry: Entry, decisions: Sequence[Decision]) -> None:
    if not decisions:
        return
    Decisions(entry.folder).add(decisions)
    number = len({one.path for one in decisions})
    many = number > 1
    words = {"files": "files stay" if many else "file stays", "it": "they" if many else "it"}
    words |= {"is_": "are" if many else "is"}
    if decisions[0].action == "move":
        words["files"] = "files" if many else "file"
    _say(entry, _DONE[decisions[0].action].format(count(number, "picture"), **words), undoes=True)
    checking.renew(entry)
    st.rerun()


def undo(entry: Entry) -> None:
    """Take the last step back, and look again. The page is drawn anew."""
    number = Decisions(entry.folder).undo()
    _say(entry, f"Undone for {count(number, 'picture')}." if number else "There was nothing left to undo.")
    checking.renew(entry)
    st.rerun()


def withdraw(entry: Entry, paths: Iterable[str]) -> None:
    """Forget what was decided about these pictures, and look again. The page is drawn anew."""
    number = Decisions(entry.folder).withdraw(paths)
    _say(entry, f"Withdrawn for {count(number, 'picture')}.", undoes=True)
    checking.renew(entry)
    st.rerun()


def _say(entry: Entry, words: str, undoes: bool = False) -> None:
    st.session_state[f"done-{entry.id}"] = (words, undoes)


def done(entry: Entry) -> None:
    """What was done last, floating above the foot of the page, with a way back. It stays until it is closed."""
    told = st.session_state.get(f"done-{entry.id}")
    if not told:
        return
    words, undoes = told
    with st.container(key="done", horizontal=True, vertical_alignment="center", gap="small"):
        st.success(words, icon=":material/check:")
        if undoes and st.button("Undo", key="undo-done", icon=":material/undo:"):
            undo(entry)
        if st.button("Close", key="close-done", icon=":material/close:", type="tertiary"):
            del st.session_state[f"done-{entry.id}"]
            st.rerun()


def panel(entry: Entry, dataset: Dataset) -> None:
    """All that was decided, folded away: to read, take back and take along."""
    decisions = Decisions(entry.folder)
    taken = decisions.all()
    if not taken:
        return
    about = len({one.path for one in taken})
    with st.expander(f"Your decisions about {count(about, 'picture')}", icon=":material/gavel:", key="decisions"):
        st.markdown(
            "Your files themselves were not touched: decisions are kept in the studio's own folder. Every training "
            "says which decisions it was trained under."
        )
        _rows(entry, dataset, taken)
        with st.container(horizontal=True):
            if st.button("Undo the last step", icon=":material/undo:", key="undo-last"):
                undo(entry)
            st.link_button("Download as CSV", decisions_address(entry), icon=":material/download:")


@st.fragment
@boundary()
def _rows(entry: Entry, dataset: Dataset, taken: Sequence[Decision]) -> None:
    """A table to choose from, and the button that withdraws what was chosen."""
    called = pictures.called_in(dataset)
    holding = set(dataset.decided)
    newest = sorted(taken, key=lambda one: -one.at)[:_MOST]
    frame = pd.DataFrame(
        {
            "Picture": [called.get(one.path, one.path) for one in newest],
            "Decision": [_in_words(one) for one in newest],
            "Because of": [title(one.check) if one.check else "" for one in newest],
            "When": [when(datetime.fromtimestamp(one.at)) if one.at else "" for one in newest],
        }
    )
    if not holding.issuperset(taken):
        frame["Holds"] = ["yes" if one in holding else "no: the file has changed or is gone" for one in newest]
    if len(taken) > _MOST:
        st.caption(f"The last {_MOST:,} of {len(taken):,}. The CSV has them all.")
    chosen = st.dataframe(
        frame,
        hide_index=True,
        on_select="rerun",
        selection_mode="multi-row",
        height=min(420, 37 * (len(frame) + 1)),
        key=f"decided-{entry.id}",
        alt="Pictures that something was decided about",
    )
    rows = [row for row in chosen.selection.rows if row < len(newest)]
    label = f"Withdraw {len(rows):,} selected" if rows else "Withdraw the selected"
    if st.button(label, disabled=not rows, icon=":material/remove_done:", key="withdraw"):
        withdraw(entry, [newest[row].path for row in rows])


def _in_words(one: Decision) -> str:
    if one.action == "move":
        return f"moved to {one.label}"
    return "set aside" if one.action == "set-aside" else "kept as it is"
