"""The parts of the Train page: the plan, the run as it goes, and another one."""

import streamlit as st

from studio.data.library import Entry
from studio.model.catalogue import card
from studio.recipe import Recipe
from studio.runs import launch
from studio.runs.progress import Progress
from studio.runs.run import Run
from studio.ui import ended, forms, pictures, pinning, queue
from studio.ui.cards import count, link, plain, shortened
from studio.ui.components import SWITCHED_OFF, Other, live_chart
from studio.ui.lists import STATUS, when
from studio.ui.state import begin, draft, go, live_runs, open_dataset, readable_runs, workspace

_COMPARED = 50  # runs to choose from


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
        wrong = forms.problems(recipe, card(recipe.model.backbone, workspace()))
        with st.container(horizontal=True):
            if st.button(
                "Start a new run" if again else "Start",
                type="secondary" if again else "primary",
                icon=":material/play_arrow:",
                disabled=bool(wrong),
                key="start",
            ):
                go("train", run=begin(recipe.amended({"name": name.strip() or recipe.name})).id, dataset=entry.id)
            queue.offer(recipe.amended({"name": name.strip() or recipe.name}), entry.id)
            link("model", "Change the model", ":material/tune:", "plan", primary=False)
    queue.repeat_form(recipe, entry.id)


def watch(run: Run, entry: Entry | None) -> None:
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
    live_chart(run.id, f"live-{run.id}", progress.is_live, notes=progress.is_live, others=comparable(run))
    if progress.is_live or progress.validated:
        st.caption(
            "An epoch is once through all the pictures to learn from. Training: how the model does on those. "
            "Validation: on the pictures held back, which is the honest number. Loss says how wrong it is, so lower "
            "is better."
        )
    if progress.is_live:
        pinning.show(run)
    else:
        warnings(progress)
        ended.show(run, progress, entry)
        savings(progress)


def comparable(run: Run) -> list[Other]:
    """Ended runs of the same pictures, newest first, to be laid over this one's curves."""
    source, found = run.recipe.data.source, []
    for other in readable_runs():
        if other.id != run.id and other.recipe.data.source == source:
            progress = other.progress()
            if progress.validated and not progress.is_live:
                found.append(Other(id=other.id, name=f"{shortened(other.name, 40)}, {when(other.created)}"))
    return found[:_COMPARED]


def created(run: Run) -> None:
    """A run that was made but never started."""
    st.markdown("This run was made but not started yet.")
    if place := queue.standing(run):
        st.text(place)
    if st.button("Start", type="primary", icon=":material/play_arrow:", key="start-created"):
        launch.start(run)
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
        with st.expander(
            "What it was trained under, and what saved time", expanded=True, icon=":material/speed:", key="savings"
        ):
            st.caption("\n".join(f"- {plain(sentence)}" for sentence in progress.notes[:20]))
            st.caption(SWITCHED_OFF)


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
