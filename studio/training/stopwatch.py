"""A few steps of a network at one freezing depth: how long they take, and how much memory."""

import statistics
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace

import numpy as np
import torch
from torch import nn

from studio.data.ahead import THREADS, TURN
from studio.model.boundary import Halves
from studio.model.frozen import Frozen
from studio.model.graph import Boundary, Kept
from studio.model.heap import let_go, whole_pieces
from studio.model.stages import evaluating, freeze, trainable
from studio.training import optimize
from studio.training.cost import DepthPace
from studio.training.features import dtype_of, packed, taken
from studio.training.loader import Pictures, to_input
from studio.training.look import at_once
from studio.training.memory import Watermark, bytes_of, saved_by
from studio.training.precision import Plan
from studio.training.prepare import Job
from studio.training.rehearsal import repeated
from studio.training.sources import Batch
from studio.training.threads import for_update
from studio.training.update import Update

_LONG = 0.8  # seconds that one timed step may take: else it is given fewer pictures than a batch has
_WHOLE = 6.0  # the same where memory is measured, which of a whole batch does not follow from a few pictures
_MARKS, _ROUNDS = 3, 2  # how often memory is watched at the most, and through how many rounds of updates
_ALIKE = 0.05  # share by which the first two marks may differ, and are enough
_READ = TURN * THREADS  # pictures that a run reads in one turn, before it shows them
_LOOKS = 8  # of the whole frozen part, after which its memory hardly grows
_WATCHED = 4.0  # seconds after which one of each is enough
_FEW = 4  # but never fewer than these
_STEEP = 0.6  # of what a picture takes on average, that one more takes at the least: timings jitter
_PLANNED = 16  # pictures with which layers are timed, as in training
_WORTH = 8.0  # seconds that timing layers may take
_BESIDES = 1.1  # of the bytes that a picture keeps for the way back, that it takes at the least
_WAKING = 2  # updates with a new optimizer before it is as quick as it will be
_REPEATS, _ENOUGH = (3, 40), 0.3  # steps that are timed at least and at most, and the seconds after which it is enough


