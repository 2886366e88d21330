"""The heap of the process that computes."""

import platform
import subprocess
import sys
import weakref

import pytest
from torch import nn

from studio.model.heap import let_go

FRESH = """
import torch
from studio.model.heap import keep_heap, let_go, whole_pieces
from studio.training.memory import resident

def left() -> None:
    torch.ones(16 << 20)  # 64 MiB, gone at once
    print((resident() - before) >> 20)

keep_heap()
before = resident()
with whole_pieces():
    left()
left()
let_go()
print((resident() - before) >> 20)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another heap")
def test_what_is_freed_stays_with_a_process_that_keeps_its_heap_but_not_what_lay_in_whole_pieces() -> None:
    told = subprocess.run([sys.executable, "-c", FRESH], capture_output=True, text=True, check=True).stdout
    beside, kept, given_back = map(int, told.split())
    assert beside < 32 and given_back < 32 < kept, "MiB"


def test_what_only_a_circle_of_references_holds_is_let_go_of() -> None:
    layer = nn.Linear(2, 2)
    layer.itself = [layer]  # type: ignore[assignment]
    gone = weakref.ref(layer)
    del layer
    let_go()
    assert gone() is None
