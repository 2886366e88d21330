"""The first look: every picture decoded once, and shown to the frozen part once where what it sees is kept."""

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from studio.errors import DataError
from studio.model.frozen import Frozen
from studio.model.heap import let_go
from studio.training import notes
from studio.training.events import Event, Looked, Noted, Prepared, Warned
from studio.training.features import Features, dtype_of, key, shelf
from studio.training.loader import Pictures, Seen
from studio.training.prepare import Job, halves, steps_of
from studio.training.room import IN_MEMORY, fits
from studio.training.sources import OnFeatures, OnPictures, Source

_TELL_EVERY = 0.25  # seconds between two Prepared events at the least
Stop = Callable[[], bool]
Sources = dict[int, Source]


def first_look(job: Job, depths: Sequence[int], stop: Stop) -> Generator[Event, None, Sources | None]:
    """Look at all pictures once; returns where the batches come from at these freezing depths, in the order they come.

    Of many depths the later ones may be left out: they are looked for when they come. Returns None where `stop` said so
    meanwhile. Raises DataError where too little can be opened.
    """
    sources = yield from _looked(_Plan(job, depths), stop)
    if sources is not None:
        yield from _sum_up(job)
    return sources


def look_again(job: Job, depth: int, stop: Stop) -> Generator[Event, None, Sources | None]:
    """Look at all pictures once more, for a depth that nobody had planned. The network may have learnt meanwhile.

    Returns None where `stop` said so meanwhile. Raises DataError where not the same pictures can be opened.
    """
    sides = (job.split.train, job.split.val)
    before = [side.places.tolist() for side in sides]
    sources = yield from _looked(_Plan(job, [depth]), stop)
    if sources is not None and job.world.any([side.places.tolist() for side in sides] != before):
        raise DataError(
            "The pictures changed while the run went on.", "Put them back, then let it go on.", job.dataset.root
        )
    return sources


def _looked(plan: "_Plan", stop: Stop) -> Generator[Event, None, Sources | None]:
    job, sides = plan.job, (plan.val, plan.train)
    let_go()  # of what cutting the network took (a Swin's: 70 to 220 MB)
    for side in sides:
        side.pictures.whole = False
        yield from _look(side, job, stop)
    if job.world.any(not all(side.pictures.whole for side in sides)):
        return None
    yield from plan.notes()
    return {depth: plan.source(depth) for depth in plan.depths}


@dataclass
class _Side:
    """The pictures of one split, and what is kept of them: features by depth, `views` variations of each."""

    pictures: Pictures
    doing: str
    features: dict[int, Features] = field(default_factory=dict)
    frozen: Frozen | None = None
    varied: bool = False
    views: int = 1
    reused: int = 0


class _Plan:
    """What is kept for which depth: features where the network can be cut and there is room, else pictures."""

    def __init__(self, job: Job, depths: Sequence[int]) -> None:
        self.job = job
        self.halves = halves(job, depths)
        split, varies = job.split, job.split.pipeline.varies
        views = job.recipe.augment.views if varies else 0
        again = job.recipe.augment.mix == "none" and (views or not varies)  # a mixture is never seen a second time
        self.depths = depths = self._at_once(depths, views or 1) if again else depths[:2]
        self.train = _Side(split.train, "Looking at the training pictures", varied=varies, views=views or 1)
        self.val = _Side(split.val, "Looking at the held-back pictures")
        boundaries = self.halves.boundaries if self.halves else {}
        for depth in (depth for depth in depths if depth in boundaries):
            if self._there_is_room(depth, self.val):
                self.val.features[depth] = self._features(depth, self.val)
                if again and self._there_is_room(depth, self.train):
                    self.train.features[depth] = self._features(depth, self.train)
        for side in (self.train, self.val):
            side.pictures.keep = any(depth not in side.features for depth in depths)
        looks = len(split.val) + len(split.train) * self.train.views
        self.val.frozen = self.train.frozen = self._frozen(tuple(self.val.features), looks)
        if self.val.features.keys() != self.train.features.keys():
            self.train.frozen = self._frozen(tuple(self.train.features), looks)

    def _at_once(self, depths: Sequence[int], views: int) -> Sequence[int]:
        """Those of the depths to look for now: the first two, and more of them while all fits into memory.

        A plan that thaws stage by stage has many, and what crosses an early boundary is large. The others are looked
        for when they come, when what is kept for the depths before them is let go.
        """
        boundaries = self.halves.boundaries if self.halves else {}
        pictures = len(self.job.split.train) * views + len(self.job.split.val)
        sizes = [boundaries[d].numbers * self._dtype.itemsize * pictures if d in boundaries else 0 for d in depths]
        some = 2
        while some < len(depths) and sum(sizes[: some + 1]) <= IN_MEMORY:
            some += 1
        return depths[:some]

    @property
    def _dtype(self) -> torch.dtype:
        return dtype_of(self.job.precision.exactly)

    def _there_is_room(self, depth: int, side: _Side) -> bool:
        assert self.halves is not None
        numbers = self.halves.boundaries[depth].numbers * len(side.pictures) * side.views
        return fits(numbers * self._dtype.itemsize, self.job.cache)

    def _features(self, depth: int, side: _Side) -> Features:
        cache = self.job.cache
        assert self.halves is not None
        boundary = self.halves.boundaries[depth]
        known = shelf(boundary, self.halves.front([depth]), self.job.geometry, self._dtype, cache / "features")
        return Features(boundary, len(side.pictures), side.views, self._dtype, known, cache)

    def _frozen(self, depths: Sequence[int], looks: int) -> Frozen | None:
        if not depths:
            return None
        assert self.halves is not None
        front = self.halves.front(depths)
        return Frozen(front, self.job.world.device, exactly=self.job.precision.exactly, looks=looks)

    def source(self, depth: int) -> Source:
        job, split = self.job, self.job.split
        if depth not in self.val.features:
            return OnPictures(job.model, split)
        assert self.halves is not None
        learnt = self.train.features.get(depth)
        if learnt is None:
            looks = len(split.train) * job.recipe.schedule.epochs
            learnt = self._frozen((depth,), looks)
            assert learnt is not None
        return OnFeatures(self.halves.boundaries[depth], split, learnt, self.val.features[depth])

    def notes(self) -> Iterator[Noted]:
        """What was spared, in words."""
        if reused := self.val.reused + self.train.reused:
            yield Noted(notes.known(reused))
        frozen = self.train.frozen or self.val.frozen
        if frozen is not None and frozen.way is not None:
            yield Noted(notes.frozen(frozen.way.words, frozen.alike))


