"""The parts of the Try it page: a picture from the disk, the camera or the held-back ones, and the model's answer."""

from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st
from PIL import Image

from studio.data.library import Entry
from studio.data.picture import open_picture
from studio.errors import PictureError
from studio.results.evaluate import Results
from studio.results.predict import Prediction, Predictor
from studio.runs.run import Run
from studio.text import percent
from studio.ui import charts, pictures, pinning, views
from studio.ui.cards import fault
from studio.ui.state import open_dataset

_FEW = 12
UPLOAD, CAMERA, HELD_BACK = "Your picture", "Camera", "A held-back one"


def choose(run: Run, entry: Entry | None) -> Path | bytes | None:
    """A picture, from where the person likes; the camera is asked for only when it is chosen."""
    ways = [UPLOAD, CAMERA] + ([HELD_BACK] if entry else [])
    way = st.segmented_control("Where is the picture?", ways, default=UPLOAD, required=True, key="try-way", wrap=True)
    if way == UPLOAD:
        file = st.file_uploader("A picture", max_upload_size=50, key=f"try-file-{run.id}", label_visibility="collapsed")
        return file.getvalue() if file else None
    if way == CAMERA:
        shot = st.camera_input("Take a picture", key=f"try-camera-{run.id}", label_visibility="collapsed")
        return shot.getvalue() if shot else None
    return held_back(run, entry) if entry else None


def held_back(run: Run, entry: Entry) -> Path | None:
    """A few pictures that the model was measured on, to click."""
    dataset = open_dataset(entry)
    measured = Results.of(run).frame[["path", "label"]]  # under the decisions of that day, not of today
    rows = measured.merge(pictures.table(dataset)[["path", "n"]], on="path")
    of_each = max(1, _FEW // max(1, len(set(rows["label"]))))
    few = rows.groupby("label").head(of_each).head(_FEW)
    clicked = pictures.show(entry, dataset, few.assign(caption="is " + few["label"]), key=f"try-{run.id}")
    if clicked is not None:
        st.session_state[f"try-n-{run.id}"] = clicked
    n = st.session_state.get(f"try-n-{run.id}")
    return None if n is None else dataset.root / dataset.samples[n].path


def answer(run: Run, picture: Path | bytes | None) -> None:
    """The picture and what the model says of it."""
    if picture is None:
        with st.container(border=True):
            st.caption("Choose a picture, and the answer appears here.")
        return
    try:
        shown = seen(picture)
    except PictureError as error:
        fault(error.what, "Choose another file: a photograph or a drawing, such as a JPEG, PNG or WebP.")
        return
    st.image(shown, width=360, alt="The picture the model is asked about")
    several = views.wanted(run)
    with st.spinner("Looking…"):
        prediction = Predictor.of(run).predict([picture], tta=several)[0]
    (run.folder / "tried").touch()
    verdict(prediction)
    pinning.offer(run, picture)
    st.plotly_chart(
        charts.probabilities(prediction.probabilities),
        key="probabilities",
        config={"displayModeBar": False},
        alt="How likely the model finds each class",
    )
    table = pd.DataFrame(prediction.probabilities.items(), columns=["class", "probability"])
    with st.expander("All classes as a table"):
        st.dataframe(
            table.sort_values("probability", ascending=False),
            hide_index=True,
            alt="Probability of each class",
            column_config={"probability": st.column_config.NumberColumn(format="percent")},
        )


def seen(picture: Path | bytes) -> str:
    """The picture the right way up, small enough to send to the page."""
    shown = Image.fromarray(open_picture(picture, at_least=480))
    shown.thumbnail((720, 720))
    return pictures.inline(np.asarray(shown))


def verdict(prediction: Prediction) -> None:
    """The answer in one sentence, honest about how sure the model is."""
    chances = sorted(prediction.probabilities.items(), key=lambda pair: -pair[1])
    (name, share), rest = chances[0], chances[1:]
    with st.container(border=True, gap="xsmall"):
        if share >= 0.6:
            st.text(f"This looks like {name} ({percent(share)}).")
        else:
            other = f" or {rest[0][0]} ({percent(rest[0][1])})" if rest else ""
            st.text(f"The model is unsure: {name} ({percent(share)}){other}.")
        st.caption(
            "A model only knows the classes it was taught. It gives one of these names to any picture, "
            "a picture of something else included."
        )
