"""What counts as an error: each loss against its published formula, cut into pieces or not."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from studio.recipe import Recipe
from studio.training.loader import evenly
from studio.training.losses import Criterion, class_weights

CHANCE = torch.Generator().manual_seed(0)
OUTPUTS = torch.randn(12, 3, generator=CHANCE) * 3
LABELS = torch.arange(12) % 3
MIXED = torch.rand(12, 3, generator=CHANCE).softmax(dim=1)
KINDS = ("cross-entropy", "focal", "bce")


def criterion(weights: torch.Tensor | None = None, **changes: object) -> Criterion:
    return Criterion(Recipe().amended({name.replace("__", "."): value for name, value in changes.items()}), weights)


def test_the_usual_loss_is_torchs_own() -> None:
    ours = criterion(schedule__label_smoothing=0.1)(OUTPUTS, LABELS)
    assert torch.equal(ours, F.cross_entropy(OUTPUTS, LABELS, label_smoothing=0.1))


def test_focal_loss_counts_easy_pictures_less_and_without_gamma_is_a_cross_entropy() -> None:
    believed = OUTPUTS.softmax(dim=1)[torch.arange(12), LABELS]
    published = -((1 - believed) ** 2 * believed.log()).mean()
    assert torch.allclose(criterion(loss__kind="focal")(OUTPUTS, LABELS), published)
    plain = criterion(loss__kind="focal", loss__focal_gamma=0)(OUTPUTS, LABELS)
    assert torch.allclose(plain, F.cross_entropy(OUTPUTS, LABELS))


def test_focal_loss_has_a_gradient_where_the_model_is_sure() -> None:
    outputs = torch.tensor([[200.0, -200.0], [-200.0, 200.0]], requires_grad=True)
    criterion(loss__kind="focal", loss__focal_gamma=0.5)(outputs, torch.tensor([0, 0])).backward()
    assert outputs.grad is not None and bool(torch.isfinite(outputs.grad).all())


def test_bce_asks_for_each_class_by_itself() -> None:
    wanted = F.one_hot(LABELS, 3).float()
    shares = OUTPUTS.sigmoid()
    published = -(wanted * shares.log() + (1 - wanted) * (1 - shares).log()).sum(dim=1).mean()
    assert torch.allclose(criterion(loss__kind="bce")(OUTPUTS, LABELS), published, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_smoothing_makes_certainty_cost_something(kind: str) -> None:
    sure = torch.eye(3) * 40 - 20
    plain = criterion(loss__kind=kind, loss__focal_gamma=0)(sure, torch.arange(3))
    smooth = criterion(loss__kind=kind, loss__focal_gamma=0, schedule__label_smoothing=0.2)(sure, torch.arange(3))
    assert plain < 1e-3 < smooth


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("labels", [LABELS, MIXED], ids=["labels", "mixed"])
@pytest.mark.parametrize("weights", [None, torch.tensor([0.5, 1.0, 4.0])], ids=["alike", "weighted"])
def test_a_batch_in_pieces_adds_up_to_the_batch(kind: str, labels: torch.Tensor, weights: torch.Tensor | None) -> None:
    loss = criterion(weights, loss__kind=kind)
    cuts = [slice(0, 5), slice(5, 12)]
    pieces = sum(loss(OUTPUTS[cut], labels[cut]) * len(OUTPUTS[cut]) for cut in cuts)
    assert torch.allclose(loss(OUTPUTS, labels), torch.as_tensor(pieces) / 12)


def test_rare_classes_weigh_more_and_the_mean_over_pictures_is_one() -> None:
    counts = [90, 9, 1]
    weights = class_weights(counts)
    shares = [weight * count for weight, count in zip(weights.tolist(), counts, strict=True)]
    assert shares == pytest.approx([100 / 3] * 3), "each class as a whole counts the same"
    assert class_weights([5, 0]).isfinite().all() and class_weights([5, 0])[0] == 1


def test_weights_multiply_the_loss_of_each_picture() -> None:
    weights = torch.tensor([0.5, 1.0, 4.0])
    each = F.cross_entropy(OUTPUTS, LABELS, reduction="none") * weights[LABELS]
    assert torch.allclose(criterion(weights)(OUTPUTS, LABELS), each.mean())


def test_even_sampling_shows_all_classes_equally_often_and_each_picture_of_one_too() -> None:
    labels = np.array([0] * 80 + [1] * 16 + [2] * 4)
    rows = evenly(labels, seed=3, epoch=1)
    assert len(rows) == 100 and sorted(np.bincount(labels[rows])) == [33, 33, 34]
    rare, common = np.bincount(rows, minlength=100)[96:], np.bincount(rows, minlength=100)[:80]
    assert rare.max() - rare.min() <= 1 and common.max() == 1
    assert np.array_equal(rows, evenly(labels, seed=3, epoch=1))
    seen = np.unique(np.concatenate([evenly(labels, 3, epoch) for epoch in range(1, 30)]))
    assert len(seen) == 100, "other pictures of the common class in other epochs"
