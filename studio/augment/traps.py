"""Known traps, named before anything is measured: steps that change what a picture of these classes means."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from studio.augment.catalogue import transform
from studio.recipe import StepChoice

_SIDES = r"left|right|up|down|top|bottom|north|south|east|west|clockwise|arrow|turn|b|d|p|q"
_WRITING = r"text|letter|digit|number|word|sign|signs|plate|handwriting|document|receipt|invoice"
_COLOURS = (
    r"red|green|blue|yellow|orange|purple|pink|brown|black|white|grey|gray|violet|ripe|unripe|rotten|fresh|raw|burnt|"
    r"rust|rusty|stain|stained|colour|color|jaundice|blond|blonde|ginger"
)
_SMALL = r"defect|scratch|crack|hole|dent|lesion|spot|tumor|tumour|nodule|tiny|small|local|flaw|stain|bird|drone|cell"
_FAR = 45  # degrees of a turn, from which on a 6 begins to look like a 9
_LITTLE = 0.3  # share of the area that a crop keeps


@dataclass(frozen=True)
class Trap:
    """A step that is known to go wrong on such classes, and why, in one sentence."""

    step: StepChoice
    sentence: str


def traps(steps: Sequence[StepChoice], classes: Sequence[str]) -> list[Trap]:
    """The traps among the complete steps of a pipeline, for classes of these names; in the order of the steps."""
    return [Trap(step, sentence) for step in steps for sentence in _sentences(step, classes)]


def _sentences(step: StepChoice, classes: Sequence[str]) -> list[str]:
    known, said = transform(step.transform), []
    read, sides = _reads(classes), _named(classes, _SIDES)
    if "mirror" in known.changes and (read or sides):
        said.append(f"“{known.title}” shows mirror writing: {_which(read or sides)} may then mean something else.")
    far = any(abs(end) > _FAR for name in ("limit", "rotate") for end in _ends(step, name))
    if ("upright" in known.changes or ("turn" in known.changes and far)) and (read or sides):
        said.append(f"“{known.title}” can stand a picture on its head: a 6 becomes a 9, and an arrow points elsewhere.")
    if "colour" in known.changes and (coloured := _named(classes, _COLOURS)) and _shifts(step):
        said.append(f"“{known.title}” changes colours, and colour is what makes {_which(coloured)}.")
    small, least = _named(classes, _SMALL), min(_ends(step, "scale"), default=1.0)
    if "crop" in known.changes and least < _LITTLE:
        what = f"what makes {_which(small)}" if small else "what is small or at the edge"
        said.append(f"“{known.title}” keeps as little as {least:.0%} of the area, which can cut away {what}.")
    if "hide" in known.changes and small:
        said.append(f"“{known.title}” can hide the very thing that makes {_which(small)}.")
    return said


def _reads(classes: Sequence[str]) -> list[str]:
    """Classes that are read: those named by writing, or all of them where most are single signs."""
    signs = [name for name in classes if len(name.strip()) == 1 or name.strip().isdigit()]
    return signs if len(signs) * 2 > len(classes) else _named(classes, _WRITING)


def _named(classes: Sequence[str], words: str) -> list[str]:
    return [name for name in classes if re.search(rf"(?<![a-z])(?:{words})(?![a-z])", name.lower())]


def _shifts(step: StepChoice) -> bool:
    """Whether a step turns the colour wheel at all, where that is one of its parameters."""
    ends = [*_ends(step, "hue"), *_ends(step, "hue_shift_limit")]
    return any(ends) if ends else True


def _ends(step: StepChoice, name: str) -> tuple[float, ...]:
    """Both ends of a range; none where the step has no such range."""
    value = step.params.get(name)
    return value if isinstance(value, tuple) else ()


def _which(classes: Sequence[str]) -> str:
    some = ", ".join(f"“{name}”" for name in classes[:3])
    return some + (" and others" if len(classes) > 3 else "")
