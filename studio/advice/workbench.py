"""Where short fits are made: a network that can be put back as it was, cut at its depths, and some pictures."""

import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import nn

from studio.advice.depths import by_worth
from studio.advice.doing import Clock, Doing
from studio.advice.sample import copies, in_order, labels_of
from studio.data.dataset import Sample
from studio.errors import DataError
from studio.model.boundary import Halves
from studio.model.graph import Boundary, Kept
from studio.model.stages import evaluating, freeze
from studio.training import optimize
from studio.training.embed import looked
from studio.training.eye import Eye
from studio.training.loader import Pictures, to_input
from studio.training.prepare import Job, halves, noise
from studio.training.probe import in_folds
from studio.training.update import Update

LEAST, OF_EACH = 20, 4  # pictures to learn from in all, and in each of at least two classes
_MOST = 3000  # pictures that are looked at
_SMALL = 1 << 17  # bytes of a picture's features that are worth keeping for later runs
_EVAL = 64
MOST_DEPTHS = 8  # that are tried, however many there are
TIMED = 16  # pictures of an update that is timed, as many as layers are timed with

Features = Callable[[np.ndarray], Kept]  # rows of the pictures to what crosses a boundary


@dataclass
class Workbench:
    """All that short fits need: the network as it was, its cuts, the pictures, and what crosses to the head of each.

    `samples` stand in an order of which every first part has all classes in it; `labels` and `folds` are theirs.
    """

    job: Job
    halves: Halves | None
    before: dict[str, torch.Tensor]
    samples: Sequence[Sample]
    at_head: Features
    labels: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    folds: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))

    @classmethod
    def of(cls, job: Job, clock: Clock) -> Generator[Doing, None, "Workbench"]:
        """Raises DataError where too few pictures open."""
        order = in_order(job.dataset.split("train"), job.recipe.seed)[:_MOST]
        yield clock.doing("Cutting the network at its stages")
        before = {name: tensor.detach().clone() for name, tensor in job.model.state_dict().items()}
        found = halves(job, tried_at_most(len(job.stages)))
        bench = cls(job, found, before, order, lambda _: ())
        places, at_head = yield from bench.seen(bench.stages, order, clock)
        bench.samples = [order[place] for place in places.tolist()]
        bench.at_head = at_head
        bench.labels = labels_of(job.dataset, bench.samples)
        counts = np.bincount(bench.labels, minlength=1)
        if len(places) < LEAST or (counts >= OF_EACH).sum() < 2:
            raise DataError(
                f"There are too few pictures to try freezing depths on: it takes {LEAST} to learn from that open, and "
                f"{OF_EACH} in each of two classes.",
                "Add pictures.",
                job.dataset.root,
            )
        bench.folds = in_folds(bench.labels, copies(job.dataset, bench.samples), job.recipe.seed)
        return bench

    @property
    def stages(self) -> int:
        return len(self.job.stages)

    def boundary(self, depth: int) -> Boundary | None:
        """Where the network is cut for a depth; None where it is not."""
        return self.halves.boundaries.get(depth) if self.halves else None

    def module(self, depth: int) -> nn.Module:
        """What is behind the frozen boundary; the whole network where it is not cut there."""
        boundary = self.boundary(depth)
        return boundary.rest if boundary else self.job.model

    def features(self, depth: int, rows: np.ndarray, clock: Clock) -> Generator[Doing, None, Features]:
        """What `module(depth)` is given, for any of these rows of `samples`. Raises DataError where one is gone."""
        places, found = yield from self.seen(depth, [self.samples[row] for row in rows.tolist()], clock)
        if len(places) < len(rows):
            raise DataError("The pictures changed meanwhile.", "Try the depths again.", self.job.dataset.root)
        return lambda some: found(np.searchsorted(rows, some))

    def seen(
        self, depth: int, samples: Sequence[Sample], clock: Clock
    ) -> Generator[Doing, None, tuple[np.ndarray, Features]]:
        """Which of these samples open, int64 (n,), and what `module(depth)` is given for any of those n."""
        self.restore()
        job, boundary = self.job, self.boundary(depth)
        if boundary is None or self.halves is None:
            pictures = Pictures(job.dataset, samples, job.geometry, keep=True, folder=job.cache)
            for seen in pictures.look(cores_are_mine=True):
                if seen.place % _EVAL == 0:
                    yield clock.doing(f"Opening {len(samples):,} pictures")
            return pictures.places, lambda rows: self._inputs(pictures, rows)
        eye = Eye.at(job.model, job.geometry, boundary, self.halves.front([depth]), job.world, len(samples))
        looking = looked(eye, job.dataset, samples, job.cache, shelved=2 * boundary.numbers <= _SMALL)
        while True:
            try:
                done = next(looking)
            except StopIteration as end:
                places, found = end.value
                break
            yield clock.doing(f"Showing {done:,} of {len(samples):,} pictures to {counted(depth)}")
        return places, lambda rows: found.batch(rows, 0, job.world.device)

    def _inputs(self, pictures: Pictures, rows: np.ndarray) -> Kept:
        return (to_input(pictures.centres(rows), self.job.geometry, self.job.world.device),)

    def restore(self, state: dict[str, torch.Tensor] | None = None) -> None:
        """The network as it was before anything learnt, or in this state."""
        self.job.model.load_state_dict(self.before if state is None else state)

    def fit(
        self, depth: int, features: Features, rows: np.ndarray, updates: int, stream: int, batch: int | None = None
    ) -> None:
        """Let what is thawed at a depth learn from these rows, for so many updates, as a run's last phase would.

        `stream` decides their order.
        """
        job, module = self.job, self.module(depth)
        freeze(job.model, depth, keep_statistics=True)
        update = Update(job, optimize.optimizer(job.model, job.recipe))
        chance, batch = np.random.default_rng((job.recipe.seed, stream)), batch or self.batch(len(rows))
        waiting = np.zeros(0, np.int64)
        for step in range(updates):
            if len(waiting) < batch:
                waiting = np.concatenate([waiting, chance.permutation(rows)])
            some, waiting = waiting[:batch], waiting[batch:]
            optimize.set_rate(update.rule, job.recipe, step, updates)
            labels = torch.from_numpy(self.labels[some]).to(job.world.device)
            update(module, (features(some), labels), step, depth)

    def batch(self, count: int) -> int:
        """Pictures of an update: fewer than in a run where there are few, so that there are some updates at all."""
        return max(4, min(self.job.recipe.schedule.batch_size, count // 6))

    @torch.no_grad()
    def wrong(self, depth: int, features: Features, rows: np.ndarray) -> np.ndarray:
        """Which of these rows are told wrong now, bool (len(rows),)."""
        module, said = self.module(depth), []
        with evaluating(module):
            for part in np.array_split(rows, -(-len(rows) // _EVAL)):
                said.append(module(*features(part)).float().argmax(dim=1).cpu().numpy())
        return np.concatenate(said) != self.labels[rows]

    def seconds(self, depth: int) -> float:
        """Seconds that learning from a picture takes at a depth: of the second of two updates, as the first one finds
        out how each layer computes best.
        """
        squares = noise(self.job.geometry, self.job.world).repeat(TIMED, 1, 1, 1)[:TIMED]
        with torch.no_grad(), evaluating(self.job.model):
            (kept,) = self.halves.front([depth])(squares) if self.halves and self.boundary(depth) else ((squares,),)
        rows = np.arange(TIMED) % len(self.samples)
        self.fit(depth, lambda _: kept, rows, 1, 0, TIMED)
        began = time.perf_counter()
        self.fit(depth, lambda _: kept, rows, 1, 0, TIMED)
        took = time.perf_counter() - began
        self.restore()
        return took / TIMED


def tried_at_most(stages: int) -> list[int]:
    """The depths that may be tried, and that of the head alone."""
    return [stages, *by_worth(stages)[:MOST_DEPTHS]]


def counted(depth: int) -> str:
    """`the frozen stage`, `the 3 frozen stages`."""
    return "the frozen stage" if depth == 1 else f"the {depth} frozen stages"
