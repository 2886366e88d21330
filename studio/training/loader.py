"""Pictures on their way to the device: decoded once, in threads, kept as uint8 squares; batches made from those.

Threads, not worker processes: a fork from a thread of a server hangs, and Pillow, OpenCV and torch release the lock.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from studio.augment.geometry import Geometry
from studio.augment.pipeline import Pipeline
from studio.data.ahead import ahead, in_turns
from studio.data.contents import Contents
from studio.data.dataset import Dataset, Sample
from studio.data.picture import open_image
from studio.errors import PictureError
from studio.training.room import room

Wanted = Callable[[bytes, int], bool]


@dataclass(frozen=True)
class Seen:
    """A picture that opens: its number among those asked for, its file's digest, and its base, if that was wanted."""

    place: int
    digest: bytes
    base: np.ndarray | None


class Pictures:
    """Some samples of a dataset as base pictures, uint8 (n, base, base, 3).

    `samples` are those that could be opened, known after the first whole look, which makes them `whole`; `places` are
    their numbers among all that were asked for, and `broken` says of the others why not. With `keep`, a look stores
    what it decodes, and what comes after reads that.
    """

    def __init__(
        self,
        dataset: Dataset,
        samples: Sequence[Sample],
        geometry: Geometry,
        *,
        keep: bool = False,
        folder: Path | None = None,
        contents: Contents | None = None,
    ) -> None:
        self.dataset, self.geometry, self.keep, self.folder = dataset, geometry, keep, folder
        self.asked = list(samples)
        self.samples = list(samples)
        self.places = np.arange(len(self.samples))
        self.broken: dict[str, str] = {}
        self.whole = False
        self._contents = contents or Contents(dataset, None)
        self._bases: np.ndarray | None = None
        self._labels: torch.Tensor | None = None

    def __len__(self) -> int:
        return len(self.samples)

    def walk(self, batch_size: int = 64) -> Iterator[torch.Tensor]:
        """All pictures in order as the model sees them unvaried, in batches of uint8 (n, size, size, 3)."""
        if self.whole and self._bases is not None:
            for first in range(0, len(self), batch_size):
                yield self.centres(np.arange(first, min(first + batch_size, len(self))))
            return
        waiting: list[np.ndarray] = []
        for seen in self.look(cores_are_mine=True):
            assert seen.base is not None
            waiting.append(self.geometry.centre(seen.base))
            if len(waiting) == batch_size:
                yield torch.from_numpy(np.stack(waiting))
                waiting = []
        if waiting:
            yield torch.from_numpy(np.stack(waiting))

    def look(self, wanted: Wanted = lambda _digest, _place: True, *, cores_are_mine: bool = False) -> Iterator[Seen]:
        """Open every picture in threads, in order. One that is neither `wanted` nor kept is not decoded.

        `cores_are_mine`: who reads computes on the processor, and takes turns with the threads.
        """
        threads = in_turns if cores_are_mine else ahead
        if self.keep:
            self._bases = room((len(self.asked), *(self.geometry.base_size,) * 2, 3), np.uint8, self.folder)
        good: list[int] = []
        for (place, sample), seen in threads(lambda item: self._try(*item, wanted), enumerate(self.asked)):
            if isinstance(seen, PictureError):
                self.broken[sample.path] = seen.what
                continue
            if self._bases is not None:
                self._bases[len(good)] = seen.base
            good.append(place)
            yield seen
        self.samples, self.places = [self.asked[place] for place in good], np.array(good, np.int64)
        self.whole, self._labels = True, None
        self._contents.save()

    def base(self, seen: Seen) -> np.ndarray:
        """The base of a picture that was seen; decoded now, if nobody had wanted it. Raises PictureError."""
        if seen.base is not None:
            return seen.base
        return self._square(self._contents.read(self.asked[seen.place])[1])

    def _square(self, data: bytes) -> np.ndarray:
        return self.geometry.base(open_image(data, at_least=self.geometry.base_size))

    def _try(self, place: int, sample: Sample, wanted: Wanted) -> Seen | PictureError:
        """A known file that nobody needs the pixels of is not even read."""
        try:
            digest = self._contents.known(sample)
            if digest and not self.keep and not wanted(digest, place):
                return Seen(place, digest, None)
            digest, data = self._contents.read(sample)
            if not self.keep and not wanted(digest, place):
                return Seen(place, digest, None)
            return Seen(place, digest, self._square(data))
        except PictureError as error:
            return error

    @property
    def bases(self) -> np.ndarray:
        """The stored squares; there only after a whole look with `keep`."""
        assert self._bases is not None and self.whole, "look at the pictures once, keeping them, before reading them"
        return self._bases

    @property
    def labels(self) -> torch.Tensor:
        """Class indices of `samples`, int64 (n,); there after the first whole look."""
        if self._labels is None:
            index = {name: number for number, name in enumerate(self.dataset.classes)}
            self._labels = torch.tensor([index[sample.label] for sample in self.samples], dtype=torch.int64)
        return self._labels

    def centres(self, rows: np.ndarray) -> torch.Tensor:
        """What the model sees of these stored pictures when nothing is varied: uint8 (len(rows), size, size, 3)."""
        edge, size = (self.geometry.base_size - self.geometry.size) // 2, self.geometry.size
        return torch.from_numpy(np.ascontiguousarray(self.bases[rows, edge : edge + size, edge : edge + size]))

    def varied(
        self, rows: np.ndarray, pipeline: Pipeline, seed: int, variation: int, threads: ThreadPoolExecutor
    ) -> torch.Tensor:
        """These stored pictures in the pipeline's given variation, from 1: uint8 (len(rows), size, size, 3)."""
        vary = pipeline.apply
        pictures = list(threads.map(lambda row: vary(self.bases[row], seed, variation, int(self.places[row])), rows))
        return torch.from_numpy(np.stack(pictures))


