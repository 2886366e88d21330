"""The queue on the screen: let runs wait, repeat one with other seeds or rates, and see what waits."""

import re

import streamlit as st

from studio.errors import RecipeError
from studio.recipe import Recipe
from studio.runs.queue import Queue, repeat
from studio.runs.run import Run
from studio.ui.cards import count, shortened
from studio.ui.lists import title
from studio.ui.state import go, live_runs, workspace

_SEEDS = 20  # runs with other seeds that the form offers at most


def offer(recipe: Recipe, key: str) -> None:
    """A button that lets a recipe wait, where another run is being trained or waits already. Draws nothing else."""
    waiting = queue().waiting()
    if (waiting or live_runs()) and st.button(
        "Add to the queue",
        icon=":material/playlist_add:",
        disabled=bool(recipe.problems()),
        key=f"queue-add-{key}",
        help="It starts by itself when the runs before it have ended.",
    ):
        queue().line_up([recipe])
        go("runs")


def repeat_form(recipe: Recipe, key: str) -> None:
    """Train a recipe several times: with some seeds, with some learning rates, or with each of both."""
    with st.expander("Repeat with other seeds or rates", icon=":material/content_copy:", key=f"repeat-{key}"):
        st.caption(
            "Several seeds show how much of a difference is luck. The runs wait in the queue and are trained one after "
            "the other."
        )
        with st.form(f"repeat-form-{key}", border=False):
            first, second = st.columns(2)
            seeds = first.number_input(
                "How many seeds", 1, _SEEDS, 3, key=f"repeat-seeds-{key}", help="The recipe's own seed, and the next."
            )
            rates = second.text_input(
                "Learning rates",
                key=f"repeat-rates-{key}",
                placeholder=f"{recipe.optimizer.lr:g}",
                help="Several with spaces between them, such as 0.003 0.001. Empty: the recipe's own.",
            )
            pressed = st.form_submit_button(
                "Add them to the queue", icon=":material/playlist_add:", disabled=bool(recipe.problems())
            )
        if pressed:
            own = recipe.seed
            runs = queue().line_up(repeat(recipe, range(own, own + seeds) if seeds > 1 else (), rates_in(rates)))
            st.toast(f"{count(len(runs), 'run')} wait in the queue.", icon=":material/playlist_add_check:")
            go("runs")


def rates_in(text: str) -> list[float]:
    """The learning rates in what a person typed. Raises RecipeError for a word that is no number."""
    words = [word for word in re.split(r"[\s,;]+", text) if word]
    try:
        return [float(word) for word in words]
    except ValueError as error:
        raise RecipeError(
            "These learning rates cannot be read.", "Type numbers such as 0.003, with a space between them.", text
        ) from error


def waiting_list() -> None:
    """The runs that wait, the next one first, each with the ways to move it or take it out. Nothing if none waits."""
    runs = queue().waiting()
    if not runs:
        return
    st.subheader("Waiting", anchor=False)
    st.caption("They are trained in this order, one after the other, as soon as no other run is being trained.")
    for place, run in enumerate(runs):
        _row(run, place, len(runs))


def _row(run: Run, place: int, runs: int) -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.text(f"{place + 1}.  {shortened(title(run), 60)}", width="content")
        with st.container(horizontal=True, width="content"):
            _ways(run, place, last=place == runs - 1)


def _ways(run: Run, place: int, last: bool) -> None:
    if st.button("Earlier", icon=":material/arrow_upward:", disabled=place == 0, key=f"queue-up-{run.id}"):
        queue().move(run.id, place - 1)
        st.rerun()
    if st.button("Later", icon=":material/arrow_downward:", disabled=last, key=f"queue-down-{run.id}"):
        queue().move(run.id, place + 1)
        st.rerun()
    gone = "It was never started, so it is deleted."
    if st.button("Take out", icon=":material/close:", key=f"queue-cancel-{run.id}", help=gone):
        queue().cancel(run.id)
        st.rerun()


def standing(run: Run) -> str:
    """Where a run stands in the queue, in a sentence; empty where it does not wait."""
    ids = [other.id for other in queue().waiting()]
    if run.id not in ids:
        return ""
    place = ids.index(run.id) + 1
    return "It is the next in the queue." if place == 1 else f"It waits in the queue, as number {place}."


def queue() -> Queue:
    """The queue of the workspace that this studio serves."""
    return Queue(workspace())
