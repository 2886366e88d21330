"""What counts as an error, and how much: the number that training makes smaller."""

from collections.abc import Mapping, Sequence

import torch
from torch.nn import functional as F

from studio.recipe import Recipe

_EASY = 1e-7  # at least so much of a picture is still to be learnt: nearer to nought a power has no finite slope


class Criterion:
    """The mean loss of a batch, by the recipe's `loss` and `schedule.label_smoothing`.

    Called with `outputs`, float32 (n, classes), and `labels`, either class indices, (n,), or each class's share of a
    mixed picture, (n, classes). The loss of a batch is the mean of those of its pieces by their sizes, however it is
    cut. `weights` say how much an error in each class counts, 1 being the mean over the training pictures.
    """

    def __init__(self, recipe: Recipe, weights: torch.Tensor | None = None) -> None:
        self._kind, self._gamma = recipe.loss.kind, recipe.loss.focal_gamma
        self._smoothing = recipe.schedule.label_smoothing
        self._weights = weights

    @classmethod
    def of(cls, recipe: Recipe, counts: Mapping[str, int], classes: Sequence[str], device: torch.device) -> "Criterion":
        """For so many training pictures of each class."""
        if recipe.loss.balance != "weights":
            return cls(recipe)
        return cls(recipe, class_weights([counts.get(name, 0) for name in classes]).to(device))

    @property
    def is_plain(self) -> bool:
        """Whether it is a cross-entropy in which all pictures count alike."""
        return self._kind == "cross-entropy" and self._weights is None

    def __call__(self, outputs: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        if self.is_plain:
            return F.cross_entropy(outputs, labels, label_smoothing=self._smoothing)
        shares = labels if labels.ndim == 2 else F.one_hot(labels, outputs.shape[1]).to(outputs.dtype)
        each = self._of_each(outputs, self._smoothed(shares))
        return (each if self._weights is None else each * (shares @ self._weights)).mean()

    def _smoothed(self, shares: torch.Tensor) -> torch.Tensor:
        return shares * (1 - self._smoothing) + self._smoothing / shares.shape[1]

    def _of_each(self, outputs: torch.Tensor, shares: torch.Tensor) -> torch.Tensor:
        """The loss of each picture, (n,).

        focal: Lin et al. 2017, "Focal Loss for Dense Object Detection", over the shares of all classes. bce: as in
        Wightman et al. 2021, "ResNet strikes back", summed over the classes, so that it is as steep as a cross-entropy.
        """
        if self._kind == "bce":
            return F.binary_cross_entropy_with_logits(outputs, shares, reduction="none").sum(dim=1)
        logs = outputs.log_softmax(dim=1)
        if self._kind == "focal":
            logs = logs * (-torch.expm1(logs)).clamp_min(_EASY) ** self._gamma
        return -(shares * logs).sum(dim=1)


def class_weights(counts: Sequence[int]) -> torch.Tensor:
    """How much an error in each class counts, (classes,): the rarer the class the more, 1 on the mean over pictures.

    A class without pictures gets the weight of one with a single picture.
    """
    numbers = torch.tensor(counts, dtype=torch.float32)
    present = max(1, int((numbers > 0).sum()))
    return numbers.sum() / (present * numbers.clamp_min(1))
