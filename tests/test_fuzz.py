"""Whatever is thrown at intake is taken or refused with a reason, soon. `make bench` throws as many as one likes."""

from pathlib import Path

import pytest

from tests import fuzz

COUNT = {"pictures": 400, "recipes": 400}


@pytest.mark.parametrize("kind", fuzz.ALL)
def test_what_is_damaged_is_taken_or_refused_with_a_reason(kind: str, tmp_path: Path) -> None:
    toll = fuzz.ALL[kind](COUNT.get(kind, 200), tmp_path)
    assert toll.taken and toll.reasons and toll.slowest < 10
