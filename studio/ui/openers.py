"""The ways to bring pictures in: a path on this computer, an upload, or something opened before."""

import streamlit as st

from studio.data.roots import Roots
from studio.ui import lists
from studio.ui.components import folder_picker
from studio.ui.state import go, library, workspace

PATH, UPLOAD, BEFORE = "On this computer", "Upload a folder or zip", "Recent"


def opener() -> None:
    """Choose a way, bring the pictures in, and go on to the data page with them."""
    before = library().all()
    ways = [PATH, UPLOAD] + ([BEFORE] if before else [])
    way = st.segmented_control(
        "Where are the pictures?", ways, default=PATH, required=True, key="opener-way", wrap=True
    )
    if way == PATH:
        by_path()
    elif way == UPLOAD:
        st.caption("The files are copied into the studio's own folder on this computer. Nothing goes anywhere else.")
        if uploaded := folder_picker(key="picker"):
            go("data", dataset=uploaded, run=None)
    else:
        lists.datasets(before)


def by_path() -> None:
    """A typed path: read where it lies, nothing is copied."""
    with st.form("open-path", border=True):
        path = st.text_input(
            "Folder, zip file or CSV table",
            placeholder="/home/me/pictures/cats-and-dogs",
            key="opener-path",
            help="The studio reads the pictures where they lie and changes "
            "nothing. A zip file is unpacked into the studio's own folder. A CSV table has the "
            "columns path, label and, if you like, split (train, val or test).",
        )
        st.caption(
            "Inside the folder, one folder for each class, such as cats and dogs. Folders named train and val with the "
            "classes inside them are understood too."
        )
        if (roots := Roots.told(workspace())).folders:
            st.text(f"This studio was started to open only what lies in {roots}.")
        pressed = st.form_submit_button("Open", type="primary", icon=":material/folder_open:")
    if pressed and not path.strip():
        st.warning("Type the path of a folder, a zip file or a CSV table first.", icon=":material/edit:")
    elif pressed:
        with st.spinner("Opening the pictures…"):
            entry = library().add(path.strip().strip("'\""))
        go("data", dataset=entry.id, run=None)