class Stopwatch:
    """Times the network of `job`, which is laid out but has learnt nothing, on `pictures`.

    After `warm_up` it is known how many bytes its optimizer keeps of each number that learns (`remembered`), and what a
    forward pass within an update takes, seconds a picture (`forward`). What `look` tells holds only before that.
    """

    def __init__(self, job: Job, pictures: Pictures) -> None:
        self.job, self._pictures = job, pictures
        self._device = job.world.device
        self._count = len(job.stages)
        self._batch = job.batch
        self._picture = 0.0  # seconds a picture of the slowest update so far
        self._timed: dict[int, tuple[int, float]] = {}  # pictures of the update that was timed at a depth, and seconds
        self.remembered = 0.0
        self.forward = 0.0

    def look(self, depth: int, halves: Halves) -> int:
        """The most bytes that this process holds while the frozen part of a depth first looks; 0: nobody can tell.

        A run looks before anything learns. Afterwards the memory that learning let go of lies in pieces, and the
        same look finds less of it whole (tf_efficientnet_lite0: 330 MB before, 770 after).
        """
        self.clear()
        mark, frozen = Watermark.begin(self._device), self._frozen(depth, halves)
        whole, samples = depth == self._count, repeated(self._pictures.samples, _READ)
        reading = Pictures(self.job.dataset, samples if whole else [], self.job.geometry).look(cores_are_mine=True)
        next(reading, None)  # what a run has read and not shown yet is there while it looks
        for _ in range(_LOOKS if whole else 2):  # the heap grows with them: a Swin's 540 MB to 660
            packed(frozen(self._inputs(self._at_once)[0])[0], dtype_of(self.job.precision.exactly))  # as a run keeps it
        added = mark.added()
        del reading
        return 0 if mark.start is None or added is None else mark.start + added

    def warm_up(self) -> None:
        """Two updates of everything: the first settles how each layer computes, as a run's first would."""
        (inputs,) = self._inputs(2)
        with torch.no_grad(), evaluating(self.job.model):
            self.job.model(inputs)
            forward = self._seconds(lambda: self.job.model(inputs)) / 2
        many = min(self._batch, max(_FEW, min(_PLANNED, int(_WORTH / (8 * forward)))))
        if many < _PLANNED:  # layers that were timed with fewer pictures must not decide how a run computes
            plan = self.job.precision.plan
            self.job.precision = replace(self.job.precision, plan=Plan(None, dict(plan.choices)))
        update, batch = self._update(0), self._labelled(self._inputs(many))
        self._step(update, self.job.model, batch, 0)
        memory = bytes_of(value for kept in update.rule.state.values() for value in kept.values())
        learning = sum(tensor.numel() for group in update.rule.param_groups for tensor in group["params"])
        self.remembered = memory / max(learning, 1)
        self._picture = self._seconds(lambda: self._step(update, self.job.model, batch, 0)) / many
        freeze(self.job.model, self._count, keep_statistics=True)
        with self.job.learning(0):
            self.forward = self._median(lambda: self.job.model(*batch[0])) / many

    def memory(self, depth: int, halves: Halves | None) -> tuple[float, float]:
        """Bytes of an update whatever its batch, what the optimizer remembers included, and of each picture of it.

        What measuring and the update before let go of lies in other pieces than the next one asks for, so all of them
        count together. A picture needs no less than what is saved of it for the way back.
        """
        most, (module, shown) = min(self._batch, self._many(_WHOLE)), self._made_up(depth, halves)
        until, marks = time.perf_counter() + _WATCHED, list[int]()
        while not marks or (len(marks) < _MARKS and time.perf_counter() < until):
            marks.append(self._highest(module, shown, most, depth))
            if len(marks) == _MARKS - 1 and max(marks) <= (1 + _ALIKE) * min(marks):
                break
        highest = statistics.median(marks)
        with self.job.learning(depth):
            saved = [saved_by(module, shown(count)) for count in (1, 2)]
        each = _BESIDES * (saved[1] - saved[0])
        if most < self._batch and (few := most // 2):  # the batch lies on the line through two smaller ones
            fewer = self._highest(module, shown, few, depth)  # these may fit into what lies there, as if they took none
            each = max(each, min(highest / most, (highest - fewer) / (most - few)))
        return max(0.0, highest - each * most), each

    def depth(self, depth: int, halves: Halves | None) -> DepthPace:
        """The times of one depth, and the bytes of its frozen part and of measuring; `halves` where it can be cut."""
        self.clear()
        module, front, fronted, kept = self._cut(depth, halves)
        update = self._update(depth)
        many = self._many()
        some = _first(kept(2 * many))  # the frozen part looks at them once
        self._step(update, module, self._labelled(some(many)), depth)
        boundary = halves.boundaries[depth] if halves else None
        with self._threads(boundary):
            step, picture = self._line(update, module, self._shown(some(many), boundary), depth, many)
            judge, judging = self._judged(module, some(min(self.job.split.judged, 2 * many)), boundary)
        self._picture = step / many + picture
        return DepthPace(
            depth=depth,
            epoch=0.0,
            step=step,
            picture=picture,
            whole=picture,
            front=front,
            judge=judge,
            crossing=self.crossing(depth, halves),
            activations=0.0,
            beside=0.0,
            looking=0.0,
            fronted=fronted,
            judging=judging,
            learning=self.learning(depth),
        )

    def again(self, depth: int, halves: Halves | None) -> float:
        """How long the update that `depth` timed takes now, as a share of what it took then.

        A computer that others share is not equally fast all the time: it was seen to take 1.8 times as long for some
        ten seconds. Two updates come before those that count: the first makes what the optimizer remembers, the second
        still asks for memory (with VGG-11, whose numbers fill 0.5 GB, it took 1.9 s, those after it 0.6 s).
        """
        self.clear()
        many, before = self._timed[depth]
        module, shown = self._made_up(depth, halves)
        update, labels = self._update(depth), self._labels(many)
        update.settled = True  # by `depth`
        with self._threads(halves.boundaries[depth] if halves else None):
            for _ in range(_WAKING):
                self._step(update, module, (shown(many), labels), depth)
            return self._median(lambda: self._step(update, module, (shown(many), labels), depth), least=2) / before

    def clear(self) -> None:
        """Let go of what the last step left."""
        self.job.model.zero_grad(set_to_none=True)
        let_go()

    def crossing(self, depth: int, halves: Halves | None) -> int:
        """Bytes that are kept of a picture at a depth."""
        width = dtype_of(self.job.precision.exactly).itemsize
        return width * halves.boundaries[depth].numbers if halves else 0

    def learning(self, depth: int) -> int:
        """Numbers that learn at a depth, but for the head's."""
        return sum(stage.numbers for stage in self.job.stages[depth:])

    @property
    def _at_once(self) -> int:
        """How many pictures the frozen part is shown at a time."""
        return at_once(self.job.geometry.size) if self._device.type == "cpu" else 64

    def _frozen(self, depth: int, halves: Halves) -> Frozen:
        looks = self.job.train_images + self.job.val_images
        return Frozen(halves.front([depth]), self._device, exactly=self.job.precision.exactly, looks=looks)

    def _cut(self, depth: int, halves: Halves | None) -> tuple[nn.Module, float, int, Callable[[int], Kept]]:
        """What learns, seconds a picture and lasting bytes of the frozen part, and what the former is shown."""
        if halves is None:
            return self.job.model, 0.0, 0, self._inputs
        mark, many = Watermark.begin(self._device), self._at_once
        frozen, inputs = self._frozen(depth, halves), self._inputs(many)[0]
        frozen(inputs)
        front = self._median(lambda: frozen(inputs)) / many
        self.clear()
        fronted = Watermark.begin(self._device)
        stays = max(0, (fronted.start or 0) - (mark.start or 0))

        def kept(count: int) -> Kept:
            chunks = [frozen(chunk)[0] for chunk in self._inputs(count)[0].split(many)]
            return tuple(torch.cat(parts) for parts in zip(*chunks, strict=True))

        return halves.boundaries[depth].rest, front, stays, kept

    def _shown(self, kept: Kept, boundary: Boundary | None) -> Callable[[int], Kept]:
        """So many pictures as an epoch would show them: taken out of what is kept, where that can be."""
        if boundary is None:
            return _first(kept)
        return self._taken(packed(kept, dtype_of(self.job.precision.exactly)), boundary)

    def _made_up(self, depth: int, halves: Halves | None) -> tuple[nn.Module, Callable[[int], Kept]]:
        """What learns at a depth, and what it is shown, at most a batch: of features of chance, where it is cut."""
        if halves is None:
            return self.job.model, self._inputs
        boundary = halves.boundaries[depth]
        stored = torch.rand(self._batch, boundary.numbers).to(dtype_of(self.job.precision.exactly))
        return boundary.rest, self._taken(stored, boundary)

    def _taken(self, stored: torch.Tensor, boundary: Boundary) -> Callable[[int], Kept]:
        order = torch.randperm(len(stored), generator=torch.Generator().manual_seed(0))
        return lambda many: taken(stored, order[:many], boundary, self._device)

    def _threads(self, boundary: Boundary | None) -> AbstractContextManager:
        numbers = boundary.numbers if boundary else 0
        return for_update(self._device, self._batch, numbers, trainable(self.job.model))

    def _line(
        self, update: Update, module: nn.Module, shown: Callable[[int], Kept], depth: int, many: int
    ) -> tuple[float, float]:
        """Seconds of an update whatever its batch, and of each picture of it.

        Where a whole batch would take too long, it lies on the line through two smaller ones: the fewer pictures, the
        longer each takes (a ResNet-18 here: 55 ms of 4, 42 ms of 16).
        """
        labels = self._labels(many)
        moving = self._median(update.rule.step)
        took = self._median(lambda: self._step(update, module, (shown(many), labels), depth))
        self._timed[depth] = many, took
        even = max(took - moving, 0.0) / many
        if many >= self._batch or many < 2:
            return moving, even
        half = shown(many // 2), labels[: many // 2]
        self._step(update, module, half, depth)
        less = self._median(lambda: self._step(update, module, half, depth))
        picture = min(even, max((took - less) / (many - many // 2), _STEEP * even))
        return took - picture * many, picture

    def _highest(self, module: nn.Module, shown: Callable[[int], Kept], many: int, depth: int) -> int:
        """Bytes that updates with so many pictures, and measuring on them between, take at the most.

        As in a run, where the first ones find memory in one piece and those after them in more and more. What a new
        optimizer remembers comes to lie where the first update's pictures lay, so it does not simply add to them.
        """
        labels = self._labels(many)
        self.clear()
        update = self._update(depth)
        mark, until = Watermark.begin(self._device), time.perf_counter() + _WATCHED
        for _ in range(_ROUNDS):
            self._step(update, module, (shown(many), labels), depth)
            with torch.no_grad(), evaluating(module):
                module(*shown(many))
            self._step(update, module, (shown(many), labels), depth)
            if time.perf_counter() > until:
                break
        return mark.added() or 0

    def _judged(self, module: nn.Module, kept: Kept, boundary: Boundary | None) -> tuple[float, float]:
        """Seconds and bytes a picture of measuring."""
        with torch.no_grad(), evaluating(module):
            module(*kept)
            self.clear()
            mark = Watermark.begin(self._device)
            with whole_pieces():  # of those that updates let go of, measuring finds enough
                module(*kept)
            added = mark.added() or 0
            many, shown = len(kept[0]), self._shown(kept, boundary)
            return self._median(lambda: module(*shown(many))) / many, added / many

    def _step(self, update: Update, module: nn.Module, batch: Batch, depth: int) -> None:
        update(module, batch, 0, depth)

    def _update(self, depth: int) -> Update:
        freeze(self.job.model, depth, keep_statistics=True)
        return Update(self.job, optimize.optimizer(self.job.model, self.job.recipe))

    def _many(self, seconds: float = _LONG) -> int:
        """Pictures of a step that takes no longer than that."""
        return min(self._batch, max(_FEW, int(seconds / max(self._picture, 1e-9))))

    def _inputs(self, count: int) -> Kept:
        rows = np.arange(count) % len(self._pictures)
        return (to_input(self._pictures.centres(rows), self.job.geometry, self._device),)

    def _labelled(self, kept: Kept) -> Batch:
        return kept, self._labels(len(kept[0]))

    def _labels(self, many: int) -> torch.Tensor:
        return torch.arange(many, device=self._device) % len(self.job.dataset.classes)

    def _seconds(self, work: Callable[[], object]) -> float:
        self._wait()
        began = time.perf_counter()
        work()
        self._wait()
        return time.perf_counter() - began

    def _median(self, work: Callable[[], object], least: int = _REPEATS[0]) -> float:
        """The middle one of as many times as there is time for."""
        found: list[float] = []
        while len(found) < least or (len(found) < _REPEATS[1] and sum(found) < _ENOUGH):
            found.append(self._seconds(work))
        return statistics.median(found)

    def _wait(self) -> None:
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)


def _first(kept: Kept) -> Callable[[int], Kept]:
    """So many of these pictures, from the first on."""
    return lambda many: tuple(tensor[:many] for tensor in kept)
