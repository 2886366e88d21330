"""What a model says of labelled pictures, as one frame that everything about its errors is computed from."""

from collections import Counter
from collections.abc import Sequence

import pandas as pd
import torch
from torch.nn import functional as F

from studio.data.dataset import Sample


def predictions(samples: Sequence[Sample], classes: Sequence[str], logits: torch.Tensor) -> pd.DataFrame:
    """A row a picture: path, label, predicted, confidence (0 to 1), loss (cross-entropy). `logits` is (n, classes)."""
    index = {name: number for number, name in enumerate(classes)}
    labels = torch.tensor([index[sample.label] for sample in samples], dtype=torch.int64)
    confidence, predicted = logits.softmax(dim=1).max(dim=1)
    return pd.DataFrame(
        {
            "path": [sample.path for sample in samples],
            "label": [sample.label for sample in samples],
            "predicted": [classes[number] for number in predicted.tolist()],
            "confidence": confidence.tolist(),
            "loss": F.cross_entropy(logits, labels, reduction="none").tolist(),
        }
    )


def class_accuracy(frame: pd.DataFrame, classes: Sequence[str]) -> list[float | None]:
    """The share of each class's pictures that are right, in the order of the classes; None for one without any."""
    labels, predicted = frame["label"].tolist(), frame["predicted"].tolist()
    asked, right = (
        Counter(labels),
        Counter(label for label, said in zip(labels, predicted, strict=True) if label == said),
    )
    return [right[name] / asked[name] if asked[name] else None for name in classes]
