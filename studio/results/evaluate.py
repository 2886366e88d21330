"""Results: accuracy with its interval, the confusion matrix, every class, and the worst mistakes."""

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from studio.augment.geometry import Geometry
from studio.data.dataset import Dataset
from studio.errors import DataError, RunError
from studio.model.waking import wake
from studio.results.views import flips, views
from studio.runs.run import Run

if TYPE_CHECKING:
    import torch
    from torch import nn

    from studio.training.loader import Seen

_COLUMNS = ["path", "label", "predicted", "confidence", "loss"]


def interval(right: int, total: int, z: float = 1.96) -> tuple[float, float]:
    """The 95 % interval of a share `right` of `total` (Wilson 1927): fractions from 0 to 1, sound near both ends."""
    if total == 0:
        return 0.0, 1.0
    share, spread = right / total, z * z / total
    middle = (share + spread / 2) / (1 + spread)
    reach = z / (1 + spread) * math.sqrt(share * (1 - share) / total + spread / (4 * total))
    return max(0.0, min(share, middle - reach)), min(1.0, max(share, middle + reach))


@dataclass(frozen=True)
class Results:
    """Predictions on labelled pictures: `frame` has path, label, predicted, confidence and loss."""

    frame: pd.DataFrame
    classes: tuple[str, ...]

    @classmethod
    def of(cls, run: Run) -> "Results":
        """The run's best weights on its validation split, as saved in training. Raises RunError if there are none."""
        path = run.folder / "predictions.json"
        try:
            frame = pd.read_json(io.StringIO(path.read_text(encoding="utf-8")), orient="split", dtype=False)  # type: ignore[arg-type]
        except FileNotFoundError as error:
            raise RunError("This run has no results yet.", "They appear with the first finished epoch.") from error
        except (OSError, ValueError) as error:
            raise RunError("This run's predictions cannot be read.", "Evaluate it again.", path) from error
        if list(frame.columns) != _COLUMNS:
            raise RunError("This run's predictions cannot be read.", "Evaluate it again.", path)
        started = run.progress().started
        known = tuple(started.classes) if started else tuple(sorted(set(frame["label"]) | set(frame["predicted"])))
        return cls(frame.astype({"label": str, "predicted": str}), known)

    @property
    def images(self) -> int:
        return len(self.frame)

    @property
    def _right(self) -> int:
        return int(np.count_nonzero(self.frame["label"].to_numpy() == self.frame["predicted"].to_numpy()))

    @property
    def accuracy(self) -> float:
        """Share of the pictures told right."""
        return self._right / self.images if self.images else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the accuracy."""
        return interval(self._right, self.images)

    def confusion(self) -> pd.DataFrame:
        """Counts (classes × classes): rows are the true class, columns what the model said."""
        names = list(self.classes)
        counted = pd.crosstab(self.frame["label"], self.frame["predicted"])
        return counted.reindex(index=names, columns=names, fill_value=0).rename_axis(index="label", columns="predicted")

    def per_class(self) -> pd.DataFrame:
        """A row a class: precision, recall, f1 (fractions) and support (pictures)."""
        confusion = self.confusion()
        right = pd.Series({name: confusion.loc[name, name] for name in confusion.index}, dtype=float)
        said, true = confusion.sum(axis=0), confusion.sum(axis=1)
        precision, recall = (right / said).fillna(0.0), (right / true).fillna(0.0)
        f1 = (2 * precision * recall / (precision + recall)).fillna(0.0)
        return pd.DataFrame({"precision": precision, "recall": recall, "f1": f1, "support": true.astype(int)})

    def cell(self, label: str, predicted: str) -> pd.DataFrame:
        """The pictures of class `label` that the model took for `predicted`, the surest first."""
        chosen: pd.DataFrame = self.frame.loc[(self.frame["label"] == label) & (self.frame["predicted"] == predicted)]
        return chosen.sort_values("confidence", ascending=False)

    def top_losses(self, count: int = 24) -> pd.DataFrame:
        """The mistakes that cost the most loss, the worst first."""
        wrong: pd.DataFrame = self.frame.loc[self.frame["label"] != self.frame["predicted"]]
        return wrong.sort_values("loss", ascending=False).head(count)


def checkpoint(run: Run) -> Path:
    """The run's best checkpoint. Raises RunError while there is none."""
    path = run.folder / "best.safetensors"
    if not path.is_file():
        raise RunError(f"The run {run.name!r} has no trained model yet.", "Wait for its first epoch, or start it.")
    return path


def evaluate(run: Run, dataset: Dataset, *, tta: bool = False) -> Results:
    """The run's best weights on all pictures of `dataset`, whose classes must be among the run's.

    `tta` averages probabilities over several views of each picture, which takes as many times as long. Raises DataError
    for a class that the model does not know. Pictures that cannot be opened are left out.
    """
    wake()
    import torch

    from studio.training.checkpoint import load
    from studio.training.loader import Pictures, to_input
    from studio.training.scoring import predictions

    model, card = load(checkpoint(run), torch.device("cpu"))
    unknown = [name for name in dataset.classes if name not in card.classes]
    if unknown:
        raise DataError(
            f"This model does not know the class {unknown[0]!r}.",
            f"It knows {_listed(card.classes)}; name the folders accordingly.",
            dataset.root,
        )
    pictures = Pictures(dataset, dataset.samples, card.geometry, keep=False)
    with torch.inference_mode():
        if tta:
            seen = flips(run.recipe.augment)
            found = [_mean_logits(model, each, card.geometry, seen) for each in pictures.look(cores_are_mine=True)]
        else:
            found = [model(to_input(batch, card.geometry, torch.device("cpu"))) for batch in pictures.walk()]
    if not found:
        raise DataError("None of these pictures can be opened.", "Run the check to see why.", dataset.root)
    frame = predictions(pictures.samples, card.classes, torch.cat(found).float())
    return Results(frame, card.classes)


def _mean_logits(model: "nn.Module", seen: "Seen", geometry: Geometry, flips: tuple[str, ...]) -> "torch.Tensor":
    """The logarithm of a picture's mean probabilities over its views, (1, classes): softmax gives those back."""
    import torch

    from studio.training.loader import to_input

    assert seen.base is not None
    several = torch.from_numpy(views(seen.base, geometry, flips))
    shares = model(to_input(several, geometry, torch.device("cpu"))).float().softmax(dim=1)
    return shares.mean(dim=0, keepdim=True).clamp_min(1e-12).log()


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")
