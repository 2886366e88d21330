"""The map of all pictures: near each other lies what looks alike, and the suspects are marked."""

from collections.abc import Sequence

import streamlit as st

from studio.checks import kept
from studio.checks.report import Finding
from studio.data.dataset import Dataset
from studio.data.library import Entry
from studio.text import percent
from studio.ui import closeup, pictures
from studio.ui.components import Mark, picture_map

# Suspects with a sign of their own on the map, and what the sign is called.
MARKED = {
    "mislabelled": "maybe in the wrong class",
    "outlier": "unlike all others",
    "conflicting-duplicate": "the same picture in two classes",
}


def draw(entry: Entry, dataset: Dataset, findings: Sequence[Finding]) -> None:
    """The map with what it means; nothing where a check has not laid it out."""
    changed = kept.places_changed_at(entry.folder)
    if not changed or kept.places(entry.folder) is None:
        return
    st.subheader("A map of all pictures", anchor=False)
    st.markdown(
        "Each point is a picture, and pictures that look alike lie close together. A point among those of another "
        "class may be in the wrong class. Point at one to see it, click to decide about it; drag over a part to see "
        "it larger."
    )
    picked = picture_map(
        entry.id,
        dataset.fingerprint,
        f"{dataset.fingerprint[:12]}-{changed}",
        marks(dataset, findings),
        key=f"map-{entry.id}",
    )
    if picked is not None and picked < len(dataset.samples):
        path = dataset.samples[picked].path
        closeup.open_one(entry, path, next((one for one in findings if path in one.images), None))


def marks(dataset: Dataset, findings: Sequence[Finding]) -> list[Mark]:
    """The suspects, each picture once."""
    places, taken, marked = pictures.places(dataset), set[str](), list[Mark]()
    for check, name in MARKED.items():
        for finding in (one for one in findings if one.check == check):
            there = [path for path in finding.images if path in places and path not in taken]
            taken.update(there)
            found = [(places[path], _words(finding, path)) for path in there]
            marked += [Mark(name=name, pictures=found)] if found else []
    return marked


def _words(finding: Finding, path: str) -> str:
    suggestion = finding.suggestions.get(path)
    return f"looks like {suggestion.label}, {percent(suggestion.confidence, 0)} sure" if suggestion else ""
