"""Held against photographs with known faults: what the checks of files, looks and copies find, and what they do not."""

import os
from collections.abc import Iterable
from pathlib import Path

import pytest

from studio.checks import Finding
from studio.checks.walk import AT_ONCE
from studio.data.dataset import Dataset
from tests.checks.drawn import evidence_of
from tests.checks.planted import Pair, Planted, plant

PHOTOGRAPHS = Path(
    os.environ.get("THAW_BENCH_PICTURES") or Path(__file__).resolve().parents[3] / "shared" / "data" / "cats-dogs"
)
pytestmark = pytest.mark.skipif(not PHOTOGRAPHS.is_dir(), reason="No photographs here.")
# Near copies in the photographs themselves, known by looking at them.
NATURAL = frozenset({("dog.180.jpg", "dog.74.jpg")})


def found(root: Path) -> dict[str, Finding]:
    evidence = evidence_of(root)
    return {one.check: one for family in AT_ONCE for one in family(evidence)}


def pairs(groups: Iterable[tuple[str, ...]]) -> set[Pair]:
    every = {(one, other) for group in groups for one in group for other in group if one < other}
    return {pair for pair in every if (Path(pair[0]).name, Path(pair[1]).name) not in NATURAL}


def in_order(truth: Iterable[Pair]) -> set[Pair]:
    return {(min(pair), max(pair)) for pair in truth}


def recall_and_precision(told: set[str] | set[Pair], truth: set[str] | set[Pair]) -> tuple[float, float]:
    both = len(set(told) & set(truth))
    return both / len(truth), both / max(1, len(told))


@pytest.fixture(scope="module", params=["frame first", "frame last", "split"])
def planted(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Planted:
    split = request.param == "split"
    target = tmp_path_factory.mktemp("planted") / "pictures"
    return plant(
        PHOTOGRAPHS, target, seed=3, split=split, frame=not split, frame_last=request.param == "frame last", most=400
    )


def test_planted_faults_are_found_and_little_else(planted: Planted) -> None:
    told = found(planted.root)
    assert recall_and_precision(set(told["unreadable"].images), planted.unreadable) == (1, 1)
    assert recall_and_precision(set(told["blank"].images), planted.blank) == (1, 1)
    assert recall_and_precision(pairs(told["exact-duplicate"].groups), in_order(planted.exact)) == (1, 1)
    recall, precision = recall_and_precision(pairs(told["near-duplicate"].groups), in_order(planted.near))
    assert recall >= 0.95 and precision >= 0.95
    for check, truth in (("dark", planted.dark), ("bright", planted.bright), ("blurry", planted.blurred)):
        recall, precision = recall_and_precision(set(told[check].images), truth)
        assert recall >= 0.95 and precision >= 0.8, check
    if planted.leaks:
        recall, precision = recall_and_precision(pairs(told["split-leak"].groups), in_order(planted.leaks))
        assert recall >= 0.95 and precision >= 0.95
        assert told["split-leak"].value == len(planted.leaks)


def test_photographs_as_they_are_get_nothing_grave() -> None:
    told = found(PHOTOGRAPHS)
    assert all(one.severity != "critical" for one in told.values())
    for check in ("blank", "dark", "bright", "blurry", "grayscale-mix", "near-duplicate"):
        assert check not in told or len(told[check].images) < 10


def test_what_was_planted_is_told_truly(planted: Planted) -> None:
    paths = {file.relative_to(planted.root).as_posix() for file in planted.root.rglob("*.jpg")}
    faults = (planted.wrong, planted.blurred, planted.dark, planted.bright, planted.blank, planted.unreadable)
    assert set().union(*faults) <= paths and sum(map(len, faults)) == len(set().union(*faults))
    assert {path for pair in planted.exact | planted.near for path in pair} <= paths
    assert planted.leaks <= planted.exact | planted.near
    for one, other in planted.exact:
        assert (planted.root / one).read_bytes() == (planted.root / other).read_bytes()
    assert isinstance(Dataset(planted.root, ()).copies, tuple)
