"""The findings of a check, worst first: each with its pictures, why it matters, and what can be done about it."""

from collections.abc import Sequence
from typing import TypeVar

import pandas as pd
import streamlit as st

from studio.checks.report import Finding, Severity
from studio.checks.wording import SEVERITIES, title
from studio.data.dataset import Dataset, Sample
from studio.data.library import Entry
from studio.text import percent
from studio.ui import closeup, pictures, remedies
from studio.ui.boundary import boundary
from studio.ui.cards import count, plain
from studio.ui.components import Item

_COLOURS: dict[Severity, str] = {"critical": "red", "attention": "orange", "note": "gray"}
T = TypeVar("T")
OPEN = 3  # findings that are unfolded from the start
_GROUPS = 12  # groups of copies on a page
_ROWS = 200  # files in a table


def draw(entry: Entry, dataset: Dataset, findings: Sequence[Finding]) -> None:
    """Every finding; the first few are unfolded, if they ask for anything."""
    if any(finding.images and finding.check not in remedies.NOT_BY_PICTURES for finding in findings):
        st.caption(
            "Click a picture to see it large. Tick some, and the buttons are about those alone. Whatever you decide "
            "can be undone, and your files stay as they are."
        )
    for place, finding in enumerate(findings):
        key = f"finding-{entry.id}-{finding.check}-{finding.severity}"
        grave = finding.severity != "note" or place == 0
        badge = f":{_COLOURS[finding.severity]}-badge[{SEVERITIES[finding.severity]}]"
        block = st.expander(
            f"**{plain(title(finding.check))}**{_how_many(finding)} {badge}",
            expanded=place < OPEN and grave,
            key=key,
            on_change="rerun",
        )
        if block.open:
            with block:
                one(entry, dataset, finding, key)


def _how_many(finding: Finding) -> str:
    if finding.groups:
        return f" · {count(len(finding.groups), 'group')}"
    return f" · {count(len(finding.images), 'picture')}" if finding.images else ""


@st.fragment
@boundary()
def one(entry: Entry, dataset: Dataset, finding: Finding, key: str) -> None:
    """One finding: what, why, where, what to do. Drawn by itself when something in it is ticked."""
    with st.container(gap="xsmall"):
        st.markdown(f"**{plain(finding.sentence)}**")
        if finding.why:
            st.markdown(f"Why this matters: {plain(finding.why)}")
        if finding.remedy:
            st.markdown(f"What to do: {plain(finding.remedy)}")
    there = pictures.samples(dataset)
    seen = [] if finding.check == "unreadable" else [path for path in finding.images if path in there]
    ticked: tuple[int, ...] = ()
    if seen or finding.groups:
        items = _page(dataset, finding, seen, key)
        chosen = pictures.choose(entry, dataset, items, key=f"{key}-pictures")
        ticked = chosen.ticked
        if chosen.picked is not None:
            closeup.open_one(entry, dataset.samples[chosen.picked].path, finding)
    _files(dataset, finding, [path for path in finding.images if path not in there or not seen])
    remedies.offer(entry, dataset, finding, [dataset.samples[n].path for n in ticked], key)


def _page(dataset: Dataset, finding: Finding, seen: Sequence[str], key: str) -> list[Item]:
    """The pictures to show now, some dozens; more of them are turned to by pages."""
    there, places, called = pictures.samples(dataset), pictures.places(dataset), pictures.called_in(dataset)
    if finding.groups:
        groups = _turned(finding.groups, _GROUPS, key)
        rows = [(path, place) for place, group in groups for path in group if path in there]
    else:
        rows = [(path, 0) for _, path in _turned(seen, pictures.A_PAGE, key)]
    return [
        Item(n=places[path], caption=caption(finding, there[path], called.get(path, path)), group=group)
        for path, group in rows
    ]


def _turned(those: Sequence[T], at_once: int, key: str) -> list[tuple[int, T]]:
    """The page of `those` that a person turned to, each with its number from 1."""
    pages = -(-len(those) // at_once)
    page = st.pagination(pages, key=f"{key}-page") if pages > 1 else 1
    first = (page - 1) * at_once
    return list(enumerate(those[first : first + at_once], first + 1))


def caption(finding: Finding, sample: Sample, name: str) -> str:
    """The lines under a picture: what it looks like and how sure that is, or its name and what is said of it."""
    suggestion, short = finding.suggestions.get(sample.path), name.rpartition("/")[2]
    if suggestion:
        return f"looks like {suggestion.label}\n{percent(suggestion.confidence, 0)} sure, is in {sample.label}\n{short}"
    if finding.groups:
        side = {"train": "to learn from", "val": "held back", "test": "test"}.get(sample.split or "", "")
        told = ", ".join(part for part in (sample.label, side if finding.check == "split-leak" else "") if part)
        return f"{short}\n{finding.reasons.get(sample.path) or told}"
    return f"{short}\n{finding.reasons.get(sample.path) or sample.label}"


def _files(dataset: Dataset, finding: Finding, paths: Sequence[str]) -> None:
    """Files that there is nothing to see of, and why."""
    if not paths:
        return
    called = pictures.called_in(dataset)
    frame = pd.DataFrame(
        {
            "File": [called.get(path, path) for path in paths[:_ROWS]],
            "Why": [finding.reasons.get(path, "") for path in paths[:_ROWS]],
        }
    )
    st.dataframe(frame, hide_index=True, alt="Files that cannot be shown, and why")
    if len(paths) > _ROWS:
        st.caption(f"The first {_ROWS} of {len(paths):,}.")
