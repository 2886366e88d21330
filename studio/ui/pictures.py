"""A dataset as tables that pages can filter without a slow loop, and as galleries."""

import base64
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st
from PIL import Image

from studio.data.called import called
from studio.data.dataset import Dataset, Sample
from studio.data.library import Entry
from studio.data.split import split
from studio.ui.components import Chosen, Item, choosing_gallery, gallery
from studio.ui.state import workspace

AT_ONCE = 2000  # pictures in one gallery; beyond that one turns pages
A_PAGE = 42  # pictures on a page where one decides about them

_FEW, _TALL = 24, 640  # more pictures than this scroll in a frame of that many pixels, so that the page stays short


def table(dataset: Dataset) -> pd.DataFrame:
    """A row a picture: n (its place in the dataset), path, label, split (the dataset's own, or None)."""
    return _table(dataset.fingerprint, dataset)


def names(dataset: Dataset, rows: pd.DataFrame) -> list[str]:
    """What a person calls the pictures in `rows`: their path, as it was before an upload made it safe."""
    known = called_in(dataset)
    return [known.get(path, path) for path in map(str, rows["path"])]


def called_in(dataset: Dataset) -> dict[str, str]:
    """What uploaded pictures were called, by their path in the dataset; empty for all others."""
    return _called(dataset.fingerprint, str(dataset.root))


def places(dataset: Dataset) -> dict[str, int]:
    """The place of each picture in the dataset, by its path."""
    return _places(dataset.fingerprint, dataset)


def samples(dataset: Dataset) -> dict[str, Sample]:
    """The dataset's pictures by their path."""
    return _samples(dataset.fingerprint, dataset)


def divided(dataset: Dataset, val_share: float, seed: int) -> pd.DataFrame:
    """`table` with the split that a run with this share and seed will use."""
    return _divided(dataset.fingerprint, dataset, val_share, seed)


def show(entry: Entry, dataset: Dataset, rows: pd.DataFrame, key: str) -> int | None:
    """A gallery of the pictures in `rows` (columns n and caption). Returns the picture clicked, as its n."""
    pages = -(-len(rows) // AT_ONCE)
    page = st.pagination(pages, key=f"{key}-page") if pages > 1 else 1
    part = rows.iloc[(page - 1) * AT_ONCE : page * AT_ONCE]
    items = [Item(n=int(n), caption=str(caption)) for n, caption in zip(part["n"], part["caption"], strict=True)]
    with st.container(height=_TALL if len(items) > _FEW else "content", border=False):
        return gallery(entry.id, items, dataset.fingerprint, key=f"{key}-{page}")


def choose(entry: Entry, dataset: Dataset, items: Sequence[Item], key: str) -> Chosen:
    """A gallery of a page of pictures, to look at by a click and to tick."""
    return choosing_gallery(entry.id, items, dataset.fingerprint, key=key)


def inline(picture: np.ndarray) -> str:
    """A small picture (height, width, 3) uint8 as an address that holds it.

    Streamlit's own media files are gone with the next rerun, and a browser that is still loading one gets a 404.
    """
    target = io.BytesIO()
    Image.fromarray(picture).save(target, "WEBP", quality=92)
    return address(target.getvalue())


def address(webp: bytes) -> str:
    """A WebP as an address that holds it."""
    return f"data:image/webp;base64,{base64.b64encode(webp).decode()}"


def exactly(picture: np.ndarray) -> str:
    """Like `inline`, to the last byte: larger, for pictures that must be what they say they are."""
    target = io.BytesIO()
    Image.fromarray(picture).save(target, "PNG", compress_level=1)
    return f"data:image/png;base64,{base64.b64encode(target.getvalue()).decode()}"


@st.cache_resource(max_entries=8, show_spinner=False)
def _called(fingerprint: str, root: str) -> dict[str, str]:
    return called(Path(root), workspace())


@st.cache_resource(max_entries=8, show_spinner=False)
def _places(fingerprint: str, _dataset: Dataset) -> dict[str, int]:
    return {sample.path: n for n, sample in enumerate(_dataset.samples)}


@st.cache_resource(max_entries=8, show_spinner=False)
def _samples(fingerprint: str, _dataset: Dataset) -> dict[str, Sample]:
    return {sample.path: sample for sample in _dataset.samples}


@st.cache_resource(max_entries=8, show_spinner=False)
def _table(fingerprint: str, _dataset: Dataset) -> pd.DataFrame:
    samples = _dataset.samples
    return pd.DataFrame(
        {
            "n": range(len(samples)),
            "path": [sample.path for sample in samples],
            "label": [sample.label for sample in samples],
            "split": [sample.split for sample in samples],
        }
    )


@st.cache_resource(max_entries=16, show_spinner="Dividing the pictures…")
def _divided(fingerprint: str, _dataset: Dataset, val_share: float, seed: int) -> pd.DataFrame:
    where = {sample.path: sample.split for sample in split(_dataset, val_share, seed).samples}
    rows = _table(fingerprint, _dataset)
    return rows.assign(split=[where[path] for path in rows["path"]])
