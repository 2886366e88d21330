"""A head on kept features computes on one core, everything else on all of them; and nobody else is held back."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from studio.training.threads import for_update

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def two_cores() -> Iterator[None]:
    """However many the suite gives to a test."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_a_small_update_computes_on_one_core_and_leaves_the_others_to_other_threads() -> None:
    cores = torch.get_num_threads()
    with for_update(CPU, batch=32, numbers=1280, learning=2562), ThreadPoolExecutor(1) as other:
        assert torch.get_num_threads() == 1
        assert other.submit(torch.get_num_threads).result() == cores
    assert torch.get_num_threads() == cores


@pytest.mark.parametrize(
    ("numbers", "learning"),
    [(0, 2562), (62_720, 2562), (1280, 4_000_000)],
    ids=["whole pictures", "maps of features", "much that learns"],
)
def test_what_is_worth_sharing_is_shared(numbers: int, learning: int) -> None:
    cores = torch.get_num_threads()
    with for_update(CPU, 32, numbers, learning):
        assert torch.get_num_threads() == cores


def test_a_gpu_needs_no_fewer_cores() -> None:
    cores = torch.get_num_threads()
    with for_update(torch.device("cuda"), 32, 1280, 2562):
        assert torch.get_num_threads() == cores
