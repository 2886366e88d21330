"""What training costs at each freezing depth, told before anything is trained: seconds an epoch, memory at its peak.

`studio.training.pacing` times a few steps on this machine, once for each backbone, picture size and head, and keeps
what it found in the workspace's cache. Here that is put together with a recipe and the number of pictures. No torch.
"""

import hashlib
import json
import os
import platform
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from studio.augment.pipeline import effective
from studio.data.dataset import Dataset
from studio.recipe import AugmentChoice, FreezePlan, Recipe
from studio.training.room import IN_MEMORY, fits, judged_at_once
from studio.workspace import Workspace, write_text

_EDITION = 18  # of what is measured; what was measured otherwise is left lying
_NUMBER = 4  # bytes of a number


@dataclass(frozen=True)
class Cost:
    """What it costs to keep `depth` stages frozen and let the others learn.

    `seconds_per_epoch` with the measuring at its end, `seconds_once` before the first epoch; `peak_bytes` is the most
    memory that training adds, None where the system does not tell; `trainable` counts the numbers that learn.
    """

    depth: int
    seconds_per_epoch: float
    seconds_once: float
    peak_bytes: int | None
    trainable: int


@dataclass(frozen=True)
class Costs:
    """The cost of every freezing depth: entry n of `by_depth` keeps n stages frozen, the last one all of them.

    `device` says in words what it was timed on, `at` when, in seconds since 1970; `on_cpu`: its memory is the system's.
    """

    by_depth: tuple[Cost, ...]
    device: str
    at: float
    on_cpu: bool = True

    def of(self, depth: int) -> Cost:
        """The cost of a depth; of a deeper one than there is, that of the head alone."""
        return self.by_depth[min(max(depth, 0), len(self.by_depth) - 1)]

    def planned(self, freeze: FreezePlan, epochs: int) -> list[Cost]:
        """The cost of each epoch of a plan, in order."""
        stages = len(self.by_depth) - 1
        return [self.of(freeze.depth_at(epoch, stages)) for epoch in range(1, epochs + 1)]

    def seconds(self, freeze: FreezePlan, epochs: int) -> float:
        """What a whole run takes, its first look at the pictures included."""
        planned = self.planned(freeze, epochs)
        once = max((cost.seconds_once for cost in planned), default=0.0)
        return once + sum(cost.seconds_per_epoch for cost in planned)

    def peak(self, freeze: FreezePlan, epochs: int) -> int | None:
        """The most memory, in bytes, that any of its epochs adds."""
        return max((cost.peak_bytes for cost in self.planned(freeze, epochs) if cost.peak_bytes), default=None)


@dataclass(frozen=True)
class DepthPace:
    """What was measured at one freezing depth, for one picture unless it says otherwise; seconds and bytes.

    An epoch takes `epoch` seconds besides its pictures, an update `step` seconds and `picture` more for each
    picture of its batch, or `whole` where nothing is kept and the frozen part looks at it again. `front` is what
    the frozen part takes alone, `judge` what measuring and writing it down take, and `crossing` are the bytes kept
    of a picture (0: the network cannot be cut here). Memory: `activations` of each picture of a batch and of
    measuring on it, `beside` them whatever the batch, `fronted` as long as the frozen part stays, `judging` of each
    picture that is measured on; `looking` is all that a run holds while the frozen part is first tried. `learning`
    counts what learns, but for the head.
    """

    depth: int
    epoch: float
    step: float
    picture: float
    whole: float
    front: float
    judge: float
    crossing: int
    activations: float
    beside: float
    looking: float
    fronted: float
    judging: float
    learning: int


@dataclass(frozen=True)
class Paces:
    """What was measured of a backbone on this machine.

    `weights` are the bytes of all that it holds, `idle` what a run holds besides, `remembered` what the optimizer keeps
    of each number that learns, `square` those of a picture in memory; a head has `head` numbers and `head_class` more
    for each class. `decode` is what reading a picture takes, `varying` what varying one takes, by what varies it.
    Without `has_memory` the bytes of depths mean nothing.
    """

    device: str
    at: float
    on_cpu: bool
    has_memory: bool
    weights: int
    idle: int
    remembered: float
    square: int
    head: int
    head_class: int
    decode: float
    varying: Mapping[str, float]
    depths: tuple[DepthPace, ...]


def kept(recipe: Recipe, dataset: Dataset, workspace: Workspace) -> Costs | None:
    """The cost of this recipe on these pictures, where its backbone was timed here before; else None. Takes no time."""
    paces = known(recipe, workspace)
    if paces is None or (varies(recipe.augment) and variation(recipe.augment) not in paces.varying):
        return None
    train, val = sizes(recipe, dataset)
    return combined(paces, recipe, train, val, len(dataset.classes), workspace.cache)


def sizes(recipe: Recipe, dataset: Dataset) -> tuple[int, int]:
    """About how many pictures are learnt from, and how many measured on."""
    own = {name: sum(sample.split == name for sample in dataset.samples) for name in ("train", "val", "test")}
    pool = len(dataset.samples) - own["test"]
    val = own["val"] or max(1, round(pool * recipe.data.val_share))
    return max(1, pool - val), val


