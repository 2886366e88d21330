"""Everything before the first epoch: the pictures, the network, and a first look through its frozen part."""

import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass

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
from studio.training.events import Event, Looked, Prepared, Warned
from studio.training.features import Trunk
from studio.training.loader import Pictures
from studio.training.sources import OnFeatures, OnPictures, Source, Split
from studio.training.world import World
from studio.workspace import Workspace

_TELL_EVERY = 0.25  # seconds between two Prepared events at the least
_one_at_a_time = threading.Lock()  # a network's first weights come from the process's one generator


@dataclass
class Job:
    """A run made ready: its data, its network and the order of its epochs.

    `train_images` and `val_images` count all processes' pictures, before anybody tried to open them.
    """

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
    world.align(model.state_dict().values())
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


def make_ready(recipe: Recipe, workspace: Workspace, world: World) -> Generator[Event, None, Job]:
    """Load data and network; yields what it is doing and returns the job."""
    yield Prepared("Reading the folder of pictures", 0, 0)
    dataset = world.in_turn(lambda: load_data(recipe, workspace))
    yield Prepared(f"Loading the backbone {recipe.model.backbone}", 0, 0)
    model, geometry = network(recipe, len(dataset.classes), world)
    train, val = dataset.split("train"), dataset.split("val")
    learnt, held_back = (Pictures(dataset, world.part(side), geometry, folder=workspace.cache) for side in (train, val))
    pipeline = Pipeline(recipe.augment.preset, geometry.size)
    split = Split(learnt, held_back, pipeline, recipe.seed, _steps(recipe, len(train)), world)
    splits = _try_on(model, geometry, world) and recipe.engine.cache == "auto"
    return Job(recipe, dataset, geometry, model, stages(model), split, world, len(train), len(val), splits)


def _steps(recipe: Recipe, images: int) -> int:
    """Steps in an epoch of so many pictures."""
    return -(-images // recipe.schedule.batch_size)


def _try_on(model: nn.Module, geometry: Geometry, world: World) -> bool:
    """A look at two squares of noise: whether the network takes this size at all, and whether it splits at its head."""
    noise = torch.rand(2, 3, geometry.size, geometry.size, generator=torch.Generator().manual_seed(0))
    try:
        return Trunk(model).can_split(noise.to(world.device, memory_format=torch.channels_last))
    except (RuntimeError, AssertionError, ValueError) as error:
        raise BackboneError(
            f"{type(model).__name__} cannot look at pictures of {geometry.size} pixels: {error}",
            "Choose another picture size, or leave it empty.",
        ) from error


def first_look(job: Job, stop: Callable[[], bool]) -> Generator[Event, None, Source | None]:
    """Decode everything once, through the frozen network where features are kept; returns the first source.

    Returns None where `stop` said so meanwhile. Raises DataError where too little can be opened.
    """
    split = job.split
    head_first = job.recipe.freeze.strategy != "full" and job.splits_at_head
    trunk = Trunk(job.model) if head_first else None
    val = yield from _look(job, split.val, trunk, "Looking at the held-back pictures", stop)
    once = None if split.pipeline.varies else trunk
    train = yield from _look(job, split.train, once, "Looking at the training pictures", stop)
    if job.world.any(not (split.val.whole and split.train.whole)):
        return None
    yield from _sum_up(job)
    if trunk is None or val is None:
        return OnPictures(job.model, split)
    return OnFeatures(trunk, split, train, val)


def _look(
    job: Job, pictures: Pictures, trunk: Trunk | None, doing: str, stop: Callable[[], bool]
) -> Generator[Event, None, torch.Tensor | None]:
    """Decode these pictures; returns their features, if there is a trunk. Leaves off where `stop` says so."""
    yield Prepared(doing, 0, len(pictures))
    if stop():
        return None
    pictures.keep = trunk is None or job.recipe.freeze.strategy == "two-phase"  # they are looked at again
    found: list[torch.Tensor] = []
    done, told = 0, time.monotonic()
    for batch in pictures.walk(64 if job.world.device.type == "cuda" else 16):  # few at a time, to hear a stop soon
        if stop():
            return None
        if trunk is not None:
            found.append(trunk(job.split.inputs(batch)))
        done += len(batch)
        if time.monotonic() - told > _TELL_EVERY:
            told = time.monotonic()
            yield Prepared(doing, done, len(pictures))
    return torch.cat(found) if found else None


def _sum_up(job: Job) -> Generator[Event, None, None]:
    """Tell what could be opened in all processes, and cut the epochs by it: no process may have an empty batch."""
    split, world = job.split, job.world
    parts = world.gather((len(split.train), len(split.val), {**split.train.broken, **split.val.broken}))
    trains, vals = [part[0] for part in parts], [part[1] for part in parts]
    if broken := {path: why for part in parts for path, why in part[2].items()}:
        yield _left_out(broken)
    for counts in (trains, vals):
        if not sum(counts):
            raise DataError("None of these pictures can be opened.", "Run the check to see why.", job.dataset.root)
        if not min(counts):
            raise DataError(f"There are too few pictures for {world.size} processes.", "Start fewer.", job.dataset.root)
    split.steps = min(_steps(job.recipe, sum(trains)), min(trains))
    split.smallest = min(trains) // split.steps
    yield Looked(sum(trains), sum(vals), split.steps)


def _left_out(broken: dict[str, str]) -> Warned:
    path, why = next(iter(broken.items()))
    if len(broken) == 1:
        return Warned(f"One picture could not be opened and is left out: {path} ({why}).", [path])
    return Warned(
        f"{len(broken)} pictures could not be opened and are left out: {path} ({why}) and {len(broken) - 1} more.",
        sorted(broken)[:1000],
    )
