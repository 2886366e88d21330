"""What work takes of the memory at its most, and what is kept of a forward pass until its gradients are known."""

import pytest
import torch
from torch import nn

from studio.training.memory import Watermark, saved_by

NUMBER = 4  # bytes


def test_what_is_saved_for_the_way_back_grows_with_the_pictures_and_what_two_layers_share_counts_once() -> None:
    layers = nn.Sequential(nn.Linear(10, 20), nn.ReLU(), nn.Linear(20, 5))
    one, three = (saved_by(layers, (torch.rand(count, 10),)) for count in (1, 3))
    assert three - one == 2 * (10 + 20) * NUMBER  # what came in, and what the ReLU gave to the layer behind it


def test_nothing_is_saved_where_nothing_learns() -> None:
    layers = nn.Sequential(nn.Linear(10, 20), nn.ReLU()).requires_grad_(False)
    assert saved_by(layers, (torch.rand(4, 10),)) == 0


def test_the_watermark_sees_memory_that_was_let_go_of() -> None:
    mark = Watermark.begin(torch.device("cpu"))
    if mark.start is None:
        pytest.skip("the system does not tell")
    torch.ones(8 << 20)  # 32 MiB, gone at once
    assert (mark.added() or 0) > 30 << 20
