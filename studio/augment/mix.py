"""Mixing the pictures of a batch, and their labels alike: MixUp and CutMix.

Sources: Zhang et al. 2018, "mixup: Beyond Empirical Risk Minimization"; Yun et al. 2019, "CutMix: Regularization
Strategy to Train Strong Classifiers with Localizable Features".

Pictures are mixed as the pipeline left them, in bytes, before they are normalized: so the preview shows what is learnt
from. It also means that what the frozen part makes of a picture cannot be kept for later epochs. To mix what crossed
the frozen boundary instead would be another method (Verma et al. 2019, "Manifold Mixup"), so that is not done.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from studio.recipe import AugmentChoice
from studio.text import percent

_PUBLISHED = {"mixup": 0.2, "cutmix": 1.0}
_DRAW = 0x6D6978  # so that no draw is shared with the order of an epoch, which follows from (seed, epoch) too


@dataclass(frozen=True)
class Mixture:
    """How a batch is mixed. Picture i keeps `share` (0 to 1) of itself, the rest is of picture `partners[i]`.

    `box` (top, left, bottom, right) in pixels is what comes from the partner; None where it shines through everywhere.
    """

    partners: np.ndarray
    share: float
    box: tuple[int, int, int, int] | None = None


def mixture(choice: AugmentChoice, count: int, size: int, seed: int, epoch: int, step: int) -> Mixture | None:
    """How batch number `step` (from 0) of an epoch is mixed, `count` pictures of `size` pixels; None where none is.

    The same for the same seed, epoch and step, so a run that goes on after an interruption mixes as it would have.
    """
    if choice.mix == "none":
        return None
    chance = np.random.default_rng((seed, epoch, step, _DRAW))
    alpha = choice.mix_alpha or _PUBLISHED[choice.mix]
    share, partners = float(chance.beta(alpha, alpha)), chance.permutation(count)
    if choice.mix == "mixup":
        return Mixture(partners, share)
    side = size * math.sqrt(1 - share)
    down, across = chance.integers(0, size, 2)
    top, bottom = (int(np.clip(round(down + half), 0, size)) for half in (-side / 2, side / 2))
    left, right = (int(np.clip(round(across + half), 0, size)) for half in (-side / 2, side / 2))
    kept = 1 - (bottom - top) * (right - left) / size**2
    return Mixture(partners, kept, (top, left, bottom, right))


def mixed(pictures: np.ndarray, how: Mixture) -> np.ndarray:
    """A batch, uint8 (n, size, size, 3), mixed; a new array of the same shape."""
    if how.box is not None:
        top, left, bottom, right = how.box
        out = pictures.copy()
        out[:, top:bottom, left:right] = pictures[how.partners, top:bottom, left:right]
        return out
    import cv2

    others, flat = pictures[how.partners], (len(pictures), -1)
    blended = cv2.addWeighted(pictures.reshape(flat), how.share, others.reshape(flat), 1 - how.share, 0)
    return blended.reshape(pictures.shape)


def soft(labels: np.ndarray, how: Mixture, classes: int) -> np.ndarray:
    """Class indices (n,) as shares of each class, float32 (n, classes): what a mixed picture should be taken for."""
    own = np.eye(classes, dtype=np.float32)[labels]
    share = np.float32(how.share)
    return share * own + (1 - share) * own[how.partners]


def words(labels: Sequence[str], how: Mixture) -> list[str]:
    """What each mixed picture is, such as "70 % cat, 30 % dog"."""
    others = [labels[int(partner)] for partner in how.partners]
    return [_words(label, other, how.share) for label, other in zip(labels, others, strict=True)]


def _words(own: str, other: str, share: float) -> str:
    if own == other:
        return own
    parts = [(share, own), (1 - share, other)]
    return ", ".join(f"{percent(part, 0)} {name}" for part, name in sorted(parts, key=lambda pair: -pair[0]))


def preview(
    pictures: np.ndarray, labels: Sequence[str], choice: AugmentChoice, seed: int, epoch: int, step: int
) -> list[tuple[np.ndarray, str]]:
    """Each picture of a batch, uint8 (n, size, size, 3), as it is learnt from, and in words what it is then."""
    how = mixture(choice, len(pictures), pictures.shape[1], seed, epoch, step)
    if how is None:
        return list(zip(pictures, labels, strict=True))
    return list(zip(mixed(pictures, how), words(labels, how), strict=True))
