"""Pictures that come with the studio's libraries, to begin with at once."""

import importlib.util
import os
import shutil
import threading
from pathlib import Path

import numpy as np
from PIL import Image

from studio.data.archive import put_in_place
from studio.errors import DataError
from studio.workspace import Workspace

DIGITS = 1797
_SIDE = 32
_one_at_a_time = threading.Lock()


def digits(workspace: Workspace) -> Path:
    """The folder with scikit-learn's 1,797 scanned handwritten digits as class folders 0 to 9 of 32 × 32 grey PNGs.

    Written at the first call, whole or not at all; any number of processes may ask at once.
    """
    folder = workspace.root / "demos" / "digits"
    with _one_at_a_time:
        if not _complete(folder):
            _make(folder)
    return folder


def inspection() -> Path | None:
    """The folder with 2,000 simulated pictures of textile in three classes, if that package is installed."""
    package = importlib.util.find_spec("conformal_clip_data")
    for place in (package.submodule_search_locations or []) if package else []:
        folder = Path(place) / "data" / "textile_images" / "simulated"
        if all((folder / name).is_dir() for name in ("nominal", "local", "global")):
            return folder
    return None


def _make(folder: Path) -> None:
    """Write the digits beside `folder` and put them in place, unless another process was faster. Raises DataError."""
    part = folder.with_name(f".digits.{os.getpid()}-{threading.get_ident()}.part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        _write(part)
        if not _complete(folder):
            put_in_place(part, folder)
    except OSError as error:
        raise DataError(
            f"The demo pictures could not be written ({error.strerror}).", "Make room on the disk.", folder
        ) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _complete(folder: Path) -> bool:
    return sum(1 for _ in folder.glob("[0-9]/*.png")) == DIGITS


def _write(folder: Path) -> None:
    from sklearn.datasets import load_digits  # a second to import, and only for this

    greys, labels = load_digits(return_X_y=True)  # rows of 64 values from 0 to 16
    for name in range(10):
        (folder / str(name)).mkdir(parents=True)
    for number, (grey, label) in enumerate(zip(np.asarray(greys), np.asarray(labels), strict=True)):
        small = Image.fromarray(np.round(grey.reshape(8, 8) * (255 / 16)).astype(np.uint8))
        large = small.resize((_SIDE, _SIDE), Image.Resampling.BICUBIC)
        large.save(folder / str(label) / f"{number:04}.png", compress_level=1)
