"""Pictures on their way to the device: decoded once, in threads, kept as uint8 squares; batches made from those.

Threads, not worker processes: a fork from a thread of a server hangs, and Pillow, OpenCV and torch release the lock.
"""

import os
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch

from studio.augment.geometry import Geometry
from studio.augment.pipeline import Pipeline
from studio.data.ahead import ahead
from studio.data.dataset import Dataset, Sample
from studio.data.picture import open_picture
from studio.errors import PictureError

_IN_MEMORY = 2 << 30  # bytes of decoded pictures kept in memory; more go to a memory-mapped file


class Pictures:
    """Some samples of a dataset as base pictures, uint8 (n, base, base, 3).

    `samples` are those that could be decoded, known after the first whole walk, which makes them `whole`; `broken` says
    of the others why not. With `keep`, the first walk stores what it decodes and later ones read that.
    """

    def __init__(
        self,
        dataset: Dataset,
        samples: Sequence[Sample],
        geometry: Geometry,
        *,
        keep: bool = False,
        folder: Path | None = None,
    ) -> None:
        self.dataset, self.geometry, self.keep, self.folder = dataset, geometry, keep, folder
        self.samples = list(samples)
        self.broken: dict[str, str] = {}
        self.whole = False
        self._bases: np.ndarray | None = None
        self._labels: torch.Tensor | None = None

    def __len__(self) -> int:
        return len(self.samples)

    def walk(self, batch_size: int = 64) -> Iterator[torch.Tensor]:
        """All pictures in order as the model sees them unvaried, in batches of uint8 (n, size, size, 3)."""
        if self.whole and self._bases is not None:
            for first in range(0, len(self), batch_size):
                yield self.centres(np.arange(first, min(first + batch_size, len(self))))
        else:
            yield from self._decode(batch_size)

    def _decode(self, batch_size: int) -> Iterator[torch.Tensor]:
        if self.keep:
            self._bases = _room((len(self), *(self.geometry.base_size,) * 2, 3), self.folder)
        good: list[Sample] = []
        waiting: list[np.ndarray] = []
        for sample, base in ahead(self._try, self.samples):
            if isinstance(base, PictureError):
                self.broken[sample.path] = base.what
                continue
            if self._bases is not None:
                self._bases[len(good)] = base
            good.append(sample)
            waiting.append(self.geometry.centre(base))
            if len(waiting) == batch_size:
                yield torch.from_numpy(np.stack(waiting))
                waiting = []
        self.samples, self.whole, self._labels = good, True, None
        if waiting:
            yield torch.from_numpy(np.stack(waiting))

    def _try(self, sample: Sample) -> np.ndarray | PictureError:
        try:
            return self.geometry.base(open_picture(self.dataset.file(sample), at_least=self.geometry.base_size))
        except PictureError as error:
            return error

    @property
    def bases(self) -> np.ndarray:
        """The stored squares; there only after a whole walk with `keep`."""
        assert self._bases is not None and self.whole, "walk the pictures once, keeping them, before reading them"
        return self._bases

    @property
    def labels(self) -> torch.Tensor:
        """Class indices of `samples`, int64 (n,); there after the first whole walk."""
        if self._labels is None:
            index = {name: number for number, name in enumerate(self.dataset.classes)}
            self._labels = torch.tensor([index[sample.label] for sample in self.samples], dtype=torch.int64)
        return self._labels

    def centres(self, rows: np.ndarray) -> torch.Tensor:
        """What the model sees of these stored pictures when nothing is varied: uint8 (len(rows), size, size, 3)."""
        edge, size = (self.geometry.base_size - self.geometry.size) // 2, self.geometry.size
        return torch.from_numpy(np.ascontiguousarray(self.bases[rows, edge : edge + size, edge : edge + size]))

    def varied(
        self, rows: np.ndarray, pipeline: Pipeline, seed: int, epoch: int, threads: ThreadPoolExecutor
    ) -> torch.Tensor:
        """These stored pictures as the pipeline varies them in this epoch: uint8 (len(rows), size, size, 3)."""
        pictures = list(threads.map(lambda row: pipeline.apply(self.bases[row], seed, epoch, int(row)), rows))
        return torch.from_numpy(np.stack(pictures))


def _room(shape: tuple[int, ...], folder: Path | None) -> np.ndarray:
    if int(np.prod(shape)) <= _IN_MEMORY:
        return np.empty(shape, np.uint8)
    with tempfile.TemporaryFile(dir=folder) as file:  # the mapping keeps the bytes; the name is gone at once
        if hasattr(os, "posix_fallocate"):  # a full disk is an error here; in the mapping it would kill the process
            os.posix_fallocate(file.fileno(), 0, int(np.prod(shape)))
        return np.memmap(file, np.uint8, "w+", shape=shape)


def to_input(pictures: torch.Tensor, geometry: Geometry, device: torch.device) -> torch.Tensor:
    """uint8 (n, size, size, 3) as the normalized float input (n, 3, size, size) in channels-last memory."""
    moved = pictures.to(device, non_blocking=True).permute(0, 3, 1, 2).float().div_(255)
    mean = torch.tensor(geometry.mean, device=device).view(1, 3, 1, 1)
    std = torch.tensor(geometry.std, device=device).view(1, 3, 1, 1)
    return moved.sub_(mean).div_(std).contiguous(memory_format=torch.channels_last)


def batches(count: int, steps: int, seed: int, epoch: int) -> list[np.ndarray]:
    """Rows 0..count-1 in the order of (seed, epoch), in `steps` batches as even as can be (no lone last one)."""
    order = np.random.default_rng((seed, epoch)).permutation(count)
    return np.array_split(order, steps)
