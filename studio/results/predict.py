"""Trying a model on new pictures."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from studio.data.picture import open_picture
from studio.model.waking import wake
from studio.results.evaluate import checkpoint
from studio.results.views import flips, views
from studio.runs.run import Run

if TYPE_CHECKING:
    from torch import nn

    from studio.training.checkpoint import Card


@dataclass(frozen=True)
class Prediction:
    """What the model says of one picture. `probabilities` are fractions that add up to 1, the highest first."""

    path: str
    label: str
    confidence: float
    probabilities: dict[str, float]


@dataclass(frozen=True)
class Predictor:
    """A trained model, ready to look at pictures the way it looked at them in training.

    `flips` are the mirror images that it met there, which `tta` may show it again.
    """

    model: "nn.Module"
    card: "Card"
    flips: tuple[str, ...] = ()

    @classmethod
    def of(cls, run: Run) -> "Predictor":
        """The run's best model, kept in memory between calls. Raises RunError where it has none that can be read."""
        path = checkpoint(run)
        return replace(_loaded(path, path.stat().st_mtime_ns), flips=flips(run.recipe.augment))

    def predict(self, pictures: Sequence[Path | bytes], *, tta: bool = False) -> list[Prediction]:
        """One Prediction a picture, in order. Raises PictureError naming the first that cannot be opened.

        `tta` averages the probabilities over several views of each picture, which takes as many times as long.
        """
        return [self._one(picture, tta) for picture in pictures]

    def _one(self, picture: Path | bytes, tta: bool) -> Prediction:
        import torch

        from studio.training.loader import to_input

        geometry = self.card.geometry
        base = geometry.base(open_picture(picture, at_least=geometry.base_size))
        seen = torch.from_numpy(views(base, geometry, self.flips) if tta else geometry.centre(base).copy()[None])
        with torch.inference_mode():
            logits = self.model(to_input(seen, geometry, torch.device("cpu"))).float()
            shares = logits.softmax(dim=1).mean(dim=0).tolist()
        ranked = sorted(zip(self.card.classes, shares, strict=True), key=lambda pair: -pair[1])
        name = picture.as_posix() if isinstance(picture, Path) else ""
        return Prediction(name, ranked[0][0], ranked[0][1], dict(ranked))


@lru_cache(maxsize=4)
def _loaded(path: Path, _changed: int) -> Predictor:
    wake()
    import torch

    from studio.training.checkpoint import load

    return Predictor(*load(path, torch.device("cpu")))
