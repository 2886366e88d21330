"""The auditions on the Model page: which backbone tells one's own pictures apart best, and what thawing it brings."""

import pandas as pd
import streamlit as st

from studio.advice import audition, depths
from studio.advice.audition import Audition, Heard
from studio.advice.depths import DepthExpectation
from studio.data.dataset import Dataset
from studio.data.library import Entry
from studio.recipe import Recipe
from studio.text import percent
from studio.ui import consulting
from studio.ui.background import Background
from studio.ui.cards import plain
from studio.ui.state import open_dataset, workspace


def expected(recipe: Recipe, dataset: Dataset) -> DepthExpectation | None:
    """The accuracy that each freezing depth of the recipe's backbone is expected to reach, if that was measured."""
    return depths.kept(recipe, dataset, workspace())


def show(entry: Entry, recipe: Recipe) -> Recipe:
    """Hold an audition of the backbones at hand, and show what the last one found."""
    found = audition.kept(recipe, open_dataset(entry), workspace())
    with st.expander("Audition: which backbone suits your pictures?", icon=":material/mic:", key=f"mic-{entry.id}"):
        st.markdown(
            "Every backbone whose weights are on this computer looks at your pictures to learn from, frozen as it is. "
            "A single new layer (a linear probe) then learns your classes from what the backbone sees of some of them, "
            "and is asked about the others."
        )
        work = Background(entry.folder, "audition", "audition", "Hold it")
        where = workspace()
        consulting.offer(
            work,
            entry,
            "Hold an audition" if found is None else "Hold it again",
            ":material/mic:",
            audition.BUDGETS,
            lambda budget: audition.audition(recipe, where, budget),
            primary=False,
        )
        if found is not None:
            _ranking(entry, recipe, found)
    return recipe


def _ranking(entry: Entry, recipe: Recipe, found: Audition) -> None:
    """Who was heard, the best first, and a way to take one."""
    st.markdown(f"**{plain(found.sentence)}**")
    key = f"heard-{entry.id}"

    def clicked() -> None:
        if rows := st.session_state[key].selection.rows:
            _take(entry, found.heard[rows[0]])

    st.dataframe(
        _table(found),
        hide_index=True,
        key=key,
        on_select=clicked,
        selection_mode="single-row",
        alt="The backbones that were heard, the best first",
        column_config={
            "Accuracy": st.column_config.NumberColumn(format="%.1f %%"),
            "LogME": st.column_config.NumberColumn(
                format="%.3f",
                help="How well your classes follow from what the backbone sees, told without teaching anything: the "
                "higher, the better (You et al. 2021).",
            ),
            "Pictures a second": st.column_config.NumberColumn(
                format="%.0f", help="Looked at on this machine, frozen."
            ),
        },
    )
    chosen = found.chosen
    if chosen is not None and chosen.model["model.backbone"] != recipe.model.backbone:
        st.button(
            f"Use {plain(chosen.name)}",
            icon=":material/check:",
            key=f"take-heard-{entry.id}",
            on_click=_take,
            args=(entry, chosen),
        )
    plainly = found.baseline
    st.caption(
        f"For comparison: colours alone tell {percent(plainly.accuracy)} right ({percent(plainly.low)} to "
        f"{percent(plainly.high)}), always saying the largest class {percent(found.common)}. {found.pictures:,} of "
        f"{found.of:,} pictures to learn from were shown; the held-back ones stay unseen. Click a row to use it."
    )
    if found.left_out:
        st.caption("\n".join(f"- {plain(name)} was left out. {plain(reason)}" for name, reason in found.left_out))


def _table(found: Audition) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "Backbone": [each.name for each in found.heard],
            "Accuracy": [each.accuracy * 100 for each in found.heard],
            "95 % interval": [f"{percent(each.low)} to {percent(each.high)}" for each in found.heard],
            "Against the best": [_beside(each, found) for each in found.heard],
            "LogME": [each.logme for each in found.heard],
            "Pictures a second": [each.pace for each in found.heard],
            "Pictures shown": [f"{each.pictures:,}" for each in found.heard],
        }
    )


def _beside(each: Heard, found: Audition) -> str:
    if not each.tied:
        return f"{100 * each.behind:.1f} points behind"
    return "a tie" if len(found.tied) > 1 else "the best"


def _take(entry: Entry, chosen: Heard) -> None:
    consulting.adopt(entry, lambda recipe: recipe.amended(chosen.model))


def by_depth(entry: Entry, recipe: Recipe) -> None:
    """Measure what each freezing depth of the backbone is likely to reach; what was found stands at the slider."""
    found = expected(recipe, open_dataset(entry))
    with st.expander(
        "Audition of the depths: what does thawing bring?", icon=":material/height:", key=f"try-{entry.id}"
    ):
        st.markdown(
            "At some depths what is thawed learns for a moment, from a few of your pictures to learn from, and is "
            "asked about others. The accuracy that a whole run is likely to reach then stands beside each depth."
        )
        where = workspace()
        consulting.offer(
            Background(entry.folder, "depths", "audition", "Hold it"),
            entry,
            "Try the depths" if found is None else "Try them again",
            ":material/height:",
            depths.BUDGETS,
            lambda budget: depths.measure(recipe, where, budget),
            primary=False,
        )
        if found is not None:
            st.markdown(f"**{plain(found.sentence)}**")
            missing = found.stages + 1 - len(found.by_depth)
            st.caption(
                f"Learnt from {found.learnt:,} pictures and asked about {found.asked:,}; a head that learnt from all "
                "tells how much more pictures help. Bands hold 95 % of what is likely."
                + (f" For {missing} of the depths there was no time." if missing else "")
            )
