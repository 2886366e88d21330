"""Evidence made up for tests: classes of features, traits of pictures that nobody took."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from studio.checks.evidence import Embedded, Evidence
from studio.checks.traits import TILE, TRAIT
from studio.data.dataset import Dataset, Sample

WIDTH = 48


def clouds(counts: Sequence[int], apart: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Features float32 (n, 48) in one round cloud for each class, their middles so far `apart`, and labels (n,)."""
    chance = np.random.default_rng(seed)
    middles = chance.standard_normal((len(counts), WIDTH))
    middles *= apart / np.linalg.norm(middles, axis=1, keepdims=True)
    labels = np.repeat(np.arange(len(counts)), counts)
    features = middles[labels] + chance.standard_normal((len(labels), WIDTH))
    order = chance.permutation(len(labels))
    # A place far from the middle of all, as features of networks have it: their length says nothing of the class.
    return (features[order] + 20).astype(np.float32), labels[order]


def evidence(labels: np.ndarray, features: np.ndarray | None = None, traits: np.ndarray | None = None) -> Evidence:
    """Pictures `0.jpg`, `1.jpg` ... of classes `a`, `b` ... by their labels."""
    samples = tuple(Sample(f"{number}.jpg", chr(97 + label)) for number, label in enumerate(labels.tolist()))
    embedded = None
    if features is not None:
        embedded = Embedded(np.arange(len(labels)), features, np.zeros(len(labels), bool))
    made = pictures(len(labels)) if traits is None else traits
    return Evidence(Dataset(Path("nowhere"), samples), samples, made, features=embedded)


def pictures(count: int, seed: int = 0) -> np.ndarray:
    """Traits TRAIT (count,) of noise in many colours, all of one kind of file."""
    chance, traits = np.random.default_rng(seed), np.zeros(count, TRAIT)
    ground = chance.integers(40, 200, (count, 1, 1, 3))
    traits["tile"] = np.clip(ground + chance.normal(0, 30, (count, TILE, TILE, 3)), 0, 255)
    return measured(traits, chance)


def measured(traits: np.ndarray, chance: np.random.Generator) -> np.ndarray:
    """The same traits, with what follows from their tiles, and a file for each."""
    traits["mean"] = traits["tile"].mean(axis=(1, 2))
    traits["light"] = np.percentile(traits["tile"].mean(axis=3), (1, 5, 50, 95, 99), axis=(1, 2)).T
    traits["width"], traits["height"] = chance.choice([320, 480, 500], len(traits)), 375
    traits["bytes"] = chance.normal(30_000, 5_000, len(traits))
    traits["sharpness"] = chance.normal(10, 2, len(traits))
    traits["format"], traits["quality"], traits["mode"] = 1, 90, 6
    return traits


def framed(traits: np.ndarray, which: np.ndarray, colour: int = 255) -> np.ndarray:
    """The same traits, with a plain frame two pixels deep on the tiles of these."""
    traits = traits.copy()
    for edge in (slice(None, 2), slice(-2, None)):
        traits["tile"][which, edge] = colour
        traits["tile"][which, :, edge] = colour
    traits["mean"] = traits["tile"].mean(axis=(1, 2))
    return traits
