"""Everything before the first epoch: the pictures, the network, and a first look through its frozen part."""

import threading
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from studio.augment.geometry import Geometry
from studio.augment.pipeline import Pipeline
from studio.data.dataset import Dataset
from studio.data.dataset import Split as SplitName
from studio.data.intake import open_data
from studio.data.split import split as split_dataset
from studio.errors import BackboneError, DataError
from studio.model.stages import StageTensors, stages
from studio.model.weights import build
from studio.recipe import Recipe
from studio.training.events import Event, Prepared, Warned
from studio.training.features import Trunk
from studio.training.loader import Pictures
from studio.training.sources import OnFeatures, OnPictures, Source, Split
from studio.training.world import World
from studio.workspace import Workspace

_one_at_a_time = threading.Lock()  # a network's first weights come from the process's one generator


@dataclass
class Job:
    """A run made ready: its data, its network and the order of its epochs."""

    recipe: Recipe
    dataset: Dataset
    geometry: Geometry
    model: nn.Module
    stages: tuple[StageTensors, ...]
    split: Split
    world: World
    train_images: int
    val_images: int
    splits_at_head: bool


def network(recipe: Recipe, classes: int, world: World) -> tuple[nn.Module, Geometry]:
    """The backbone with a new head whose first weights the seed decides, on the device, channels last."""
    from timm.data.config import resolve_data_config

    with _one_at_a_time, torch.random.fork_rng():
        torch.manual_seed(recipe.seed)
        model = build(
            recipe.model.backbone, classes, pretrained=recipe.model.pretrained, image_size=recipe.model.image_size
        )
    geometry = Geometry.of(resolve_data_config({}, model=model), recipe.model.image_size)
    model = model.to(world.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    world.align(model)
    return model, geometry


def load_data(recipe: Recipe, workspace: Workspace) -> Dataset:
    """The dataset with every sample in a split. Raises DataError where nothing can be learnt or measured on it."""
    dataset = split_dataset(open_data(recipe.data.source, workspace), recipe.data.val_share, recipe.seed)
    sides: tuple[tuple[SplitName, str], ...] = (("train", "learn from"), ("val", "measure accuracy on"))
    for side, purpose in sides:
        if not dataset.split(side):
            raise DataError(
                f"There are no pictures to {purpose}.", "Give every class at least two pictures.", dataset.root
            )
    return dataset


def make_ready(recipe: Recipe, workspace: Workspace, world: World, folder: Path | None) -> Generator[Event, None, Job]:
    """Load data and network; yields what it is doing and returns the job."""
    yield Prepared("Reading the folder of pictures", 0, 0)
    dataset = load_data(recipe, workspace)
    yield Prepared(f"Loading the backbone {recipe.model.backbone}", 0, 0)
    model, geometry = network(recipe, len(dataset.classes), world)
    train, val = dataset.split("train"), dataset.split("val")
    whole = needs_pictures(recipe)
    halves = [
        Pictures(dataset, world.part(side), geometry, keep=keep, folder=workspace.cache)
        for side, keep in ((train, whole), (val, recipe.freeze.strategy != "head"))
    ]
    pipeline = Pipeline(recipe.augment.preset, geometry.size)
    steps = max(1, -(-len(train) // recipe.schedule.batch_size))
    split = Split(halves[0], halves[1], pipeline, recipe.seed, steps, world)
    splits = _try_on(model, geometry, world) and recipe.engine.cache == "auto"
    return Job(recipe, dataset, geometry, model, stages(model), split, world, len(train), len(val), splits)


def _try_on(model: nn.Module, geometry: Geometry, world: World) -> bool:
    """One look at two black squares: whether the network takes this size at all, and whether it splits at its head."""
    side = torch.zeros(2, 3, geometry.size, geometry.size, device=world.device)
    try:
        return Trunk(model).can_split(side.contiguous(memory_format=torch.channels_last))
    except (RuntimeError, AssertionError, ValueError) as error:
        raise BackboneError(
            f"{type(model).__name__} cannot look at pictures of {geometry.size} pixels: {error}",
            "Choose another picture size, or leave it empty.",
        ) from error


def needs_pictures(recipe: Recipe) -> bool:
    """Whether training pictures are looked at more than once, so that they are worth keeping decoded."""
    return recipe.freeze.strategy != "head" or recipe.augment.preset != "none" or recipe.engine.cache == "off"


def first_look(job: Job) -> Generator[Event, None, Source]:
    """Decode everything once, through the frozen network where features are kept; returns the first source."""
    head_first = job.recipe.freeze.strategy != "full" and job.splits_at_head
    trunk = Trunk(job.model) if head_first else None
    varies = job.split.pipeline.varies
    val = yield from _look(job, job.split.val, trunk, "Looking at the held-back pictures")
    train = yield from _look(job, job.split.train, None if varies else trunk, "Looking at the training pictures")
    yield from _warn_of_broken(job)
    if trunk is None or val is None:
        return OnPictures(job.model, job.split)
    return OnFeatures(trunk, job.split, train, val)


def _look(job: Job, pictures: Pictures, trunk: Trunk | None, doing: str) -> Generator[Event, None, torch.Tensor | None]:
    if trunk is None and not pictures.keep:
        pictures.keep = True
    found: list[torch.Tensor] = []
    done, told = 0, time.monotonic()
    yield Prepared(doing, 0, len(pictures))
    for batch in pictures.walk():
        if trunk is not None:
            found.append(trunk(job.split.inputs(batch)))
        done += len(batch)
        if time.monotonic() - told > 0.25:
            told = time.monotonic()
            yield Prepared(doing, done, len(pictures))
    if not len(pictures) and job.world.size == 1:
        raise DataError("None of these pictures can be opened.", "Run the check to see why.", job.dataset.root)
    return torch.cat(found) if found else None


def _warn_of_broken(job: Job) -> Iterator[Event]:
    broken = {**job.split.train.broken, **job.split.val.broken}
    if broken:
        first = next(iter(broken.items()))
        others = f" and {len(broken) - 1} more" if len(broken) > 1 else ""
        yield Warned(
            f"{len(broken)} pictures could not be opened and are left out: {first[0]} ({first[1]}){others}.",
            sorted(broken)[:1000],
        )
