"""Start: the demo, one's own pictures, and the runs so far."""

import streamlit as st

from studio.data.demo import inspection
from studio.ui import lists
from studio.ui.cards import head, link
from studio.ui.state import begin_demo, go, library, readable_runs

head(
    "From a folder of pictures to a model you can try",
    "You sort pictures into folders, one folder for each class. The studio takes a network that has already seen "
    "millions of pictures, freezes most of it, and teaches the rest to tell your classes apart. Everything happens on "
    "this computer.",
)

demo, own = st.columns(2)
with demo.container(border=True, height="stretch"):
    st.subheader("See it work", anchor=False)
    st.markdown(
        "Ten classes of handwritten digits, about a minute. First only the last layer learns; then the rest "
        "of the network is thawed, and you watch the accuracy rise."
    )
    st.space("stretch")
    if st.button("Run the demo", type="primary", icon=":material/play_arrow:", width="stretch"):
        with st.spinner("Laying out 1,797 handwritten digits…"):
            entry, run = begin_demo()
        go("train", dataset=entry.id, run=run.id)
with own.container(border=True, height="stretch"):
    st.subheader("Use your own pictures", anchor=False)
    st.markdown(
        "A folder with one folder for each class, a zip file of such a folder, or a table that names the "
        "pictures. Your files are never changed."
    )
    st.space("stretch")
    if st.button("Open my pictures", icon=":material/folder_open:", width="stretch"):
        go("data", dataset=None, run=None)

second = inspection()
if second and st.button(
    "Open the second demo: textile inspection",
    icon=":material/texture:",
    type="tertiary",
    help="2,000 simulated pictures of cloth: flawless, with a small flaw, with a large one.",
):
    go("data", dataset=library().add(second, "Textile inspection").id, run=None)

recent = readable_runs()[:5]
st.subheader("Recent runs", anchor=False)
if recent:
    lists.runs(recent)
    link("runs", "All runs", ":material/history:", "start", primary=False)
else:
    st.caption("None yet. The demo makes the first one.")