def combined(paces: Paces, recipe: Recipe, train: int, val: int, classes: int, cache: Path) -> Costs:
    """The cost of every depth for so many pictures of so many classes; `cache` is where features would be kept."""
    head = paces.head + paces.head_class * classes
    found = (_of_depth(paces, pace, recipe, train, val, head, cache) for pace in paces.depths)
    return Costs(tuple(found), paces.device, paces.at, paces.on_cpu)


def _of_depth(paces: Paces, pace: DepthPace, recipe: Recipe, train: int, val: int, head: int, cache: Path) -> Cost:
    """One depth, by the same rules as the first look (`training.look`) decides what is kept."""
    choice, varied = recipe.augment, varies(recipe.augment)
    views = choice.views if varied and choice.views else 1
    can_keep = recipe.engine.cache == "auto" and pace.depth > 0 and pace.crossing > 0
    val_kept = can_keep and fits(val * pace.crossing, cache)
    seen_again = choice.mix == "none" and (choice.views > 0 or not varied)
    train_kept = val_kept and seen_again and fits(train * views * pace.crossing, cache)
    vary = paces.varying.get(variation(choice), 0.0) if varied else 0.0

    steps = -(-train // recipe.schedule.batch_size)
    picture = pace.picture if val_kept else pace.whole
    afresh = 0.0 if train_kept else vary + (pace.front if val_kept else 0.0)
    judge = pace.judge if val_kept else paces.depths[0].judge
    seconds = pace.epoch + steps * pace.step + train * (picture + afresh) + val * judge
    looks = (val if val_kept else 0) * pace.front + (train * views if train_kept else 0) * (pace.front + vary)
    once = (train + val) * paces.decode + looks

    features = (val if val_kept else 0) * pace.crossing + (train * views if train_kept else 0) * pace.crossing
    squares = (0 if val_kept else val * paces.square) + (0 if train_kept else train * paces.square)
    peak = None
    if paces.has_memory:
        lasting = 0 if not paces.on_cpu else min(features, IN_MEMORY) + min(squares, IN_MEMORY)
        batch = min(recipe.schedule.batch_size, train)
        peak = round(lasting + _peak(paces, pace, recipe, head, batch, val, varied and val_kept and not train_kept))
    return Cost(pace.depth, seconds, once, peak, pace.learning + head)


def _peak(paces: Paces, pace: DepthPace, recipe: Recipe, head: int, batch: int, val: int, fronted: bool) -> float:
    """Bytes at the most demanding of four moments: the first look, an update, measuring, writing it all down.

    A run holds the weights and what is `idle`, and of what learns a copy of the best from its first measured epoch on,
    the vital signs' own copy, and its running mean where one is wanted.
    """
    learns = _NUMBER * (pace.learning + head)
    memory = paces.remembered * (pace.learning + head)
    copies = (3 if recipe.optimizer.ema else 2) * learns
    loaded = paces.idle + paces.weights
    standing = loaded + copies + (pace.fronted if fronted else 0)
    looking = max(loaded, pace.looking if pace.crossing else 0)
    judged = pace.judging * min(val, judged_at_once(recipe.schedule.batch_size))
    updating = standing + pace.beside + pace.activations * batch
    judging = standing + memory + learns + judged
    writing = standing + memory + learns + (2 * (paces.weights + memory) if paces.on_cpu else 0)
    return max(looking, updating, judging, writing)


def varies(choice: AugmentChoice) -> bool:
    """Whether pictures are varied at all."""
    return any(step.transform != "CenterCrop" for step in effective(choice))


def variation(choice: AugmentChoice) -> str:
    """What decides how long varying a picture takes, as text."""
    return json.dumps([step.model_dump(exclude={"on"}) for step in effective(choice)], sort_keys=True)


def known(recipe: Recipe, workspace: Workspace) -> Paces | None:
    """What was measured here before of the recipe's backbone, at its size, with its head and optimizer."""
    try:
        record = json.loads(place(recipe, workspace).read_text(encoding="utf-8"))
        depths = tuple(DepthPace(**depth) for depth in record.pop("depths"))
        return Paces(**record, depths=depths) if depths else None
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def keep(paces: Paces, recipe: Recipe, workspace: Workspace) -> None:
    """Remember what was measured."""
    path = place(recipe, workspace)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, json.dumps(asdict(paces), allow_nan=False))


def anything_known(workspace: Workspace) -> bool:
    """Whether any backbone was timed here: who wanted that of one wants it of others."""
    return any((workspace.cache / "costs").glob("*.json"))


def place(recipe: Recipe, workspace: Workspace) -> Path:
    """Where the measurement of this recipe's network lies, or would: its name changes with the machine too."""
    asked: list[Any] = [_EDITION, recipe.model.backbone, recipe.model.image_size, recipe.head.model_dump()]
    asked += [recipe.optimizer.name, recipe.engine.precision, *_machine()]
    return workspace.cache / "costs" / f"{hashlib.blake2b(json.dumps(asked).encode(), digest_size=12).hexdigest()}.json"


def free_memory() -> int | None:
    """Bytes of this computer's memory that a run could still take; None where the system does not tell."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable")), None)


def _machine() -> Iterable[str]:
    """What decides how fast this computer is."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    devices = os.environ.get("CUDA_VISIBLE_DEVICES", "all")
    return platform.node(), platform.machine(), platform.processor(), str(cores), devices, version("torch")
