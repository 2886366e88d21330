"""In plain words: what a backbone, a head, freezing and thawing are, told of the network that one has chosen."""

import streamlit as st

from studio.model.catalogue import Backbone
from studio.recipe import Recipe
from studio.ui.cards import count, plain
from studio.ui.charts import FROZEN, HEAD, LEARNS

_ICON = ":material/school:"
_BOXES = 12  # stages drawn at most


def show(recipe: Recipe, backbone: Backbone, classes: tuple[str, ...], key: str) -> None:
    """Four words and the user's own network, folded away until somebody wants to read them."""
    with st.expander("In plain words: what you choose on this page", icon=_ICON, key=f"words-{key}"):
        st.markdown(
            "**Transfer learning** takes a network that has already learnt to see, from millions of other pictures, "
            "and teaches it your classes. It needs far fewer pictures and far less time than learning to see anew."
        )
        st.html(_drawing(len(backbone.stages), min(recipe.freeze.final_depth, len(backbone.stages))))
        with st.grid(2):
            for word, sentence in sentences(recipe, backbone, classes).items():
                with st.container(border=True):
                    st.markdown(f"**{word}**\n\n{sentence}")
        st.caption("You need none of this to go on: the values on this page are good ones to begin with.")


def sentences(recipe: Recipe, backbone: Backbone, classes: tuple[str, ...]) -> dict[str, str]:
    """Each word with what it means, and what it is in this network."""
    stages = len(backbone.stages)
    frozen = min(recipe.freeze.final_depth, stages)
    numbers = sum(stage.parameters for stage in backbone.stages)
    thawed = stages - frozen
    return {
        "The backbone": f"The part that sees. Yours, {plain(recipe.model.backbone)}, is a chain of "
        f"{count(stages, 'stage')} that hold {_millions(numbers)} learnt numbers (parameters). The first stages notice "
        "edges and colours, the later ones fur, wheels and whole things.",
        "The head": f"The last layer, which turns what the backbone saw into an answer: one of your {len(classes)} "
        f"classes, {_named(classes)}. It is always new, so it always learns.",
        "Freezing": "A frozen stage stays exactly as it is: not one of its numbers changes, and after training that is "
        "proven. What is frozen need look at each picture only once, which makes training fast, and it cannot forget "
        f"what it knows. {_now(frozen, stages)}",
        "Thawing": "A thawed stage learns too, so that it fits your pictures better. That takes more time and memory, "
        f"and with few pictures it may learn them by heart instead of the class. {_thaws(recipe, thawed)}",
    }


def _now(frozen: int, stages: int) -> str:
    if not stages:
        return ""
    if frozen == stages:
        return f"As chosen now, all {stages} stages stay frozen."
    return f"As chosen now, {frozen or 'none'} of {stages} stages {'stays' if frozen == 1 else 'stay'} frozen."


def _thaws(recipe: Recipe, thawed: int) -> str:
    if not thawed:
        return "As chosen now, nothing thaws."
    which = "one stage thaws" if thawed == 1 else f"{thawed} stages thaw"
    if not recipe.freeze.thaws_later:
        return f"As chosen now, {which} from the first step on."
    return f"As chosen now, {which} after the head has learnt for a while, so that its first blunders spoil nothing."


def _millions(numbers: int) -> str:
    return f"{numbers / 1e6:,.1f} million" if numbers >= 1e5 else f"{numbers:,}"


def _named(classes: tuple[str, ...]) -> str:
    """The first few of them, as text."""
    few = [plain(name[:30]) for name in classes[:3]]
    return f"{', '.join(few)} and {len(classes) - 3} more" if len(classes) > 4 else " or ".join(few[: len(classes)])


def _drawing(stages: int, frozen: int) -> str:
    """A picture goes in on the left, the stages in a row, the head, an answer: drawn from numbers alone."""
    shown = min(stages, _BOXES)
    cold = round(frozen * shown / stages) if stages else 0
    boxes = [_box(FROZEN, "❄") if place < cold else _box(LEARNS, "☀") for place in range(shown)]
    told = (
        f"A picture goes through {stages} stages, of which {frozen} stay frozen, and the head, and becomes an answer."
    )
    return (
        f'<div role="img" aria-label="{told}" style="display:flex;align-items:center;gap:3px;max-width:46rem">'
        f"<span>picture&nbsp;→&nbsp;</span>{''.join(boxes)}{_box(HEAD, 'head', 1.6)}"
        "<span>&nbsp;→&nbsp;answer</span></div>"
    )


def _box(colour: str, mark: str, wide: float = 1.0) -> str:
    return (
        f'<span style="flex:{wide} 1 0;min-width:0;height:3.2rem;border-radius:7px;background:{colour};color:#06141c;'
        "border:1px solid rgba(6,20,28,0.35);display:flex;align-items:center;justify-content:center;"
        f'font-size:0.85rem;overflow:hidden">{mark}</span>'
    )
