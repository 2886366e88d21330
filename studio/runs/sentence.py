"""How a run stands, in a sentence for a person."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from studio.runs.progress import Progress
    from studio.training.events import Prepared


def sentence(progress: "Progress") -> str:
    """How a run stands, in one sentence."""
    known = progress.val_accuracy is not None
    best = f"{100 * (progress.val_accuracy or 0):.1f} % of the held-back pictures right" if known else ""
    match progress.status:
        case "created":
            return "Not started yet."
        case "preparing":
            if progress.preparing is None:
                return "Getting ready."
            return f"{progress.preparing.doing}{_so_far(progress.preparing)}."
        case "training":
            return f"Epoch {min(progress.epoch or 1, progress.epochs)} of {progress.epochs}: {_learning(progress)}."
        case "paused":
            return f"Paused in epoch {min(progress.epoch or 1, progress.epochs)} of {progress.epochs}."
        case "stopping":
            if not progress.thaws:
                return "Stopping. Nothing was learnt yet, so there will be no weights to keep."
            return "Stopping after this step; the best weights are kept."
        case "finished":
            early = " early, as nothing got better" if progress.finished and progress.finished.early else ""
            return f"Finished{early}: {best}, best in epoch {progress.best_epoch}."
        case "stopped":
            if not best:
                return "Stopped when asked, before anything was learnt: there are no weights to keep."
            return f"Stopped when asked: {best}, best in epoch {progress.best_epoch}."
        case "failed":
            return f"Failed: {progress.failure.sentence if progress.failure else ''}"
        case "interrupted":
            kept = f" The best weights so far are kept: {best}." if progress.checkpoint and best else ""
            return f"Interrupted: the program that trained this run ended before it was done.{kept}"


def _so_far(prepared: "Prepared") -> str:
    if not prepared.total:
        return ""
    if prepared.unit == "bytes":
        return f": {prepared.done / 1e6:,.0f} of {prepared.total / 1e6:,.0f} MB"
    return f": {prepared.done:,} of {prepared.total:,}"


def _learning(progress: "Progress") -> str:
    thaw = progress.thaws[-1]
    total = len(thaw.frozen) + len(thaw.learning)
    if not thaw.learning:
        return f"only the head is learning, all {total} stages stay frozen"
    if not thaw.frozen:
        return f"the head and all {total} stages are learning"
    return f"the head and {len(thaw.learning)} of {total} stages are learning"
