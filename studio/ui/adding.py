"""The catalogue to add from: found by word and group, each transform with its effect on the user's own picture."""

from pathlib import Path

import numpy as np
import streamlit as st
from PIL import Image

from studio.augment.catalogue import CATALOGUE, GROUPS, search, transform
from studio.data.library import Entry
from studio.data.picture import open_image
from studio.errors import PictureError
from studio.recipe import AugmentChoice
from studio.ui import pictures, steps
from studio.ui.cards import count
from studio.ui.state import open_dataset

_PAGE = 6
_SIDE, _WHOLE = 96, 112  # pixels a side of a tiny picture, and of what a crop may choose from
_SPEAKING = 3  # the variation that is drawn: one in which chance goes neither way too little


def offer(entry: Entry) -> None:
    """A fold with the whole catalogue, six transforms a page; nothing is drawn while it is closed."""
    fold = st.expander("Add a step", icon=":material/add:", key=f"add-{entry.id}", on_change="rerun")
    if not fold.open:
        return
    with fold:
        left, right = st.columns([3, 2])
        words = left.text_input("Search", key=f"search-{entry.id}", placeholder="mirror, blur, jpeg …")
        group = right.selectbox(
            "Group", ["", *GROUPS], key=f"group-{entry.id}", format_func=lambda name: GROUPS.get(name, "All")
        )
        found = search(words, group)
        if not found:
            st.caption(f"None of the {len(CATALOGUE)} transforms speaks of this. Try another word.")
            return
        st.caption(f"{count(len(found), 'transform')}. The picture shows what one does when it is applied.")
        pages = -(-len(found) // _PAGE)
        turned = f"page-{entry.id}-{words}-{group}"
        page = st.pagination(pages, key=turned, max_visible_pages=5) if pages > 1 else 1
        for known in found[(page - 1) * _PAGE : page * _PAGE]:
            _row(entry, known.name)


def _row(entry: Entry, name: str) -> None:
    known, sample = transform(name), _sample(entry)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"found-{name}", wrap=False):
        if sample:
            address = _effect(name, *sample)
            if address:
                st.image(address, width=72, alt=f"{known.title} on one of your pictures")
        with st.container(gap="xxsmall"):
            st.markdown(f"**{known.title}**  \n{known.sentence}")
        st.button(
            "Add", key=f"add-{name}-{entry.id}", help=f"Add “{known.title}”", on_click=steps.add, args=(entry, name)
        )


def _sample(entry: Entry) -> tuple[str, int] | None:
    """The picture that the preview shows, or the first one: its path, and when its file was changed."""
    dataset = open_dataset(entry)
    shown = st.session_state.get(f"sample-{entry.id}", 0)
    path = dataset.root / dataset.samples[min(shown, len(dataset.samples) - 1)].path
    return (str(path), path.stat().st_mtime_ns) if path.is_file() else None


@st.cache_data(max_entries=400, show_spinner=False)
def _effect(name: str, path: str, changed: int) -> str:
    """A tiny picture of one transform as the catalogue has it, as an address; empty where it cannot be drawn."""
    from studio.augment.parameters import fresh
    from studio.augment.pipeline import Pipeline

    base = _tiny(path, changed)
    if base is None:
        return ""
    step = fresh(name).model_copy(update={"p": 1.0})
    pipeline = Pipeline(AugmentChoice(preset="custom", steps=(step,)), _SIDE)
    return pictures.inline(pipeline.apply(base, 0, _SPEAKING, 0))


@st.cache_resource(max_entries=8, show_spinner=False)
def _tiny(path: str, changed: int) -> np.ndarray | None:
    """The middle of a picture, uint8 (112, 112, 3)."""
    try:
        image = open_image(Path(path), at_least=_WHOLE)
    except PictureError:
        return None
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    box = (left, top, left + side, top + side)
    return np.asarray(image.convert("RGB").resize((_WHOLE, _WHOLE), Image.Resampling.BICUBIC, box=box))
