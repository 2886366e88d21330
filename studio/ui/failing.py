"""Steps that cannot take some picture, named before training: the trial of a pipeline on the oddest pictures."""

from pathlib import Path

import numpy as np
import streamlit as st

from studio.augment.trial import Failure, trial
from studio.data.picture import open_image
from studio.errors import PictureError
from studio.ui import pictures
from studio.ui.cards import plain
from studio.ui.shown import Shown


def draw(shown: Shown) -> None:
    """Each step that fails, with the picture it fails on and the remedy."""
    if shown.recipe.augment.preset != "custom":
        return
    for failure in _tried(shown.pipeline.identity, str(shown.geometry), shown.dataset.fingerprint, shown):
        with st.container(border=True):
            st.error(plain(failure.sentence) + f"\n\n{plain(failure.remedy)}", icon=":material/error:")
            try:
                picture = open_image(Path(shown.dataset.root / failure.picture), at_least=160)
            except PictureError:
                continue
            picture.thumbnail((160, 160))
            st.image(pictures.inline(np.asarray(picture)), width=160, alt=f"The picture {failure.picture}")


@st.cache_data(max_entries=100, show_spinner=False)
def _tried(identity: str, geometry: str, fingerprint: str, _shown: Shown) -> list[Failure]:
    return trial(_shown.pipeline, _odd(fingerprint, geometry, _shown))


@st.cache_resource(max_entries=4, show_spinner=False)
def _odd(fingerprint: str, geometry: str, _shown: Shown) -> dict[str, np.ndarray]:
    """The oddest pictures that are learnt from, as base squares by their path."""
    from studio.training.odd import odd_pictures

    learnt = _shown.rows.loc[_shown.rows["split"] == "train", "n"].tolist()
    return odd_pictures(_shown.dataset, [_shown.dataset.samples[n] for n in learnt], _shown.geometry)
