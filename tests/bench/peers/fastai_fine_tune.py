"""fastai's own recipe: `vision_learner` and `fine_tune`, one epoch with the body frozen and then everything.

The quick start's data: squares of the wanted size, no augmentation (which is fastai's fastest), Adam, one-cycle, its
two-layer head on concatenated pools. The split comes in a column of the table it reads, the packaged weights replace
the body's after it is built, and mean and standard deviation are the backbone's own, as fastai takes them where it
loads the weights itself. `depth` and `steps_at_most` mean nothing here.
"""

import time
from contextlib import suppress

import pandas as pd
import torch
from fastai.vision.all import (
    Callback,
    ImageDataLoaders,
    Normalize,
    Resize,
    accuracy,
    set_seed,
    vision_learner,
)
from job import BACKBONE, Job, Report, network


class Reached(Exception):
    """The accuracy asked for is there. Not one of fastai's own: those end one of `fine_tune`'s two fits only."""


class Telling(Callback):
    """Reports each epoch, once the recorder has measured it."""

    order = 60  # after the Recorder

    def __init__(self, report: Report, images: int) -> None:
        self.report, self.images = report, images

    def before_train(self) -> None:
        self.began = time.perf_counter()

    def after_train(self) -> None:
        self.images_per_second = self.images / (time.perf_counter() - self.began)

    def after_epoch(self) -> None:
        if self.report.epoch(float(self.recorder.values[-1][-1]), self.images_per_second):
            raise Reached("the accuracy asked for")  # fastai reads the first argument of whatever is raised


def main() -> None:
    job = Job.given()
    report = Report(job)
    set_seed(job.seed)
    weights = network(job)
    table = pd.DataFrame(job.rows())
    table["is_valid"] = table["split"] == "val"
    data = ImageDataLoaders.from_df(
        table[table["split"].isin(["train", "val"])],
        path=job.root,
        fn_col="path",
        label_col="label",
        valid_col="is_valid",
        item_tfms=Resize(job.size),
        batch_tfms=[Normalize.from_stats(weights.pretrained_cfg["mean"], weights.pretrained_cfg["std"])],
        bs=job.batch_size,
        num_workers=job.workers,
        device=torch.device("cpu"),
    )
    telling = Telling(report, len(data.train_ds))
    learner = vision_learner(data, BACKBONE, pretrained=False, metrics=accuracy, cbs=telling)
    weights.reset_classifier(0)
    learner.model[0].model.load_state_dict(weights.state_dict())
    report.mark()
    with learner.no_bar(), learner.no_logging(), suppress(Reached):
        learner.fine_tune(job.epochs - 1)
    report.done(telling.images_per_second)


if __name__ == "__main__":
    main()
