"""A head on kept features computes on one core, everything else on all of them; and nobody else is held back."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from studio.training.threads import for_update

WAITING = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")
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


def test_threads_that_wait_spin_for_a_moment_and_sleep_unless_a_person_said_otherwise() -> None:
    assert _waiting({}) == ["PASSIVE", "10000"]
    assert _waiting({"OMP_WAIT_POLICY": "ACTIVE"}) == ["ACTIVE", None]
    assert _waiting({"GOMP_SPINCOUNT": "7"}) == ["PASSIVE", "7"]


def _waiting(said: dict[str, str]) -> list[str | None]:
    """What the environment of a process says of it once the studio is imported, where a person said that."""
    others = {name: value for name, value in os.environ.items() if name not in WAITING}
    asked = f"import json, os, studio; print(json.dumps([os.environ.get(name) for name in {WAITING}]))"
    return json.loads(subprocess.check_output([sys.executable, "-c", asked], env=others | said))
