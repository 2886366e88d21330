"""One picture on its way into the model: what each step does to it, and the numbers that are left of it."""

import streamlit as st

from studio.augment.applied import applied
from studio.model.waking import wake
from studio.ui import pictures
from studio.ui.cards import plain
from studio.ui.shown import Shown

_SMALL = 132


def steps(shown: Shown, n: int, epoch: int) -> None:
    """The picture after every step, in order, with what the step did in words."""
    base, path = shown.base(n), shown.dataset.samples[n].path
    side = base.shape[0]
    st.caption(f"From the first step to the last, in variation {shown.recipe.augment.variation(epoch)}.")
    _row(pictures.exactly(base), "The picture", f"Shrunk, and its middle kept: {side} × {side} pixels.", f"{path}")
    for place, moment in enumerate(shown.trace(n, epoch), 1):
        said = applied(moment)
        _row(pictures.exactly(moment.picture), f"{place}. {moment.title}", said, f"{path} after {moment.title}")


def _row(address: str, title: str, said: str, alt: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center", wrap=False):
        st.image(address, width=_SMALL, alt=alt)
        st.markdown(f"**{plain(title)}**  \n{plain(said)}")


def numbers(shown: Shown, n: int, epoch: int) -> None:
    """The very input of the network, drawn, counted and explained."""
    with st.spinner("Starting the engine…"):
        wake()
        from studio.training.sight import sight
    geometry, picture = shown.geometry, shown.variant(n, epoch)
    seen, path = sight(picture, geometry), shown.dataset.samples[n].path
    left, right = st.columns(2)
    left.image(pictures.exactly(picture), width="stretch", caption="after the last step", alt=f"{path}, varied")
    right.image(
        pictures.exactly(seen.picture),
        width="stretch",
        caption="the numbers, drawn",
        alt=f"{path} as the model sees it",
    )
    middle = geometry.size // 2
    red, green, blue = picture[middle, middle].tolist()
    given = ", ".join(f"{number:.2f}".replace("-", "−") for number in seen.numbers[:, middle, middle].tolist())
    base, size = geometry.base_size, geometry.size
    st.markdown(
        f"1. The picture is shrunk until its shorter side has {base} pixels, and the middle {base} × {base} are kept.\n"
        f"2. The steps vary that, and leave {size} × {size} pixels.\n"
        f"3. Red, green and blue, each from 0 to 1, are moved and scaled as this backbone learnt them: less "
        f"{_three(geometry.mean)}, divided by {_three(geometry.std)}.\n"
        f"4. What is left is {seen.sentence.replace('-', '−')} The point in the middle, "
        f"{red}, {green}, {blue}, becomes {given}.\n"
    )
    st.caption("On the right black is the lowest number that any picture can have, white the highest.")


def _three(numbers: tuple[float, float, float]) -> str:
    return " / ".join(f"{number:.3f}" for number in numbers)
