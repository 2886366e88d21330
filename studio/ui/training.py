"""The parts of the Train page: the plan, the run as it goes, and how it ended."""

import streamlit as st

from studio.data.library import Entry
from studio.recipe import Recipe
from studio.runs import launch
from studio.runs.progress import Progress
from studio.runs.run import Run
from studio.ui import forms, pictures
from studio.ui.cards import count, fault, link, percent, plain, shortened
from studio.ui.components import SWITCHED_OFF, live_chart
from studio.ui.lists import STATUS
from studio.ui.state import begin, draft, go, live_runs, open_dataset


def plan(entry: Entry, recipe: Recipe, again: bool = False) -> None:
    """What will happen in one sentence, a name for it, and Start."""
    dataset = open_dataset(entry)
    rows = pictures.divided(dataset, recipe.data.val_share, recipe.seed)
    learns, measured = (len(rows.query("split == @part")) for part in ("train", "val"))
    with st.container(border=True):
        st.markdown(
            f"{forms.summary(recipe)} It learns from {count(learns, 'picture')} of "
            f"{count(len(dataset.classes), 'class', 'classes')} and is measured on "
            f"{count(measured, 'other')}."
        )
        name = st.text_input("Name of the run", recipe.name, max_chars=120, key=f"run-name-{entry.id}")
        wrong = forms.problems(recipe)
        with st.container(horizontal=True):
            if st.button(
                "Start a new run" if again else "Start",
                type="secondary" if again else "primary",
                icon=":material/play_arrow:",
                disabled=bool(wrong),
                key="start",
            ):
                go("train", run=begin(recipe.amended({"name": name.strip() or recipe.name})).id, dataset=entry.id)
            link("model", "Change the model", ":material/tune:", "plan", primary=False)


def watch(run: Run) -> None:
    """One run: how it stands, the live curves, and what can be done now."""
    progress = run.progress()
    word, colour = STATUS[progress.status]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.text(shortened(run.name, 80), width="content")
        if not progress.is_live:  # while it moves, the live chart says how it stands
            st.badge(word, color=colour)
    if progress.status == "created":
        created(run)
        return
    live_chart(run.id, key=f"live-{run.id}", is_live=progress.is_live, notes=progress.is_live)
    if progress.is_live or progress.validated:
        st.caption(
            "An epoch is once through all the pictures to learn from. Training: how the model does on those. "
            "Validation: on the pictures held back, which is the honest number. Loss says how wrong it is, so lower "
            "is better."
        )
    if progress.is_live:
        stop(run, progress)
    else:
        warnings(progress)
        ended(run, progress)
        savings(progress)


def created(run: Run) -> None:
    """A run that was made but never started."""
    st.markdown("This run was made but not started yet.")
    if st.button("Start", type="primary", icon=":material/play_arrow:", key="start-created"):
        launch.start(run)
        st.rerun()


def stop(run: Run, progress: Progress) -> None:
    """The way to end a run early without losing what it learnt."""
    stopping = progress.status == "stopping"
    if st.button(
        "Stopping…" if stopping else "Stop",
        icon=":material/stop_circle:",
        disabled=stopping,
        key="stop",
        help="Ends the training soon. The best weights so far are kept, if there are any yet.",
    ):
        run.request("stop")
        st.rerun()


def warnings(progress: Progress) -> None:
    """What a person should know although it stopped nothing."""
    for place, warning in enumerate(progress.warnings[:20]):
        st.warning(plain(warning.sentence), icon=":material/warning:")
        if warning.pictures:
            with st.expander(f"The {count(len(warning.pictures), 'picture')}", key=f"warned-{place}"):
                st.dataframe({"file": warning.pictures}, hide_index=True, alt="The pictures of this warning")


def savings(progress: Progress) -> None:
    """How a run that ended saved time; while it goes on, the live chart says so."""
    if progress.notes:
        with st.expander("How this run saved time", expanded=True, icon=":material/speed:", key="savings"):
            st.caption("\n".join(f"- {plain(sentence)}" for sentence in progress.notes[:20]))
            st.caption(SWITCHED_OFF)


def ended(run: Run, progress: Progress) -> None:
    """How a run ended and where to go now."""
    match progress.status:
        case "stopped" if progress.val_accuracy is None:
            st.info("The run was stopped before anything was learnt: there are no weights to keep.")
            again(run)
        case "finished" | "stopped":
            st.success(
                f"The weights of epoch {progress.best_epoch} did best and are kept: "
                f"{percent(progress.val_accuracy)} of the held-back pictures right.",
                icon=":material/check_circle:",
            )
            with st.container(horizontal=True):
                link("results", "See the results", ":material/insights:", "ended")
                link("try_it", "Try it on a picture", ":material/photo_camera:", "ended", primary=False)
        case "failed" if progress.failure:
            fault(progress.failure.sentence, progress.failure.remedy, progress.failure.details)
            if progress.failure.checkpoint:
                st.text(f"The last good checkpoint is kept: {run.folder / progress.failure.checkpoint}")
            again(run)
        case "interrupted":
            fault(
                "The program that trained this run was closed or ended before the run was done.",
                "Start it again: it begins anew with the same settings."
                + (" The best weights so far are kept and can be tried." if progress.checkpoint else ""),
            )
            again(run, results=(run.folder / "predictions.json").is_file())


def again(run: Run, results: bool = False) -> None:
    """The ways on from a run that did not come to its end."""
    with st.container(horizontal=True):
        if st.button("Start it again", type="primary", icon=":material/replay:", key="again"):
            go("train", run=begin(run.recipe).id)
        if results:
            link("results", "See what it learnt", ":material/insights:", "again", primary=False)
        link("model", "Change the model", ":material/tune:", "again", primary=False)


def once_more(run: Run, entry: Entry) -> None:
    """The plan for another run, unless it would only repeat what the run above already offers to start again."""
    recipe = draft(entry)
    unended = run.progress().status in ("failed", "interrupted")
    if unended and recipe.amended({"name": run.recipe.name}) == run.recipe:
        return
    st.subheader("Train once more, as chosen now", anchor=False)
    plan(entry, recipe, again=True)


def elsewhere(shown: Run | None) -> None:
    """Other runs that are being trained now, perhaps from another tab."""
    for run in live_runs():
        if shown is None or run.id != shown.id:
            with st.container(border=True, horizontal=True, vertical_alignment="center"):
                st.text(f"Being trained now: {shortened(run.name, 60)}", width="content")
                link(
                    "train",
                    "Watch it",
                    ":material/visibility:",
                    f"elsewhere-{run.id}",
                    primary=False,
                    run=run.id,
                    dataset=None,
                )
