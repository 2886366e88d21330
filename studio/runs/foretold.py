"""What a run took beside what was predicted of it before: seconds an epoch at each freezing depth, and memory."""

import statistics
from dataclasses import asdict, dataclass
from typing import Any

from studio.runs.pace import step_of
from studio.runs.progress import Progress
from studio.training.events import Validated


@dataclass(frozen=True)
class Phase:
    """The epochs with `depth` stages frozen: how many there were, and the seconds that one took (the middle one).

    The first of several is left out: it also settles how each layer computes. `predicted` is None where nobody had
    timed the backbone here before, or nobody had planned this depth.
    """

    depth: int
    epochs: int
    predicted: float | None
    seconds: float


@dataclass(frozen=True)
class Foretold:
    """All phases of a run, and the most memory that it added, in bytes: as predicted, and as it was."""

    phases: tuple[Phase, ...]
    predicted_bytes: int | None
    peak_bytes: int | None

    @property
    def was_predicted(self) -> bool:
        """Whether there is anything to compare."""
        return self.predicted_bytes is not None or any(phase.predicted is not None for phase in self.phases)

    def as_dict(self) -> dict[str, Any]:
        """For JSON: `phases` with depth, epochs, predicted and seconds, `predicted_bytes`, `peak_bytes`."""
        return asdict(self)


def foretold(progress: Progress) -> Foretold:
    """Of a run as far as it is."""
    told = progress.predicted
    expected = dict(zip(told.depths, told.seconds_per_epoch, strict=True)) if told else {}
    by_depth: dict[int, list[float]] = {}
    for event in progress.validated:
        depth = _depth(progress, event)
        if depth is not None:
            by_depth.setdefault(depth, []).append(event.seconds)
    phases = (
        Phase(depth, len(seconds), expected.get(depth), statistics.median(seconds[1:] or seconds))
        for depth, seconds in by_depth.items()
    )
    spent = progress.spent.peak_bytes if progress.spent else None
    return Foretold(tuple(phases), told.peak_bytes if told else None, spent)


def _depth(progress: Progress, epoch: Validated) -> int | None:
    """How many stages were frozen when an epoch ended."""
    before = [thaw.depth for thaw in progress.thaws if step_of(progress, thaw) < epoch.step]
    return before[-1] if before else None
