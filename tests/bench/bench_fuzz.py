"""Ten thousand damaged and hostile files of each kind, and twenty thousand attempts to get out: `make bench`.

`THAW_BENCH_FUZZ=10000` says how many; 200 without it. The same seed makes the same files every time.
"""

import os
from pathlib import Path

import pytest

from tests import fuzz
from tests.traversal import Traversal

COUNT = int(os.environ.get("THAW_BENCH_FUZZ", "200"))


@pytest.mark.parametrize("kind", fuzz.ALL)
def bench_fuzz(kind: str, tmp_path: Path) -> None:
    toll = fuzz.ALL[kind](COUNT, tmp_path)
    print(
        f"\n{kind}: {toll.tried:,} tried, {toll.taken:,} taken, {sum(toll.reasons.values()):,} refused for "
        f"{len(toll.reasons)} reasons, the slowest took {toll.slowest:.2f} s"
    )
    for reason, count in toll.reasons.most_common(8):
        print(f"  {count:>6,}  {reason} …")
    assert toll.taken and toll.reasons and toll.slowest < 10


def bench_traversal(tmp_path: Path) -> None:
    with Traversal(tmp_path) as attempts:
        asked, opened = attempts.of_routes(COUNT), attempts.of_openers(COUNT)
    print(f"\n{asked:,} addresses asked for and {opened:,} paths opened: not a byte from outside")