def to_input(pictures: torch.Tensor, geometry: Geometry, device: torch.device) -> torch.Tensor:
    """uint8 (n, size, size, 3) as the normalized float input (n, 3, size, size) in channels-last memory."""
    if device.type == "cpu":
        return _looked_up(pictures.numpy(), geometry).permute(0, 3, 1, 2)
    pinned = pictures.pin_memory() if device.type == "cuda" else pictures  # else the copy waits for the device
    moved = pinned.to(device, non_blocking=True).permute(0, 3, 1, 2)
    return _normalized(moved, geometry, (1, 3, 1, 1)).contiguous(memory_format=torch.channels_last)


def _looked_up(pictures: np.ndarray, geometry: Geometry) -> torch.Tensor:
    """The same numbers from a table of what becomes of each of 256 bytes, float32 (n, size, size, 3).

    One pass over the memory instead of four.
    """
    import cv2

    every = torch.arange(256, dtype=torch.uint8).view(256, 1, 1).expand(256, 1, 3)
    table = _normalized(every, geometry, (1, 1, 3)).numpy()
    rows = np.ascontiguousarray(pictures).reshape(-1, pictures.shape[2], 3)
    return torch.from_numpy(cv2.LUT(rows, table).reshape(pictures.shape))


def _normalized(pictures: torch.Tensor, geometry: Geometry, shape: tuple[int, ...]) -> torch.Tensor:
    """Bytes as floats less the mean, by the standard deviation; `shape` is that of a number a channel."""
    mean = torch.tensor(geometry.mean, device=pictures.device).view(shape)
    std = torch.tensor(geometry.std, device=pictures.device).view(shape)
    return pictures.float().div_(255).sub_(mean).div_(std)


def batches(count: int, steps: int, seed: int, epoch: int, order: np.ndarray | None = None) -> list[np.ndarray]:
    """Rows 0..count-1 in the order of (seed, epoch), or in another one, in `steps` batches as even as can be."""
    if order is None:
        order = np.random.default_rng((seed, epoch)).permutation(count)
    return np.array_split(order, steps)


def evenly(labels: np.ndarray, seed: int, epoch: int) -> np.ndarray:
    """As many rows as there are `labels`, int64 (n,), all classes equally often (but for one), by (seed, epoch).

    A rare class's pictures come several times, a common one's only in part: each as often as any other of its class,
    and other ones in another epoch.
    """
    chance = np.random.default_rng((seed, epoch, 1))
    present = chance.permutation(np.unique(labels))
    shares = np.full(len(present), len(labels) // len(present))
    shares[: len(labels) % len(present)] += 1
    rows = [
        _drawn(np.flatnonzero(labels == label), share, chance) for label, share in zip(present, shares, strict=True)
    ]
    return chance.permutation(np.concatenate(rows))


def _drawn(rows: np.ndarray, count: int, chance: np.random.Generator) -> np.ndarray:
    """So many of these rows, each as often as any other (but for one)."""
    turns = -(-count // len(rows))
    return np.concatenate([chance.permutation(rows) for _ in range(turns)])[:count]
