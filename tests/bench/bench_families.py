"""The smallest member of every family of timm at its full size, frozen at each of its depths, one update at each.

`THAW_BENCH_FAMILIES=resnet,beit` walks some of them. Tells of each family how many depths it has, how long they took,
and what went wrong. The largest (412 million parameters) needs 8 GB of memory.
"""

import gc
import os
import time

from tests.bench.peers.turns import machine
from tests.model.families import SMALLEST, depths_of, laid_out, walked

CHOSEN = [name for name in os.environ.get("THAW_BENCH_FAMILIES", "").split(",") if name] or list(SMALLEST)
ENOUGH = 0.97  # of the families


def bench_families() -> None:
    faults: dict[str, list[str]] = {}
    print(f"\n{machine()}")
    for family in CHOSEN:
        began = time.monotonic()
        model, pictures = laid_out(family, whole=True)
        depths = depths_of(model)
        if found := walked(model, pictures, depths):
            faults[family] = found
        (name, size), took = SMALLEST[family], time.monotonic() - began
        said = "; ".join(found) or "passes"
        print(f"{family:26} {name:36} {size:4} pixels {len(depths):3} depths {took:6.1f} s  {said}", flush=True)
        del model
        gc.collect()
    print(f"{len(CHOSEN) - len(faults)} of {len(CHOSEN)} families pass")
    assert len(CHOSEN) - len(faults) >= ENOUGH * len(CHOSEN), faults
