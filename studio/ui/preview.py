"""The preview of an augmentation: the user's own pictures, and what the model will see of them."""

import numpy as np
import streamlit as st

from studio.augment.trial import could_happen
from studio.data.dataset import Dataset
from studio.data.library import Entry
from studio.errors import PictureError
from studio.recipe import Recipe
from studio.ui import pictures, seeing
from studio.ui.cards import count, fault, plain
from studio.ui.shown import Shown
from studio.ui.steps import shows

VARIANTS = 6
ONE, CLASS, BATCH = "One picture", "A class", "A mixed batch"
VARIED, BY_STEP, AS_SEEN = "Variants", "Step by step", "What the model sees"
_OFFERED = 500  # pictures of a class to choose from; a browser is slow with longer lists
_OF_A_CLASS, _EACH = 4, 3


def draw(entry: Entry, dataset: Dataset, recipe: Recipe) -> Shown:
    """A choice of what to see, the roll of the dice, and the pictures. Returns what is shown."""
    shown = Shown.of(dataset, recipe)
    what = st.segmented_control(
        "Show", [ONE, CLASS, BATCH], default=ONE, required=True, key=f"show-{entry.id}", label_visibility="collapsed"
    )
    try:
        if what == BATCH:
            batch(shown, roll(entry, shown, 1, 1))
        elif what == CLASS:
            of_a_class(entry, shown)
        else:
            one(entry, shown)
    except PictureError as error:
        st.warning(plain(f"{error.what} {error.remedy or 'Choose another picture.'}"), icon=":material/broken_image:")
    except could_happen() as error:
        fault(
            "A step cannot take one of these pictures, so there is nothing to show.",
            "Switch steps off one by one to find it, or move its parameters away from their ends.",
            str(error),
        )
    return shown


def roll(entry: Entry, shown: Shown, each: int, first: int) -> int:
    """The number of the roll, to be typed or rolled again. `each` variations are shown at once; all if there are fewer.

    The same number shows the same variations again; `first` is what it begins with.
    """
    views = shown.recipe.augment.views
    key = shows(f"roll-{entry.id}", st.session_state.get(f"roll-{entry.id}", first))
    all_seen = 0 < views <= each
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        number = st.number_input(
            "Roll",
            1,
            1_000_000,
            key=key,
            width=150,
            help=f"The same number shows the same variants again, with the seed {shown.recipe.seed} of this recipe.",
        )
        st.button(
            "Roll again",
            icon=":material/casino:",
            key=f"again-{entry.id}",
            disabled=not shown.pipeline.varies or all_seen,
            on_click=_again,
            args=(key,),
        )
    if all_seen:
        st.caption("There are no others: each epoch shows one of these, in turn.")
    if not shown.pipeline.varies:
        st.caption("With no variation all of them are alike. Choose another preset to see a difference.")
    return number


def _again(key: str) -> None:
    st.session_state[key] += 1


def one(entry: Entry, shown: Shown) -> None:
    """One picture: its variants, what each step does to it, or the numbers that the model is given."""
    n = _choose(entry, shown)
    how = st.segmented_control(
        "See", [VARIED, BY_STEP, AS_SEEN], default=VARIED, required=True, key=f"see-{entry.id}",
        label_visibility="collapsed",
    )  # fmt: skip
    at_once = min(shown.recipe.augment.views, VARIANTS) or VARIANTS if how == VARIED else 1
    place = st.container()
    number = roll(entry, shown, at_once, 1)
    first = (number - 1) * at_once + 1
    with place:
        if how == BY_STEP:
            seeing.steps(shown, n, first)
        elif how == AS_SEEN:
            seeing.numbers(shown, n, first)
        else:
            _variants(shown, n, first, at_once)
    if not shown.is_learnt_from(n):
        st.caption("This picture is held back to measure the accuracy: training will never vary it. Here it is shown "
                   "as if it would.")  # fmt: skip


def _choose(entry: Entry, shown: Shown) -> int:
    """A picture by its class and name, as its place in the dataset."""
    left, right = st.columns(2, vertical_alignment="bottom")
    name = left.selectbox("Class", shown.dataset.classes, key=f"preview-class-{entry.id}")
    rows = shown.rows
    offered = rows.loc[rows["label"] == name].head(_OFFERED)
    titles = dict(zip(map(int, offered["n"]), pictures.names(shown.dataset, offered), strict=True))
    n = right.selectbox(
        "Picture", list(titles), key=f"preview-picture-{entry.id}-{name}", format_func=titles.__getitem__
    )
    st.session_state[f"sample-{entry.id}"] = n
    return n


def _variants(shown: Shown, n: int, first: int, at_once: int) -> None:
    views, path = shown.recipe.augment.views, shown.dataset.samples[n].path
    st.caption(
        f"As the model sees it without variation, and {count(at_once, 'fixed variation')} like those it sees in turn."
        if views
        else "As the model sees it without variation, and six times as it may see it while it learns."
    )
    plainly, varied = st.columns([2, 5])
    with plainly.container(width=224):  # or less, where the column is narrower
        _picture(shown.geometry.centre(shown.base(n)), "original", f"The original of {path}")
    with varied.grid(3, min_column_width=90):
        for epoch in range(first, first + at_once):
            number = shown.recipe.augment.variation(epoch)
            _picture(shown.variant(n, epoch), f"variant {number}", f"Variant {number} of {path}")


def of_a_class(entry: Entry, shown: Shown) -> None:
    """A few pictures of a class that are learnt from, each beside variants of it."""
    name = st.selectbox("Class", shown.dataset.classes, key=f"preview-class-{entry.id}")
    number = roll(entry, shown, _EACH, 1)
    rows = shown.rows
    some = rows[(rows["label"] == name) & (rows["split"] == "train")].head(_OF_A_CLASS)
    for n in map(int, some["n"]):
        path = shown.dataset.samples[n].path
        with st.grid(_EACH + 1, min_column_width=70):
            _picture(shown.geometry.centre(shown.base(n)), "original", f"The original of {path}")
            for epoch in range((number - 1) * _EACH + 1, number * _EACH + 1):
                said = f"variant {shown.recipe.augment.variation(epoch)}"
                _picture(shown.variant(n, epoch), said, f"{said} of {path}")


def batch(shown: Shown, epoch: int) -> None:
    """The first pictures that an epoch shows, varied and mixed as training does it."""
    st.caption(f"What training would begin epoch {epoch} with: below each picture, what it is to be taken for.")
    with st.grid(3, min_column_width=110):
        for n, picture, said in shown.batch(epoch):
            path = shown.dataset.samples[n].path
            _picture(picture, said, f"{path} in epoch {epoch}, taken for {said}")


def _picture(picture: np.ndarray, caption: str, alt: str) -> None:
    st.image(pictures.exactly(picture), width="stretch", caption=plain(caption), alt=alt)
