"""One picture seen large, with what is said of it, and what to do with it."""

from collections.abc import Mapping

import streamlit as st

from studio.checks.report import Finding, Report
from studio.checks.wording import title
from studio.data.dataset import Dataset, Sample
from studio.data.library import Entry
from studio.data.picture import thumbnail
from studio.errors import PictureError
from studio.text import percent
from studio.ui import decided, pictures
from studio.ui.boundary import boundary
from studio.ui.cards import fault, plain
from studio.ui.remedies import NOT_BY_PICTURES, classes

_SIDE = 640


def open_one(entry: Entry, path: str, finding: Finding | None = None) -> None:
    """Remember which picture to show, and draw the page with it."""
    st.session_state[_key(entry)] = (path, finding.check if finding else "")
    st.rerun()


def draw(entry: Entry, dataset: Dataset, report: Report) -> None:
    """The picture that was asked for, over the page, until it is closed."""
    path, check = st.session_state.get(_key(entry), ("", ""))
    sample = pictures.samples(dataset).get(path)
    if sample is None:
        close(entry)
        return
    named = {finding.check: finding for finding in report.findings if path in finding.images}
    _dialog(entry)(_shown)(entry, dataset, sample, named, check)


def close(entry: Entry) -> None:
    """Nothing to show any more."""
    st.session_state.pop(_key(entry), None)


def _key(entry: Entry) -> str:
    return f"closeup-{entry.id}"


def _dialog(entry: Entry):
    return st.dialog("Look closer", width="medium", on_dismiss=lambda: close(entry))


@boundary()
def _shown(entry: Entry, dataset: Dataset, sample: Sample, named: Mapping[str, Finding], check: str) -> None:
    name = pictures.called_in(dataset).get(sample.path, sample.path)
    try:
        with st.container(horizontal_alignment="center"):
            st.image(pictures.address(thumbnail(dataset.file(sample), _SIDE)), width="content", alt=f"Picture {name}")
    except PictureError as error:
        fault(error.what, error.remedy)
    st.text(name)
    st.markdown(f"It is in the class **{plain(sample.label)}**.")
    for finding in named.values():
        suggestion = finding.suggestions.get(sample.path)
        said = finding.reasons.get(sample.path, "")
        if suggestion:
            said = f"It looks like {suggestion.label}, {percent(suggestion.confidence, 0)} sure."
        st.markdown(f"**{plain(title(finding.check))}.** {plain(said)}")
    _buttons(entry, dataset, sample, named, check)


def _buttons(entry: Entry, dataset: Dataset, sample: Sample, named: Mapping[str, Finding], check: str) -> None:
    suggested = next(
        (one.suggestions[sample.path].label for one in named.values() if sample.path in one.suggestions), ""
    )
    with st.container(horizontal=True):
        if (
            suggested
            and suggested != sample.label
            and st.button(
                f"Move to {plain(suggested)}", type="primary", icon=":material/drive_file_move:", key="one-move"
            )
        ):
            _take(entry, dataset, sample, "move", check or "mislabelled", suggested)
        if st.button("Set aside", icon=":material/archive:", key="one-aside"):
            _take(entry, dataset, sample, "set-aside", check)
        if (
            check
            and check not in NOT_BY_PICTURES
            and st.button("Keep as it is", icon=":material/thumb_up:", key="one-keep")
        ):
            _take(entry, dataset, sample, "keep", check)
    others = [name for name in classes(dataset) if name not in (sample.label, suggested)]
    if others:
        with st.container(horizontal=True, vertical_alignment="bottom"):
            label = st.selectbox("Another class", others, key="one-label")
            if st.button("Move there", key="one-move-there"):
                _take(entry, dataset, sample, "move", check, label)
    st.caption("The file itself stays as and where it is. Everything can be undone.")


def _take(entry: Entry, dataset: Dataset, sample: Sample, action, check: str, label: str = "") -> None:
    close(entry)
    decided.take(entry, dataset, [sample.path], action, check, label)
