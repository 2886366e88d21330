"""The map of all pictures, as a check hands it over."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Placed:
    """Where pictures lie on the map: their `paths` in the dataset, and as many `places`, float32 (n, 2)."""

    paths: tuple[str, ...]
    places: np.ndarray
