"""The frame of the studio: the pages, the way through them in the sidebar, and the boundary around each page."""

import streamlit as st

from studio.data.library import Entry
from studio.runs.run import Run
from studio.ui.boundary import boundary
from studio.ui.cards import shortened
from studio.ui.places import ADDRESSES, place
from studio.ui.state import address, is_readable, library, page_file, steps_done, store

# name of the page's file: (title, what the page is)
PAGES = {
    "start": ("Start", "Run the demo, open pictures, or go on with an earlier run."),
    "data": ("Data", "Open pictures and look at them class by class."),
    "check": ("Check", "Find pictures that would spoil the training."),
    "augment": ("Augment", "Choose how pictures are varied, and see it on your own."),
    "model": ("Model", "Choose the network and how much of it learns."),
    "train": ("Train", "Start, watch and stop the training."),
    "results": ("Results", "How often the model is right, and where it is wrong."),
    "try_it": ("Try it", "Show the model a new picture."),
    "runs": ("Runs", "Every training so far."),
}
WAY = ("data", "check", "augment", "model", "train", "results", "try_it")


def frame() -> None:
    """Draw the sidebar and the page that the address names."""
    assets = place("assets")
    st.set_page_config(page_title="Thaw Studio", page_icon=str(assets / "icon.svg"), layout="wide")
    pages = {
        name: st.Page(
            page_file(name), title=title, url_path=ADDRESSES[name] or None, default=name == "start", help=help
        )
        for name, (title, help) in PAGES.items()
    }
    page = st.navigation(
        {"": [pages["start"]], "The way": [pages[name] for name in WAY], "Archive": [pages["runs"]]}, position="hidden"
    )
    st.logo(str(assets / "logo.svg"), size="large", icon_image=str(assets / "icon.svg"))
    st.html(assets / "studio.css")
    with st.sidebar, boundary():
        sidebar(pages)
    with st.container(horizontal_alignment="center"), st.container(width=1200), boundary():
        page.run()


def sidebar(pages: dict[str, st.Page]) -> None:
    """The way, with what is done and what is current, and the dataset and run at hand by name."""
    ids = address()
    entry = next((entry for entry in library().all() if entry.id == ids.get("dataset")), None)
    run = next((run for run in store().all() if run.id == ids.get("run") and is_readable(run)), None)
    done = steps_done(entry, run)
    st.page_link(pages["start"], icon=":material/home:", width="stretch", query_params=ids)
    with st.container(gap="xxsmall", key="way"):
        for number, name in enumerate(WAY, start=1):
            icon = ":material/check_circle:" if name in done else f":material/counter_{number}:"
            tooltip = f"{PAGES[name][1]}{' Done.' if name in done else ''}"
            st.page_link(pages[name], icon=icon, help=tooltip, width="stretch", query_params=ids)
    st.progress(len(done) / len(WAY), text=f"{len(done)} of {len(WAY)} steps done")
    st.page_link(pages["runs"], icon=":material/history:", width="stretch", query_params=ids)
    at_hand(entry, run)


def at_hand(entry: Entry | None, run: Run | None) -> None:
    """The dataset and the run that the pages work on."""
    for label, name in (("Dataset", entry.name if entry else None), ("Run", run.name if run else None)):
        if name:
            with st.container(gap=None):
                st.caption(label)
                st.text(shortened(name, 60))


if __name__ == "__main__":
    frame()
