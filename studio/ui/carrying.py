"""A pipeline on its way out and in: as albumentations' own file, as Python, and from a file."""

import streamlit as st

from studio.augment.portable import MOST_BYTES, from_json, to_json, to_python
from studio.data.library import Entry
from studio.errors import RecipeError
from studio.ui import steps
from studio.ui.cards import fault, plain
from studio.ui.shown import Shown


def out(entry: Entry, shown: Shown) -> None:
    """The pipeline as it is now, to be taken along."""
    python = to_python(shown.pipeline)
    st.markdown("The pipeline as it is now, at its strength, for use outside the studio.")
    with st.container(horizontal=True):
        st.download_button(
            "Download as JSON",
            to_json(shown.pipeline),
            "pipeline.json",
            "application/json",
            key=f"json-{entry.id}",
            icon=":material/download:",
            help="As albumentations.save writes it; albumentations.load reads it, and so does the studio.",
            on_click="ignore",
        )
        st.download_button(
            "Download as Python",
            python,
            "pipeline.py",
            "text/x-python",
            key=f"python-{entry.id}",
            icon=":material/code:",
            on_click="ignore",
        )
    st.code(python, language="python")


def back(entry: Entry) -> None:
    """A pipeline from a file, which becomes one's own. A refusal is one clear sentence with its remedy."""
    st.markdown("A pipeline that `albumentations.save` wrote becomes your own. Nothing in the file is ever executed.")
    file = st.file_uploader(
        "A JSON file", type="json", max_upload_size=1, key=f"load-{entry.id}", label_visibility="collapsed"
    )
    if file is None:
        return
    done = f"loaded-{entry.id}"
    if st.session_state.get(done) == file.file_id:
        st.success(plain(f"{file.name} is in use: its steps are your own now."), icon=":material/check:")
        return
    try:
        found = from_json(file.getvalue()[: MOST_BYTES + 1])
    except RecipeError as error:
        fault(error.what, error.remedy)
        return
    st.session_state[done] = file.file_id
    steps.replace(entry, found)
    st.rerun()
