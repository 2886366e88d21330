"""How long a run took, how much of it is done, and how long the rest will take."""

from typing import TYPE_CHECKING

from studio.training.events import Resumed, Thawed

if TYPE_CHECKING:
    from studio.runs.progress import Progress


def seconds(progress: "Progress", at: float) -> float:
    """Seconds that the run had been trained by the time `at`, pauses left out."""
    if progress.began is None:
        return 0.0
    return max(at - progress.began - sum(idle for end, idle in progress.idle if end <= at), 0.0)


def share_done(progress: "Progress") -> float:
    """How much of the run is done, from 0 to 1; while weights are downloaded, how much of them is here."""
    if progress.status == "finished":
        return 1.0
    coming = progress.preparing
    if progress.status == "preparing" and coming and coming.unit == "bytes" and coming.total:
        return coming.done / coming.total
    return progress.step / progress.steps if progress.steps else 0.0


def seconds_left(progress: "Progress") -> float | None:
    """From the pace of updates at the present depth; None before that pace is known, and while nobody trains."""
    if progress.status != "training" or not progress.thaws or _thaws_later(progress):
        return None
    thaw, resumed = progress.thaws[-1], [event for event in progress.pauses if isinstance(event, Resumed)][-1:]
    first = max([step_of(progress, thaw), *(event.step for event in resumed)])
    looked = [progress.looked.at] if progress.looked else []
    since = max([thaw.at, *looked, *(event.at for event in resumed)])
    done = progress.step - first
    return (progress.latest - since) / done * max(progress.steps - progress.step, 0) if done > 0 else None


def _thaws_later(progress: "Progress") -> bool:
    """Whether the plan will thaw by itself: how fast it goes then is not known."""
    if progress.started is None or any(change.depth is not None for change in progress.steered):
        return False
    last = progress.plan.phases(max(progress.epochs, 1), len(progress.started.stages))[-1]
    return progress.epoch < last.first


def step_of(progress: "Progress", thaw: Thawed) -> int:
    """How many updates there were before a thaw; a journal of an older studio tells only the epoch."""
    return max(thaw.step, (thaw.epoch - 1) * progress.steps_per_epoch if thaw.step == 0 else 0)
