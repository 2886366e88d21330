"""The studio's own engine, told and telling the same as its peers. Runs with the product's interpreter.

Every epoch of the recipe is run, and the whole run counts: the accuracy asked for only decides `reached`. What the
engine imports only when it needs it counts against it.
"""

import tempfile
from statistics import median

from job import Job, Report, say

from studio.recipe import Recipe
from studio.training.events import Looked, Thawed, Validated
from studio.training.train import train
from studio.workspace import Workspace


def recipe_of(job: Job) -> Recipe:
    size = None if job.size == 224 else job.size  # 224 is what the backbone was made for
    known = {
        "data.source": job.split_csv,
        "model.image_size": size,
        "schedule.batch_size": job.batch_size,
        "seed": job.seed,
    }
    return Recipe().amended(known | (job.recipe or {}))


def main() -> None:
    job = Job.given()
    with tempfile.TemporaryDirectory() as scratch:
        report = Report(job)
        paces = []
        for event in train(recipe_of(job), workspace=Workspace.at(job.workspace or scratch)):
            if isinstance(event, Looked):
                say(looked=True, seconds=report.seconds)
            elif isinstance(event, Thawed):
                say(thawed=event.frozen, seconds=report.seconds)
            elif isinstance(event, Validated):
                report.epoch(event.val_accuracy, event.images_per_second, event.seconds)
                paces.append(event.images_per_second)
        report.done(median(paces))


if __name__ == "__main__":
    main()
