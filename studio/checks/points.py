"""A map of all pictures: two coordinates for each, alike pictures near one another."""

import hashlib
import io
from contextlib import suppress
from pathlib import Path

import numpy as np

from studio.checks.evidence import Evidence
from studio.workspace import replace_file

_LAID_OUT = 2000  # pictures that t-SNE is given; the others are placed beside those that they are most like
_NEAREST = 3
_AXES = 50
_CHUNK = 4096


def points(evidence: Evidence, cache: Path | None = None) -> np.ndarray:
    """Where each picture that has features lies on the map: float32 (n, 2), both from -1 to 1.

    Row for row those of `evidence.features`. The same pictures give the same map; with `cache`, what was laid out is
    kept in the folder `map` there, found by the features themselves.
    """
    if evidence.probe is None:
        return np.zeros((0, 2), np.float32)
    rows = evidence.probe.coordinates[:, :_AXES]
    file = cache / "map" / f"{_digest(rows)}.npy" if cache else None
    known = _read(file, len(rows)) if file else None
    if known is not None:
        return known
    found = laid_out(rows)
    if file is not None:
        _keep(file, found)
    return found


def laid_out(rows: np.ndarray) -> np.ndarray:
    """The map of rows (n, d): t-SNE of some (van der Maaten and Hinton 2008), the others among their nearest."""
    from sklearn.manifold import TSNE

    some = np.sort(np.random.default_rng(0).permutation(len(rows))[:_LAID_OUT])
    perplexity = min(30.0, (len(some) - 1) / 3)
    tsne = TSNE(perplexity=perplexity, init="pca", random_state=0, max_iter=500, n_jobs=1)
    placed = tsne.fit_transform(rows[some]).astype(np.float32)
    everything = placed if len(some) == len(rows) else _among(rows, rows[some], placed)
    everything -= (everything.max(axis=0) + everything.min(axis=0)) / 2
    return (everything / max(float(np.abs(everything).max()), 1e-9)).astype(np.float32)


def _among(rows: np.ndarray, known: np.ndarray, placed: np.ndarray) -> np.ndarray:
    """Places of all rows by those of the known ones that are nearest, the nearer the more; float32 (n, 2)."""
    squares, found = (known**2).sum(axis=1), np.empty((len(rows), 2), np.float32)
    for first in range(0, len(rows), _CHUNK):
        part = rows[first : first + _CHUNK]
        far = np.maximum(squares - 2 * part @ known.T + (part**2).sum(axis=1)[:, None], 0)
        near = np.argpartition(far, _NEAREST, axis=1)[:, :_NEAREST]
        weights = 1 / (np.take_along_axis(far, near, axis=1) + 1e-3)
        found[first : first + _CHUNK] = np.einsum(
            "nk,nkd->nd", weights / weights.sum(axis=1, keepdims=True), placed[near]
        )
    return found


def _digest(rows: np.ndarray) -> str:
    return hashlib.blake2b(np.ascontiguousarray(rows).data, digest_size=16).hexdigest()


def _read(file: Path, count: int) -> np.ndarray | None:
    """A map that was kept; None where there is none, or it is damaged."""
    with suppress(OSError, ValueError, EOFError):
        found = np.load(file, allow_pickle=False)
        if found.shape == (count, 2) and found.dtype == np.float32:
            return found
    return None


def _keep(file: Path, found: np.ndarray) -> None:
    """A disk that takes nothing costs the next check some seconds, no more."""
    data = io.BytesIO()
    np.save(data, found, allow_pickle=False)
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        replace_file(file, lambda path: path.write_bytes(data.getvalue()))