def at_once(size: int) -> int:
    """How many squares of this size a processor is shown at a time.

    Few, to hear a stop soon; of small ones more, as each layer then costs more to begin than to compute (1,797 digits
    of 64 pixels were seen in 2.6 s instead of 4.2).
    """
    return max(16, min(96, 16 * 224**2 // size**2))


def _look(side: _Side, job: Job, stop: Stop) -> Generator[Event, None, None]:
    """Open these pictures, and fill their features. Leaves off where `stop` says so."""
    pictures, on_cpu = side.pictures, job.world.device.type == "cpu"
    many = at_once(job.geometry.size) if on_cpu else 64
    yield Prepared(side.doing, 0, len(pictures.asked))
    if stop():
        return
    filling, told = _Filling(side, job), time.monotonic()
    for row, seen in enumerate(pictures.look(filling.lacks, cores_are_mine=on_cpu)):
        filling.add(row, seen)
        if len(filling.squares) >= many:
            filling.show()
        if time.monotonic() - told > _TELL_EVERY:
            told = time.monotonic()
            yield Prepared(side.doing, row + 1, len(pictures.asked))
        if row % many == many - 1 and stop():
            break
    filling.close()


class _Filling:
    """Fills a side's features: from the shelf what is there, else by showing the pictures to the frozen part."""

    def __init__(self, side: _Side, job: Job) -> None:
        self.side, self.job = side, job
        self.squares: list[np.ndarray] = []
        self._rows: list[tuple[int, int, bytes]] = []  # row, view and key of each square

    def _keys(self, digest: bytes, place: int) -> list[bytes]:
        if not self.side.varied:
            return [digest]
        split = self.job.split
        return [key(digest, split.pipeline, split.seed, view, place) for view in range(self.side.views)]

    def lacks(self, digest: bytes, place: int) -> bool:
        """Whether anything about this picture is on no shelf."""
        features = self.side.features.values()
        return not all(each.knows(name) for name in self._keys(digest, place) for each in features)

    def add(self, row: int, seen: Seen) -> None:
        """Take a picture's features from the shelf, or put it in line to be shown."""
        features, spared = self.side.features.values(), 0
        for view, name in enumerate(self._keys(seen.digest, seen.place)) if features else ():
            if all(each.take(row, view, name) for each in features):
                spared += 1
                continue
            base = self.side.pictures.base(seen)
            self.squares.append(self._varied(base, view, seen.place) if self.side.varied else self._plain(base))
            self._rows.append((row, view, name))
        self.side.reused += bool(spared)

    def _plain(self, base: np.ndarray) -> np.ndarray:
        return self.job.geometry.centre(base)

    def _varied(self, base: np.ndarray, view: int, place: int) -> np.ndarray:
        return self.job.split.pipeline.apply(base, self.job.split.seed, view + 1, place)

    def show(self) -> None:
        """Show the frozen part what is in line."""
        if not self.squares:
            return
        assert self.side.frozen is not None
        found = self.side.frozen(self.job.split.inputs(torch.from_numpy(np.stack(self.squares))))
        for features, kept in zip(self.side.features.values(), found, strict=True):
            features.put(self._rows, kept)
        self.squares, self._rows = [], []

    def close(self) -> None:
        self.show()
        for features in self.side.features.values():
            features.close()


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
    split.steps = min(steps_of(job.recipe, sum(trains)), min(trains))
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
