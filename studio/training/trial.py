"""Try while it trains: what the model says, after each epoch, of pictures that a person pinned to the run."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from studio.data.picture import open_image
from studio.errors import PictureError
from studio.model.stages import evaluating
from studio.training.events import Tried
from studio.training.loader import to_input
from studio.training.place import MOST_PINS, PINS
from studio.training.prepare import Job


def tried(job: Job, folder: Path | None, epoch: int) -> Iterator[Tried]:
    """What the model says now of each pinned picture that can be opened, as it would of any new one."""
    squares = dict(_squares(job, folder)) if folder else {}
    if not squares:
        return
    pictures = torch.from_numpy(np.stack(list(squares.values())))
    with torch.no_grad(), evaluating(job.model):
        logits = job.model(to_input(pictures, job.geometry, job.world.device))
    for name, row in zip(squares, logits.float().softmax(dim=1).tolist(), strict=True):
        yield Tried(epoch, name, [round(share, 5) for share in row])


def _squares(job: Job, folder: Path) -> Iterator[tuple[str, np.ndarray]]:
    try:
        files = sorted(path for path in (folder / PINS).iterdir() if path.is_file() and path.name[0] != ".")
    except OSError:
        return  # nobody pinned anything
    for path in files[:MOST_PINS]:
        try:
            picture = open_image(path.read_bytes(), at_least=job.geometry.base_size)
            yield path.name, job.geometry.centre(job.geometry.base(picture))
        except (PictureError, OSError):
            continue  # gone, or broken: the page has said so where it was pinned
