"""Times a few steps of a backbone at every freezing depth, and how much memory they take: see `studio.training.cost`.

The weights are random ones, so that nothing need be downloaded: how fast a network is does not depend on them. Best in
a process of its own (`python -m studio.training.pacing RECIPE WORKSPACE`): memory is that of the whole process.
"""

import json
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from studio.augment import cost as augment_cost
from studio.data.ahead import THREADS
from studio.data.contents import Contents
from studio.errors import DataError, StudioError
from studio.model.boundary import Halves, cut
from studio.model.heap import keep_heap
from studio.model.stages import new_parameters
from studio.model.waking import spare_engine
from studio.recipe import Recipe
from studio.text import keep_logs_printable
from studio.training.cost import DepthPace, Paces, keep, known, variation, varies
from studio.training.events import Event, Prepared
from studio.training.loader import Pictures
from studio.training.memory import Watermark, bytes_of
from studio.training.prepare import Job, make_ready, noise
from studio.training.rehearsal import Moment, moment, rehearsed, repeated
from studio.training.scoring import class_accuracy, predictions
from studio.training.stopwatch import Stopwatch
from studio.training.world import World
from studio.workspace import Workspace

_PICTURES = 24  # are read, and shown again and again
_ALL = 10  # depths up to which each is timed; of more, some, and the others lie between
_SOME = 8
_MOMENTS = 3  # at which an update of each depth is timed at the most; the middle one counts
_ALIKE = 0.1  # share by which the first two may differ, and are enough
_WRITTEN = 512  # pictures


def measure(recipe: Recipe, workspace: Workspace) -> Generator[Event, None, Paces]:
    """Time the recipe's network on its pictures, and keep what was found. Yields what it is doing.

    Where all but the variation of pictures is known already, only that is timed. Raises DataError where no picture
    opens, BackboneError where the network cannot be built.
    """
    keep_heap()
    spare_engine()
    world = World.join()
    mark = Watermark.begin(world.device)
    job = yield from make_ready(recipe.amended({"model.pretrained": False, "model.weights": ""}), workspace, world)
    idle = mark.added()
    yield Prepared("Reading some of the pictures", 0, 0)
    pictures, decode = _read(job)
    paces = known(recipe, workspace)
    if paces is None:
        paces = yield from _measured(job, pictures, decode, mark, idle)
    if varies(recipe.augment):
        yield Prepared("Timing how pictures are varied", 0, 0)
        pace = augment_cost.measure(job.split.pipeline, list(pictures.bases[: len(pictures)]), THREADS).pace
        paces = replace(paces, varying={**paces.varying, variation(recipe.augment): 1 / pace})
    keep(paces, recipe, workspace)
    return paces


