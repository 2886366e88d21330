"""The parts of the Results page: the accuracy in words, the confusion matrix and its pictures, the worst mistakes."""

import pandas as pd
import streamlit as st
from streamlit.elements.lib.column_types import ColumnConfig

from studio.data.library import Entry
from studio.results.evaluate import Results
from studio.runs.run import Run
from studio.text import percent
from studio.training import notes
from studio.ui import charts, pictures
from studio.ui.cards import count, plain
from studio.ui.state import open_dataset

Cell = tuple[str, str]


def accuracy(results: Results) -> None:
    """The one number, and how sure it is, in words."""
    low, high = results.interval
    wrong = len(results.top_losses(results.images))
    with st.container(border=True):
        st.metric("Accuracy on the held-back pictures", percent(results.accuracy))
        st.markdown(
            f"{results.images - wrong:,} of {count(results.images, 'picture')} are right, "
            f"{wrong:,} wrong. On new pictures of the same kind expect between **{percent(low)}** and "
            f"**{percent(high)}** (with 95 % certainty; more pictures held back would narrow this)."
        )


def proof(run: Run) -> None:
    """The freeze proof: whether what was frozen is still what it was, to the last bit."""
    proven = run.progress().proven
    if proven is None:
        return
    said = plain(notes.proven(proven.tensors, proven.changed))
    if proven.changed:
        st.error(f"**Freeze proof.** {said}", icon=":material/error:")
        return
    st.markdown(
        f":material/ac_unit: **Freeze proof.** {said}",
        help="Each frozen number and each statistic beside it was hashed when it was frozen, and hashed again when it "
        "thawed or the run ended.",
    )


def confusion(results: Results, key: str) -> Cell | None:
    """The matrix; a click on a cell, or the two boxes below it, choose which pictures to see."""
    matrix = results.confusion()
    names = [str(name) for name in matrix.index]
    st.caption(
        "Each row is what a picture is, each column what the model says. On the diagonal it is right. Click a "
        "cell to see its pictures, or choose below."
    )
    if len(names) <= 60:
        event = st.plotly_chart(
            charts.confusion(matrix),
            key=f"confusion-{key}",
            on_select="rerun",
            selection_mode="points",
            config={"displayModeBar": False},
            alt="Confusion matrix: what each picture is, and what the model says",
        )
        _take_click(event, names, key)
    else:
        st.dataframe(matrix, height=480, alt="Confusion matrix")
    left, right = st.columns(2)
    true = left.selectbox("What it is", names, index=None, placeholder="Choose a class", key=f"true-{key}")
    predicted = right.selectbox(
        "What the model says", names, index=None, placeholder="Choose a class", key=f"predicted-{key}"
    )
    return (true, predicted) if true and predicted else None


def _take_click(event: object, names: list[str], key: str) -> None:
    """Carry a fresh click on the matrix into the two boxes."""
    points = getattr(getattr(event, "selection", None), "points", None) or []
    clicked = tuple(points[0]["customdata"][:2]) if points else None
    if clicked and clicked != st.session_state.get(f"clicked-{key}"):
        st.session_state[f"true-{key}"], st.session_state[f"predicted-{key}"] = (names[int(place)] for place in clicked)
    st.session_state[f"clicked-{key}"] = clicked


def cell_pictures(results: Results, entry: Entry | None, cell: Cell | None, key: str) -> None:
    """The pictures of one cell."""
    if cell is None:
        return
    true, predicted = cell
    rows = results.cell(true, predicted)
    if rows.empty:
        st.text(f"No picture of {true} {'is named rightly' if true == predicted else f'is taken for {predicted}'}.")
        return
    st.text(
        f"{count(len(rows), 'picture')} of {true}, taken for {predicted}"
        if true != predicted
        else f"{count(len(rows), 'picture')} of {true}, named rightly"
    )
    gallery(rows, entry, key=f"cell-{key}-{results.classes.index(true)}-{results.classes.index(predicted)}")


def per_class(results: Results) -> None:
    """Precision, recall and support of every class, with what the words mean."""
    frame = results.per_class().rename_axis("class").reset_index()
    frame[["precision", "recall", "f1"]] *= 100
    st.dataframe(
        frame,
        hide_index=True,
        alt="Precision, recall and F1 of every class",
        column_config={
            "class": st.column_config.TextColumn("Class", pinned=True),
            "recall": _share("Found", "Recall: of the pictures of this class, how many the model names rightly."),
            "precision": _share("Right when it says so", "Precision: of the pictures given this name, how many are."),
            "f1": _share("Both (F1)", "One number between the two: high only if both are."),
            "support": st.column_config.NumberColumn("Pictures", help="How many were held back of this class."),
        },
    )


def _share(title: str, help: str) -> ColumnConfig:
    """A column of percentages from 0 to 100, with bars."""
    return st.column_config.ProgressColumn(title, min_value=0, max_value=100, format="%.1f %%", help=help)


def worst(results: Results, entry: Entry | None, key: str) -> None:
    """The mistakes in which the right answer had the least chance."""
    wrong = results.top_losses(48)
    if wrong.empty:
        st.success("Not one of the held-back pictures is named wrongly.", icon=":material/check_circle:")
        return
    st.caption(
        "Worst first: here the model gave the right answer the least chance. Some of these may be labelled "
        "wrongly themselves, so look twice."
    )
    gallery(wrong, entry, key=f"worst-{key}")


def gallery(rows: pd.DataFrame, entry: Entry | None, key: str) -> None:
    """Predictions with their pictures, or as a table where the pictures are gone."""
    captions = [
        f"is {label}, says {predicted} ({percent(confidence, 0)})"
        for label, predicted, confidence in zip(rows["label"], rows["predicted"], rows["confidence"], strict=True)
    ]
    if entry is None:
        st.dataframe(rows[["path", "label", "predicted", "confidence"]], hide_index=True, alt="Predictions")
        return
    dataset = open_dataset(entry)
    places = pictures.table(dataset).set_index("path")["n"].reindex(rows["path"])
    shown = pd.DataFrame({"n": places.to_numpy(), "caption": captions}).dropna(subset=["n"])
    pictures.show(entry, dataset, shown.astype({"n": int}), key=key)
