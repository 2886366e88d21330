"""Pinned pictures on the Train page: the model is asked about each of them after every epoch."""

from pathlib import Path

import streamlit as st

from studio.data.picture import thumbnail
from studio.errors import PictureError, RunError
from studio.runs import pins
from studio.runs.run import Run
from studio.training.place import MOST_PINS
from studio.ui.cards import fault


def show(run: Run) -> None:
    """Choose pictures to try while the run goes, and take them away again."""
    there = pins.pinned(run)
    with st.expander("Try pictures while it trains", icon=":material/push_pin:", key=f"pins-{run.id}"):
        st.caption(
            f"After every epoch the model is asked about up to {MOST_PINS} pictures of yours, and above you see how "
            "its answers change. It does not learn from them."
        )
        for path in there:
            with st.container(horizontal=True, vertical_alignment="center"):
                st.image(thumbnail(path, 96), width=48, alt=f"The pinned picture {path.name}")
                st.text(path.name, width="stretch")
                if st.button("Take away", key=f"unpin-{path.name}", icon=":material/close:"):
                    pins.unpin(run, path.name)
                    st.rerun()
        if len(there) < MOST_PINS:
            _add(run)


def offer(run: Run, picture: Path | bytes) -> None:
    """Pin the picture that was just tried, while its run still goes."""
    if run.is_held() and st.button(
        "Pin it to the training",
        icon=":material/push_pin:",
        key="pin-tried",
        help="The model is asked about it again after every epoch; the Train page shows how its answers change.",
    ):
        name, content = (picture.name, picture.read_bytes()) if isinstance(picture, Path) else ("tried", picture)
        for words in _pin(run, name, content):
            fault(words)
            return
        st.success("Pinned. See the Train page after the next epoch.", icon=":material/push_pin:")


def _add(run: Run) -> None:
    turn = f"pin-turn-{run.id}"
    files = st.file_uploader(
        "Pictures to pin",
        accept_multiple_files=True,
        max_upload_size=50,
        key=f"pin-files-{run.id}-{st.session_state.get(turn, 0)}",
    )
    faults = [words for file in files for words in _pin(run, file.name, file.getvalue())]
    for words in faults:
        fault(words)
    if files and not faults:
        st.session_state[turn] = st.session_state.get(turn, 0) + 1  # an uploader that is empty again
        st.rerun()


def _pin(run: Run, name: str, content: bytes) -> list[str]:
    """Pin one picture; what was wrong with it, if anything, in a sentence."""
    try:
        pins.pin(run, name, content)
    except (PictureError, RunError) as error:
        return [f"{name}: {error.what} {error.remedy}".strip()]
    return []
