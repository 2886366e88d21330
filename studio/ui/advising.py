"""The advisor on the Model page: what it advises and why, to be followed piece by piece or at once."""

import streamlit as st

from studio.advice import advisor
from studio.advice.advisor import Advice
from studio.advice.counsel import Counsel, applied
from studio.data.library import Entry
from studio.recipe import Recipe
from studio.ui import consulting
from studio.ui.background import Background
from studio.ui.cards import plain
from studio.ui.state import open_dataset, workspace


def show(entry: Entry, recipe: Recipe) -> Recipe:
    """Ask for advice, and show the last one that was given for these pictures."""
    found = advisor.kept(recipe, open_dataset(entry), workspace())
    with st.container(border=True, key=f"advisor-{entry.id}"):
        st.markdown(
            "**Not sure what to choose?** The advisor measures on your own pictures: it holds the auditions, looks how "
            "much they are like those that the network has learnt from, and how fast this machine is."
        )
        where = workspace()
        consulting.offer(
            Background(entry.folder, "advice", "advice", "Ask"),
            entry,
            "Ask for advice" if found is None else "Ask again",
            ":material/support_agent:",
            advisor.BUDGETS,
            lambda budget: advisor.advise(recipe, where, budget),
            primary=False,
        )
        if found is not None:
            _pieces(entry, recipe, found)
    return recipe


def _pieces(entry: Entry, recipe: Recipe, found: Advice) -> None:
    """Each piece with its reason and its number, and whether the recipe follows it already."""
    open_ = [each for each in found.counsels if not each.held_by(recipe)]
    for each in found.counsels:
        left, right = st.columns([5, 1], vertical_alignment="center")
        with left:
            st.markdown(f"**{each.title}: {plain(each.choice)}**")
            st.caption(f"{plain(each.reason)} _{plain(each.number)}_")
        with right:
            if each in open_:
                st.button("Apply", key=f"apply-{each.topic}-{entry.id}", on_click=_follow, args=(entry, each))
            else:
                st.badge("Already so", icon=":material/check:", color="green")
    st.caption(f"{plain(found.similarity.sentence)} {found.pictures:,} pictures to learn from.")
    if open_:
        label = "Apply all" if len(open_) == len(found.counsels) else "Apply the rest"
        st.button(
            label,
            icon=":material/done_all:",
            type="primary",
            key=f"apply-all-{entry.id}",
            on_click=_follow,
            args=(entry, *found.counsels),
        )


def _follow(entry: Entry, *counsels: Counsel) -> None:
    consulting.adopt(entry, lambda recipe: applied(recipe, *counsels))
