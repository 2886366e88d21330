"""timm's own way, as its train.py does it: create_loader, create_optimizer_v2, create_scheduler_v2, its defaults.

Those are: crops of 8 to 100 % with flips and colour jitter of 0.4, random interpolation, label smoothing of 0.1, SGD at
0.1 for 256 pictures with Nesterov momentum, cosine decay, four persistent workers, the prefetcher that normalizes a
batch at once. Frozen with `timm.utils.freeze`, which also keeps the BatchNorm statistics. To its advantage: no
warm-up (its 5 of 300 epochs would be half of 10), no log and no checkpoint.
"""

import time
from typing import IO

import torch
from job import Job, Pace, Report, learning, network
from timm.data import ImageDataset, create_loader, resolve_data_config
from timm.data.readers.reader import Reader
from timm.loss import LabelSmoothingCrossEntropy
from timm.optim import create_optimizer_v2
from timm.scheduler import create_scheduler_v2
from timm.utils import AverageMeter, accuracy, freeze, random_seed
from torch import nn
from torch.utils.data import DataLoader


class Listed(Reader):
    """timm's reader of a folder, but the files and their classes come from a list."""

    def __init__(self, samples: list[tuple[str, int]]) -> None:
        super().__init__()
        self.samples = samples

    def __getitem__(self, index: int) -> tuple[IO[bytes], int]:
        file, label = self.samples[index]
        return open(file, "rb"), label

    def __len__(self) -> int:
        return len(self.samples)

    def _filename(self, index: int, basename: bool = False, absolute: bool = False) -> str:
        return self.samples[index][0]


def frozen_modules(job: Job, model: nn.Module) -> list[str]:
    """The outermost modules in which nothing learns: what a person would name to `timm.utils.freeze`."""
    found: list[str] = []
    for name, module in model.named_modules():
        inside = [f"{name}.{leaf}" for leaf, _ in module.named_parameters()]
        within_one = any(name.startswith(f"{outer}.") for outer in found)
        if name and inside and not within_one and not any(learning(job, leaf) for leaf in inside):
            found.append(name)
    return found


def loaders(job: Job, model: nn.Module) -> tuple[DataLoader, DataLoader]:
    config = resolve_data_config({"img_size": job.size}, model=model)
    common = {
        "input_size": config["input_size"],
        "batch_size": job.batch_size,
        "mean": config["mean"],
        "std": config["std"],
        "num_workers": job.workers,
        "device": torch.device("cpu"),
        "persistent_workers": job.workers > 0,
    }
    train = ImageDataset(job.root, reader=Listed(job.samples("train")))
    val = ImageDataset(job.root, reader=Listed(job.samples("val")))
    return (
        create_loader(
            train,
            is_training=True,
            scale=(0.08, 1.0),
            ratio=(3 / 4, 4 / 3),
            color_jitter=0.4,
            interpolation="random",
            **common,
        ),
        create_loader(val, interpolation=config["interpolation"], crop_pct=config["crop_pct"], **common),
    )


@torch.no_grad()
def validate(model: nn.Module, loader: DataLoader) -> float:
    """Accuracy from 0 to 1."""
    losses, top1 = AverageMeter(), AverageMeter()
    loss_of = nn.CrossEntropyLoss()
    model.eval()
    for inputs, target in loader:
        output = model(inputs)
        losses.update(loss_of(output, target).item(), inputs.size(0))
        top1.update(accuracy(output, target, topk=(1,))[0].item(), output.size(0))
    return top1.avg / 100


def main() -> None:
    job = Job.given()
    report = Report(job)
    random_seed(job.seed, 0)
    model = network(job)
    if frozen := frozen_modules(job, model):
        freeze(model, frozen)
    optimizer = create_optimizer_v2(model, opt="sgd", lr=0.1 * job.batch_size / 256, weight_decay=2e-5, momentum=0.9)
    train, val = loaders(job, model)
    scheduler, epochs = create_scheduler_v2(
        optimizer, sched="cosine", num_epochs=job.epochs, updates_per_epoch=len(train)
    )
    loss_of = LabelSmoothingCrossEntropy(smoothing=0.1)
    report.mark()
    for epoch in range(epochs):
        pace, losses, batch_time = Pace(job), AverageMeter(), AverageMeter()
        updates = epoch * len(train)
        model.train()
        end = time.time()
        timed = False
        for inputs, target in train:
            loss = loss_of(model(inputs), target)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.update(loss.item(), inputs.size(0))
            updates += 1
            scheduler.step_update(num_updates=updates, metric=losses.avg)
            batch_time.update(time.time() - end)
            end = time.time()
            if timed := pace.step(len(target)):
                break
        if timed:
            break
        reached = validate(model, val)
        scheduler.step(epoch + 1, reached)
        if report.epoch(reached, pace.images_per_second):
            break
    report.done(pace.images_per_second)


if __name__ == "__main__":
    main()
