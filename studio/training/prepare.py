"""Everything before the first look at the pictures: the dataset, the network, and where to cut it."""

import threading
from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from studio.augment.geometry import Geometry
from studio.augment.pipeline import Pipeline
from studio.augment.trial import refuse, trial
from studio.data.contents import Contents
from studio.data.dataset import Dataset, Sample
from studio.data.dataset import Split as SplitName
from studio.data.decided import as_decided, is_pinned, pin
from studio.data.intake import open_data, open_watched
from studio.data.split import split as split_dataset
from studio.errors import BackboneError, DataError
from studio.model.boundary import Halves, cut
from studio.model.stages import StageTensors, evaluating, stages
from studio.model.weights import build
from studio.recipe import Recipe
from studio.training import notes
from studio.training.events import Event, Noted, Prepared
from studio.training.loader import Pictures
from studio.training.odd import odd_pictures
from studio.training.place import CHECKPOINT
from studio.training.precision import Plan, Precision
from studio.training.room import judged_at_once
from studio.training.sources import Split
from studio.training.world import World
from studio.workspace import Workspace

_one_at_a_time = threading.Lock()  # a network's first weights come from the process's one generator


@dataclass
class Job:
    """A run made ready: its data, its network and the order of its epochs.

    `cache` is the folder for what later runs can use. `train_images` and `val_images` count all processes' pictures,
    before anybody tried to open them.
    """

    recipe: Recipe
    dataset: Dataset
    geometry: Geometry
    model: nn.Module
    stages: tuple[StageTensors, ...]
    split: Split
    world: World
    precision: Precision
    cache: Path
    train_images: int
    val_images: int

    @property
    def batch(self) -> int:
        """Pictures of one update."""
        return max(1, min(self.recipe.schedule.batch_size, self.train_images))

    def learning(self, depth: int) -> AbstractContextManager:
        """The context of a forward pass that learns behind so many frozen stages.

        A head alone gains nothing by numbers of half the size.
        """
        return self.precision.learning() if depth < len(self.stages) else nullcontext()


def network(recipe: Recipe, classes: int, world: World) -> tuple[nn.Module, Geometry]:
    """The backbone with a new head whose first weights the seed decides, on the device, channels last."""
    from timm.data.config import resolve_data_config

    with _one_at_a_time, torch.random.fork_rng():
        torch.manual_seed(recipe.seed)
        asked = recipe.model
        model = build(
            asked.backbone,
            classes,
            pretrained=asked.pretrained,
            image_size=asked.image_size,
            own=asked.weights,
            head=recipe.head,
        )
    geometry = Geometry.of(resolve_data_config({}, model=model), recipe.model.image_size)
    model = model.to(world.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    world.align(model.state_dict().values())
    return model, geometry


def load_data(recipe: Recipe, workspace: Workspace, folder: Path | None = None) -> Dataset:
    """The dataset with every sample in a split. Raises DataError where nothing can be learnt or measured on it.

    A run's `folder` keeps the decisions that it began with: it goes on under those, whatever is decided later.
    """
    whole = open_data(recipe.data.source, workspace) if folder is None else _as_begun(recipe, workspace, folder)
    if whole.decided and len(whole.classes) < 2:
        raise DataError(
            "What was decided about these pictures leaves fewer than two classes.",
            "Undo some of the decisions.",
            whole.root,
        )
    dataset = split_dataset(whole, recipe.data.val_share, recipe.seed)
    sides: tuple[tuple[SplitName, str], ...] = (("train", "learn from"), ("val", "measure accuracy on"))
    for side, purpose in sides:
        if not dataset.split(side):
            raise DataError(
                f"There are no pictures to {purpose}.", "Give every class at least two pictures.", dataset.root
            )
    if folder is not None and folder.is_dir() and not is_pinned(folder):
        pin(dataset, folder)
    return dataset


def _as_begun(recipe: Recipe, workspace: Workspace, folder: Path) -> Dataset:
    """The dataset under the decisions of the run in `folder`, which are those of now if it begins only now."""
    source = recipe.data.source
    if is_pinned(folder):
        return as_decided(open_watched(source, workspace).dataset, folder, pinned=True)
    if (folder / CHECKPOINT).is_file():  # an older studio began it, which knew no decisions
        return open_watched(source, workspace).dataset
    return open_data(source, workspace)


def make_ready(
    recipe: Recipe, workspace: Workspace, world: World, folder: Path | None = None
) -> Generator[Event, None, Job]:
    """Load data and network for the run in `folder`, if there is one; yields what it is doing and returns the job."""
    yield Prepared("Reading the folder of pictures", 0, 0)
    dataset = world.in_turn(lambda: load_data(recipe, workspace, folder))
    if words := notes.decided(dataset.decided):
        yield Noted(words)
    yield Prepared(f"Loading the backbone {recipe.model.backbone}", 0, 0)
    model, geometry = network(recipe, len(dataset.classes), world)
    train, val = dataset.split("train"), dataset.split("val")
    contents = Contents(dataset, workspace.cache / "contents")

    def part(side: Sequence[Sample]) -> Pictures:
        return Pictures(dataset, world.part(side), geometry, folder=workspace.cache, contents=contents)

    pipeline = Pipeline(recipe.augment, geometry.size)
    if recipe.augment.preset == "custom":
        yield Prepared("Trying the variation on odd pictures", 0, 0)
        refuse(trial(pipeline, odd_pictures(dataset, train, geometry)))
    split = Split(part(train), part(val), pipeline, recipe.augment, recipe.seed, steps_of(recipe, len(train)), world)
    split.balanced = recipe.loss.balance == "sampling"
    split.judged = judged_at_once(recipe.schedule.batch_size)
    _try_on(model, noise(geometry, world)[:1])
    exactly = recipe.engine.precision == "float32"
    precision = Precision(world.device, exactly, Plan() if exactly else Plan.of(workspace.cache / "precision"))
    return Job(
        recipe,
        dataset,
        geometry,
        model,
        stages(model),
        split,
        world,
        precision,
        workspace.cache,
        len(train),
        len(val),
    )


def steps_of(recipe: Recipe, images: int) -> int:
    """Steps in an epoch of so many pictures."""
    return -(-images // recipe.schedule.batch_size)


def halves(job: Job, depths: Sequence[int]) -> Halves | None:
    """The network cut at these freezing depths; where it cannot be cut at all of them, at the deepest one alone.

    None where it can be cut nowhere, or where the recipe wants nothing kept.
    """
    some = [depth for depth in depths if depth and job.recipe.engine.cache == "auto"]
    if not some:
        return None
    squares = noise(job.geometry, job.world)
    with torch.no_grad():
        return cut(job.model, some, squares) or cut(job.model, [max(some)], squares)


def noise(geometry: Geometry, world: World) -> torch.Tensor:
    """Three squares of noise, to try a network on: (3, 3, size, size)."""
    made = torch.rand(3, 3, geometry.size, geometry.size, generator=torch.Generator().manual_seed(0))
    return made.to(world.device, memory_format=torch.channels_last)


def _try_on(model: nn.Module, noise: torch.Tensor) -> None:
    """Whether the network takes pictures of this size at all. Raises BackboneError where it does not."""
    try:
        with torch.no_grad(), evaluating(model):
            model(noise)
    except (RuntimeError, AssertionError, ValueError) as error:
        raise BackboneError(
            f"{type(model).__name__} cannot look at pictures of {noise.shape[-1]} pixels: {error}",
            "Choose another picture size, or leave it empty.",
        ) from error
