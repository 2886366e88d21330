"""A page that holds one component and says what it was told: the address decides which (?show=picker|live|gallery)."""

import streamlit as st

from studio.data.library import Library
from studio.ui.components import Item, Other, folder_picker, gallery, live_chart
from studio.workspace import Workspace


def told(name: str, what: object) -> None:
    """Write down everything the component ever said, each thing once."""
    heard = st.session_state.setdefault("heard", [])
    if what is not None:
        heard.append(what)
    st.session_state["drawn"] = st.session_state.get("drawn", 0) + 1
    st.text(f"{name}: {heard}")
    st.text(f"drawn: {st.session_state['drawn']}")


if __name__ == "__main__":
    st.set_page_config(page_title="Bench", layout="wide")
    st.button("Draw the page again")
    asked = st.query_params
    if asked["show"] == "picker":
        told("datasets", folder_picker(key="picker"))
    elif asked["show"] == "live":
        others = [Other(id=asked["other"], name="<b>The other</b>")] if "other" in asked else []
        told("statuses", live_chart(asked["run"], key="live", others=others))
    elif asked["show"] == "gallery":
        library = Library(Workspace.at())
        dataset = library.open(asked["dataset"])
        items: list[Item] = [
            {"n": n, "caption": f"{sample.path.rpartition('/')[2]}, {sample.label}"}
            for n, sample in enumerate(dataset.samples)
        ]
        told("picked", gallery(asked["dataset"], items, dataset.fingerprint, key="gallery"))
