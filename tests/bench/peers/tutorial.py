"""The loop of torchvision's "Transfer learning for computer vision tutorial", on the studio's split and network.

As the tutorial has it: transforms on PIL, worker processes, fp32 in NCHW, frozen parameters in a network in training
mode (its BatchNorm statistics move), SGD 0.001 with StepLR(7, 0.1), validation after every epoch, the best state saved.
Three things differ, all to its advantage: batches of 32 instead of 4, the backbone's own mean and standard deviation
instead of ResNet's, and nothing is printed on the way.
"""

import tempfile
from pathlib import Path

import torch
from job import Job, Pace, Report, learning, network
from torch import nn
from torch.optim import SGD, lr_scheduler
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms
from torchvision.datasets.folder import default_loader


class Listed(Dataset):
    """torchvision's ImageFolder, but the files and their classes come from a list."""

    def __init__(self, samples: list[tuple[str, int]], transform: transforms.Compose) -> None:
        self.samples, self.transform = samples, transform

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        file, label = self.samples[index]
        return self.transform(default_loader(file)), label


def loaders(job: Job, mean: tuple[float, ...], std: tuple[float, ...]) -> dict[str, DataLoader]:
    to_tensor = [transforms.ToTensor(), transforms.Normalize(mean, std)]
    crop = [transforms.RandomResizedCrop(job.size), transforms.RandomHorizontalFlip()]
    middle = [transforms.Resize(round(job.size * 256 / 224)), transforms.CenterCrop(job.size)]
    steps = {"train": [*crop, *to_tensor], "val": [*middle, *to_tensor]}
    return {
        side: DataLoader(
            Listed(job.samples(side), transforms.Compose(steps[side])),
            batch_size=job.batch_size,
            shuffle=side == "train",
            num_workers=job.workers,
        )
        for side in ("train", "val")
    }


def phase(
    model: nn.Module, loader: DataLoader, criterion: nn.Module, optimizer: SGD, side: str, pace: Pace
) -> tuple[float, bool]:
    """One phase of an epoch: (accuracy, whether the steps asked for are all timed)."""
    model.train(side == "train")
    running_loss, corrects = 0.0, torch.tensor(0)
    for inputs, labels in loader:
        optimizer.zero_grad()
        with torch.set_grad_enabled(side == "train"):
            outputs = model(inputs)
            _, preds = torch.max(outputs, 1)
            loss = criterion(outputs, labels)
            if side == "train":
                loss.backward()
                optimizer.step()
        running_loss += loss.item() * inputs.size(0)
        corrects += torch.sum(preds == labels.data)
        if side == "train" and pace.step(len(labels)):
            return 0.0, True
    return corrects.item() / len(loader.dataset), False


def main() -> None:
    job = Job.given()
    report = Report(job)
    torch.manual_seed(job.seed)
    model = network(job)
    data = loaders(job, model.pretrained_cfg["mean"], model.pretrained_cfg["std"])
    for name, tensor in model.named_parameters():
        tensor.requires_grad = learning(job, name)
    criterion = nn.CrossEntropyLoss()
    optimizer = SGD([tensor for tensor in model.parameters() if tensor.requires_grad], lr=0.001, momentum=0.9)
    scheduler = lr_scheduler.StepLR(optimizer, step_size=7, gamma=0.1)
    best = -1.0
    report.mark()
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(job.epochs):
            pace = Pace(job)
            _, timed = phase(model, data["train"], criterion, optimizer, "train", pace)
            if timed:
                break
            scheduler.step()
            accuracy, _ = phase(model, data["val"], criterion, optimizer, "val", pace)
            if accuracy > best:
                best = accuracy
                torch.save(model.state_dict(), Path(folder, "best_model_params.pt"))
            if report.epoch(accuracy, pace.images_per_second):
                break
    report.done(pace.images_per_second)


if __name__ == "__main__":
    main()
