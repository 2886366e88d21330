"""Kept features: what crosses the frozen boundary, for every picture of a run, computed once.

They are held in bfloat16 (float32, where a recipe asks for it), and on a shelf between runs, found by what they were
made from: the bytes of a picture, its variation, the frozen layers and their weights, the size, the precision.
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import nn

from studio import __version__
from studio.augment.geometry import Geometry
from studio.augment.pipeline import Pipeline
from studio.data.contents import DIGEST
from studio.model.graph import Boundary, Kept
from studio.training.room import room
from studio.training.shelf import Shelf


def dtype_of(exactly: bool) -> torch.dtype:
    """What features are kept in: bfloat16, or float32 where a recipe asks for that."""
    return torch.float32 if exactly else torch.bfloat16


class Features:
    """What crosses `boundary` for `count` pictures of one side of a run, `views` fixed variations of each.

    Row `view * count + row` belongs to a picture; float tensors come out of it as they went in, channels last.
    """

    def __init__(
        self, boundary: Boundary, count: int, views: int, dtype: torch.dtype, shelf: Shelf, folder: Path
    ) -> None:
        self.boundary, self.count, self.views, self.dtype, self.shelf = boundary, count, views, dtype, shelf
        self._bytes = room((views * count, boundary.numbers * dtype.itemsize), np.uint8, folder)
        self._rows = torch.from_numpy(self._bytes).view(dtype)

    def knows(self, key: bytes) -> bool:
        """Whether this is on the shelf, as far as can be told without reading it."""
        return key in self.shelf

    def take(self, row: int, view: int, key: bytes) -> bool:
        """Fill a row from the shelf, if it is there and whole."""
        return self.shelf.take(key, self._bytes[view * self.count + row])

    def put(self, rows: Sequence[tuple[int, int, bytes]], kept: Kept) -> None:
        """Fill rows, given as (row, view, key), from what crossed the boundary: tensors (len(rows), ...)."""
        places = torch.tensor([view * self.count + row for row, view, _ in rows])
        self._rows[places] = packed(kept, self.dtype)
        for place, (_, _, key) in zip(places.tolist(), rows, strict=True):
            self.shelf.put(key, self._bytes[place])

    def close(self) -> None:
        """What was put can be found by the next run."""
        self.shelf.close()

    def batch(self, rows: np.ndarray, view: int, device: torch.device) -> Kept:
        """What crossed the boundary for these pictures: float32 tensors (len(rows), ...)."""
        return taken(self._rows, torch.from_numpy(rows + view * self.count), self.boundary, device)


def packed(kept: Kept, dtype: torch.dtype) -> torch.Tensor:
    """What crossed a boundary, tensors (n, ...), as it is kept: (n, numbers) in memory, channels last."""
    flat = [tensor.permute(0, 2, 3, 1) if tensor.ndim == 4 else tensor for tensor in kept]
    return torch.cat([tensor.flatten(1) for tensor in flat], dim=1).to("cpu", dtype)


def taken(kept: torch.Tensor, rows: torch.Tensor, boundary: Boundary, device: torch.device) -> Kept:
    """These rows of what is kept (n, numbers), as they crossed the boundary: float32 tensors (len(rows), ...)."""
    sizes = [shape.numel() for shape in boundary.shapes]
    parts = kept[rows].to(device, non_blocking=True).float().split(sizes, dim=1)
    return tuple(_shaped(part, shape) for part, shape in zip(parts, boundary.shapes, strict=True))


def _shaped(flat: torch.Tensor, shape: torch.Size) -> torch.Tensor:
    if len(shape) != 3:
        return flat.reshape(-1, *shape)
    channels, height, width = shape
    return flat.reshape(-1, height, width, channels).permute(0, 3, 1, 2)


def shelf(boundary: Boundary, front: nn.Module, geometry: Geometry, dtype: torch.dtype, folder: Path) -> Shelf:
    """The shelf in `folder` for what this front makes of pictures in this geometry.

    Its name changes with the frozen layers, their weights and settings, the geometry, the precision and the libraries.
    """
    digest = hashlib.blake2b(digest_size=DIGEST)
    digest.update(json.dumps([__version__, torch.__version__, str(dtype), repr(geometry), repr(front)]).encode())
    digest.update(str(getattr(front, "code", "")).encode())
    learns = {tensor.data_ptr() for tensor in boundary.rest.parameters()}  # a new head decides nothing
    for name, tensor in sorted(front.state_dict().items()):
        if tensor.data_ptr() not in learns:
            digest.update(name.encode())
            digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return Shelf(folder / digest.hexdigest(), boundary.numbers * dtype.itemsize)


def key(content: bytes, pipeline: Pipeline, seed: int, view: int, place: int) -> bytes:
    """The name of one variation of a picture with these contents; `place` is its number in the split."""
    if not pipeline.varies:
        return content
    varied = repr((pipeline.identity, pipeline.size, seed, view, place)).encode()
    return hashlib.blake2b(content + varied, digest_size=DIGEST).digest()