def _read(job: Job) -> tuple[Pictures, float]:
    """Some pictures, and the seconds that reading one takes."""
    samples = job.dataset.split("train")
    some = samples[:: max(1, len(samples) // _PICTURES)][:_PICTURES]
    contents = Contents(job.dataset, None)
    list(Pictures(job.dataset, some[:1], job.geometry, contents=contents).look())  # the first one wakes what reads them
    pictures = Pictures(job.dataset, some, job.geometry, keep=True, contents=contents)
    began = time.perf_counter()
    list(pictures.look(cores_are_mine=job.world.device.type == "cpu"))
    took = time.perf_counter() - began
    if not len(pictures):
        raise DataError("None of these pictures can be opened.", "Run the check to see why.", job.dataset.root)
    return pictures, took / len(pictures)


def _measured(
    job: Job, pictures: Pictures, decode: float, mark: Watermark, idle: int | None
) -> Generator[Event, None, Paces]:
    """All depths, from the one at which everything learns. `mark` was set before anything was there, `idle` is what
    came to be there until now; once it has computed, the engine itself holds more (45 MB were measured).
    """
    count = len(job.stages)
    yield Prepared("Cutting the network at its stages", 0, 0)
    halves = _halves(job, range(1, count + 1))
    watch, depths = Stopwatch(job, pictures), _timed_depths(count)
    yield Prepared("Showing pictures to its frozen part", 0, 0)
    on_cpu = job.world.device.type == "cpu"
    before = (mark.start or 0) + (pictures.bases.nbytes if on_cpu else 0)
    looking = _looks(watch, halves, depths, before)
    yield Prepared("Timing its layers", 0, 0)
    watch.warm_up()
    watch.clear()
    awake = (Watermark.begin(job.world.device).start or 0) - before
    yield Prepared("Watching how much memory it takes", 0, 0)
    room = {depth: watch.memory(depth, halves.get(depth)) for depth in reversed(depths)}  # as runs thaw
    found, writing = dict[int, DepthPace](), _writing(job)
    longer, epochs = defaultdict[int, list[float]](lambda: [1.0]), defaultdict[int, list[Moment]](list)
    for done, depth in enumerate(depths * _MOMENTS):
        if done < len(depths):
            yield Prepared(f"Timing a few steps with {depth} of {count} stages frozen", done, len(depths))
            pace = watch.depth(depth, halves.get(depth))
            beside, each = room[depth]
            pace = replace(pace, looking=looking.get(depth, 0), beside=beside, activations=each)
            found[depth] = replace(pace, judge=pace.judge + writing)
        else:
            yield Prepared("Timing them at other moments", done - len(depths), len(depths) * (_MOMENTS - 1))
            if not _settled(longer[depth]):
                longer[depth].append(watch.again(depth, halves.get(depth)))
        for one in {depth, depths[-1]} & halves.keys() & found.keys():  # the head's are over in a moment: at each
            epochs[one].append(moment(job, halves[one].boundaries[one], found[one]))
    for depth in depths:
        found[depth] = rehearsed(job, _slower(found[depth], statistics.median(longer[depth])), epochs[depth])
    found = _with_wholes(found, watch.forward)
    known = new_parameters(job.model)
    head = sum(tensor.numel() for tensor in known)
    classes = len(job.dataset.classes)
    of_classes = sum(tensor.numel() // classes for tensor in known if tensor.shape[0] == classes)
    weights = bytes_of(job.model.state_dict().values())
    return Paces(
        device=job.world.device_name,
        at=time.time(),
        on_cpu=on_cpu,
        has_memory=idle is not None,
        weights=weights,
        idle=max(0, max(idle or 0, awake) - weights),
        remembered=watch.remembered,
        square=3 * job.geometry.base_size**2,
        head=head - of_classes * classes,
        head_class=of_classes,
        decode=decode,
        varying={},
        depths=tuple(
            _between(found, depth, watch.crossing(depth, halves.get(depth)), watch.learning(depth))
            for depth in range(count + 1)
        ),
    )


def _halves(job: Job, depths: Sequence[int]) -> dict[int, Halves]:
    """The network cut at each depth at which it can be."""
    squares = noise(job.geometry, job.world)
    with torch.no_grad():
        if halves := cut(job.model, depths, squares):
            return dict.fromkeys(depths, halves)
        found = {depth: cut(job.model, [depth], squares) for depth in depths}
    return {depth: halves for depth, halves in found.items() if halves is not None}


def _looks(watch: Stopwatch, halves: Mapping[int, Halves], depths: Sequence[int], before: int) -> dict[int, int]:
    """Bytes beyond those of `before` that a run holds while it looks at its pictures, by depth.

    The head's first, as memory is then as whole as in a run; a smaller frozen part needs no more than a larger one.
    """
    found, most = dict[int, int](), sys.maxsize
    for depth in sorted(halves.keys() & set(depths), reverse=True):
        found[depth] = most = min(most, max(0, watch.look(depth, halves[depth]) - before))
    return found


def _with_wholes(found: Mapping[int, DepthPace], forward: float) -> dict[int, DepthPace]:
    """With what a picture takes where the frozen part is part of every update; `forward` is that of all layers."""
    longest = max(pace.front for pace in found.values()) or 1.0
    return {depth: replace(pace, whole=pace.picture + forward * pace.front / longest) for depth, pace in found.items()}


def _settled(times: Sequence[float]) -> bool:
    """Whether two moments were alike: the middle one of three would lie between them, whatever the third were."""
    return len(times) == 2 and abs(times[1] - times[0]) <= _ALIKE


def _slower(pace: DepthPace, times: float) -> DepthPace:
    """All that was timed, as many times as long."""
    took = {name: times * getattr(pace, name) for name in ("step", "picture", "whole", "front", "judge")}
    return replace(pace, **took)


def _timed_depths(stages: int) -> list[int]:
    if stages < _ALL:
        return list(range(stages + 1))
    return sorted({0, 1, stages, *np.linspace(1, stages, _SOME).round().astype(int).tolist()})


def _between(found: dict[int, DepthPace], depth: int, crossing: int, learning: int) -> DepthPace:
    """A depth's own times, or those between its neighbours' (the many stages of such networks are alike)."""
    if depth in found:
        return found[depth]
    low, high = max(one for one in found if one < depth), min(one for one in found if one > depth)
    share = (depth - low) / (high - low)
    pairs = zip(vars(found[low]).items(), vars(found[high]).values(), strict=True)
    mixed = {name: one + (other - one) * share for (name, one), other in pairs}
    return DepthPace(**{**mixed, "depth": depth, "crossing": crossing, "learning": learning})


def _writing(job: Job) -> float:
    """Seconds a picture that writing down what was said of it takes, at the end of an epoch."""
    samples, classes = repeated(job.dataset.split("val"), _WRITTEN), job.dataset.classes
    said, found = torch.zeros(len(samples), len(classes)), []
    for _ in range(5):
        began = time.perf_counter()
        class_accuracy(predictions(samples, classes, said), classes)
        found.append(time.perf_counter() - began)
    return statistics.median(found) / len(samples)


def _told(**words: object) -> None:
    print(json.dumps(words), flush=True)


if __name__ == "__main__":
    keep_logs_printable()
    asked = Recipe.from_toml(Path(sys.argv[1]).read_text(encoding="utf-8"))
    try:
        for event in measure(asked, Workspace(Path(sys.argv[2]))):
            if isinstance(event, Prepared):
                _told(doing=event.doing, done=event.done, total=event.total)
    except StudioError as error:
        _told(what=error.what, remedy=error.remedy)
