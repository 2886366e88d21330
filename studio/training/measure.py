"""The end of an epoch, the model measured on all pictures that were held back; and the end of a run."""

import time

import numpy as np
import pandas as pd

from studio.training.events import Finished, Validated
from studio.training.place import BEST
from studio.training.prepare import Job
from studio.training.scoring import class_accuracy, predictions
from studio.training.sources import Source
from studio.training.sums import Sums, a_number


def validated(
    job: Job, source: Source, sums: Sums, epoch: int, step: int, lr: float, seconds: float
) -> tuple[Validated, pd.DataFrame]:
    """What came of an epoch whose training, over all processes, added up to `sums`; and the predictions, by picture.

    Raises StudioError where a loss is no number.
    """
    began = time.monotonic()
    train_loss, train_accuracy = sums.means(epoch)
    job.world.align(job.model.buffers())  # each process has seen other pictures; one model is measured and kept
    frame = predictions(job.split.val.samples, job.dataset.classes, source.logits())
    if job.world.size > 1:
        frame = pd.concat(job.world.gather(frame), ignore_index=True)
    accuracy = float(np.mean(frame["label"].to_numpy() == frame["predicted"].to_numpy()))
    event = Validated(
        epoch,
        step,
        train_loss,
        train_accuracy,
        a_number(float(np.mean(frame["loss"].to_numpy())), epoch),
        accuracy,
        lr,
        sums.count / max(seconds, 1e-9),
        seconds + time.monotonic() - began,
        class_accuracy(frame, job.dataset.classes),
    )
    return event, frame


def finished(
    stopped: bool, epochs: int, best: Validated | None, pace: float | None, seconds: float, early: bool = False
) -> Finished:
    """How a run of so many seconds ended. `best` is the epoch whose weights are kept, `pace` the run's pictures/s."""
    return Finished(
        stopped,
        epochs,
        best and best.epoch,
        best and best.train_loss,
        best and best.val_loss,
        best and best.val_accuracy,
        pace,
        seconds,
        BEST if best else None,
        early,
    )
