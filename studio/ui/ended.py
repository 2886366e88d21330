"""How a run ended, and the ways on from there: let it go on, add epochs, start again, see what it learnt."""

import errno
import os

import streamlit as st

from studio.data.library import Entry
from studio.runs import launch
from studio.runs.progress import Progress
from studio.runs.run import Run
from studio.text import percent
from studio.ui import advice
from studio.ui.cards import fault, link, plain
from studio.ui.state import begin, go
from studio.workspace import slug

_FULL = (os.strerror(errno.ENOSPC), os.strerror(errno.EDQUOT))


def show(run: Run, progress: Progress, entry: Entry | None) -> None:
    """How a run ended and where to go now."""
    if progress.hindered:
        st.warning(plain(f"{progress.hindered.sentence} {progress.hindered.remedy}"), icon=":material/warning:")
    match progress.status:
        case "stopped" if progress.val_accuracy is None:
            st.info("The run was stopped before anything was learnt: there are no weights to keep.")
            _start_again(run)
        case "stopped":
            _kept(progress)
            with st.container(horizontal=True):
                _results()
                if run.can_go_on():
                    _go_on(run, "Go on", primary=False)
        case "finished":
            _kept(progress)
            with st.container(horizontal=True):
                _results()
            if run.can_go_on():
                _add_epochs(run, progress)
        case "failed" if progress.failure:
            fault(progress.failure.sentence, progress.failure.remedy, progress.failure.details)
            if progress.failure.checkpoint:
                st.text(f"The last good checkpoint is kept: {run.folder / progress.failure.checkpoint}")
            full = any(words in progress.failure.sentence for words in _FULL)
            _on_or_again(run, "Go on", goes_on=full and run.can_go_on())
        case "interrupted":
            goes_on = run.can_go_on()
            kept = " The best weights so far are kept and can be tried." if progress.checkpoint else ""
            fault(
                "The program that trained this run was closed or ended before the run was done.",
                "It can go on from its last checkpoint as if nothing had happened."
                if goes_on
                else f"Start it again: it begins anew with the same settings.{kept}",
            )
            _on_or_again(run, "Go on where it was", goes_on)
    advice.show(run, entry)
    _as_recipe(run, progress)


def _kept(progress: Progress) -> None:
    early = " It stopped early, as nothing got better." if progress.finished and progress.finished.early else ""
    st.success(
        f"The weights of epoch {progress.best_epoch} did best and are kept: "
        f"{percent(progress.val_accuracy)} of the held-back pictures right.{early}",
        icon=":material/check_circle:",
    )


def _results() -> None:
    link("results", "See the results", ":material/insights:", "ended")
    link("try_it", "Try it on a picture", ":material/photo_camera:", "ended", primary=False)


def _on_or_again(run: Run, words: str, goes_on: bool) -> None:
    """Go on where that is possible, else start again; and what can be done besides."""
    with st.container(horizontal=True):
        if goes_on:
            _go_on(run, words, primary=True)
        else:
            _again(run)
        if (run.folder / "predictions.json").is_file():
            link("results", "See what it learnt", ":material/insights:", "again", primary=False)
        link("model", "Change the model", ":material/tune:", "again", primary=False)


def _go_on(run: Run, words: str, primary: bool) -> None:
    kind = "primary" if primary else "secondary"
    if st.button(words, type=kind, icon=":material/resume:", key="go-on", help="It goes on from its checkpoint."):
        launch.start(run, again=True)
        st.rerun()


def _start_again(run: Run) -> None:
    with st.container(horizontal=True):
        _again(run)
        link("model", "Change the model", ":material/tune:", "again", primary=False)


def _again(run: Run) -> None:
    if st.button("Start it again", type="primary", icon=":material/replay:", key="again"):
        go("train", run=begin(run.recipe).id)


def _add_epochs(run: Run, progress: Progress) -> None:
    """More epochs for a run that has had all of its own."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        more = st.number_input("Train for so many epochs more", 1, 1000, 4, key=f"more-{run.id}", width=220)
        if st.button("Add epochs", icon=":material/add:", key="add-epochs"):
            run.request("epochs", progress.epochs + more)
            launch.start(run, again=True)
            st.rerun()


def _as_recipe(run: Run, progress: Progress) -> None:
    """A steered run as a recipe that gives its curve again."""
    if progress.steered:
        st.download_button(
            "Save this as a recipe",
            run.as_steered().to_toml(),
            f"{slug(run.name)}.toml",
            "application/toml",
            icon=":material/download:",
            key="as-recipe",
            help="The run's recipe with every change that was made while it went: it gives the same curve again.",
        )
