"""What changed in the middle of a run, to be marked on its charts: thaws, a person's changes, pauses, early stops."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from studio.runs.pace import step_of
from studio.training.events import Paused, Resumed, Steered, Thawed

if TYPE_CHECKING:
    from studio.runs.progress import Progress

Kind = Literal["thaw", "rate", "epochs", "pause", "again", "early"]
_MOST = 40  # marks that a page is sent, the latest ones


@dataclass(frozen=True)
class Mark:
    """Something that happened after `step` updates, at the time `at`: a word for the chart, a sentence for the list."""

    kind: Kind
    step: int
    at: float
    label: str
    sentence: str


def marks(progress: "Progress") -> list[Mark]:
    """All of them, in the order of their steps; of very many the latest."""
    found = [*_thaws(progress), *_steered(progress), *_pauses(progress), *_early(progress)]
    return sorted(found, key=lambda mark: (mark.step, mark.at))[-_MOST:]


def learners(depth: int, stages: list[str]) -> str:
    """What learns while the first `depth` stages stay frozen: "the head and the last 3 of 9 stages"."""
    learning = len(stages) - depth
    if learning <= 0:
        return "only the head"
    if depth == 0:
        return f"everything, the head and all {learning} stages,"
    return f"the head and the last {f'{learning} ' if learning > 1 else ''}of {len(stages)} stages"


def _thaws(progress: "Progress") -> Iterator[Mark]:
    by_hand = {change.step: change for change in progress.steered if change.depth is not None}
    before: Thawed | None = None
    for thaw in progress.thaws:
        step, deeper = step_of(progress, thaw), before is not None and thaw.depth > before.depth
        before = thaw
        if step == 0:
            continue
        how = " by hand" if step in by_hand else ""
        what = "More was frozen" if deeper else "Thawed"
        yield Mark(
            "thaw",
            step,
            thaw.at,
            "freeze" if deeper else "thaw",
            f"{what}{how} {_when(progress, step)}: {_learns(thaw)}.",
        )


def _learns(thaw: Thawed) -> str:
    names = f" ({', '.join(thaw.learning[:12])}{', …' if len(thaw.learning) > 12 else ''})" if thaw.frozen else ""
    who = learners(thaw.depth, [*thaw.frozen, *thaw.learning])
    return f"{who}{names if thaw.learning else ''} {'learns' if not thaw.learning or not thaw.frozen else 'learn'}"


def _steered(progress: "Progress") -> Iterator[Mark]:
    for change in progress.steered:
        when = _when(progress, change.step)
        if change.lr is not None:
            yield _mark("rate", change, f"rate {change.lr:.3g}", f"The learning rate became {change.lr:.3g} {when}.")
        if change.epochs is not None:
            words = f"{change.epochs} epoch{'' if change.epochs == 1 else 's'}"
            yield _mark("epochs", change, words, f"The run was given {words} in all {when}.")


def _pauses(progress: "Progress") -> Iterator[Mark]:
    ends = dict(progress.idle)
    for place, event in enumerate(progress.pauses):
        when = _when(progress, event.step)
        after = progress.pauses[place + 1] if place + 1 < len(progress.pauses) else None
        if isinstance(event, Paused) and not (isinstance(after, Resumed) and after.again):
            took = f" for {_duration(ends.get(after.at, 0.0))}" if after else ""
            yield _mark("pause", event, "pause", f"Paused {when}{took}.")
        elif isinstance(event, Resumed) and event.again and event.step:
            yield _mark(
                "again",
                event,
                "went on",
                f"Taken up again {when}, {_duration(ends.get(event.at, 0.0))} after it had ended.",
            )


def _early(progress: "Progress") -> Iterator[Mark]:
    if progress.finished and progress.finished.early:
        yield Mark(
            "early",
            progress.step,
            progress.finished.at,
            "early stop",
            f"Stopped early {_when(progress, progress.step)}: nothing had got better for long enough.",
        )


def _mark(kind: Kind, event: Steered | Paused | Resumed, label: str, sentence: str) -> Mark:
    return Mark(kind, event.step, event.at, label, sentence)


def _when(progress: "Progress", step: int) -> str:
    """Where that is: at the start of an epoch, or in it."""
    done, rest = divmod(step, progress.steps_per_epoch)
    if rest == 0:
        return f"after epoch {done}" if done else "at the start"
    return f"in epoch {done + 1}, after step {step:,}"


def _duration(seconds: float) -> str:
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    return f"{whole // 60} min {whole % 60} s" if whole < 3600 else f"{whole // 3600} h {whole % 3600 // 60} min"
