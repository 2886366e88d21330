"""Oracles: cleanlab and cleanvision, which the checks are measured against and never depend on."""

from pathlib import Path

from tests.bench.environment import interpreter


def oracles_python() -> Path:
    """The Python that the oracles run with."""
    wanted = Path(__file__).with_name("requirements.txt").read_text(encoding="utf-8")
    return interpreter("bench-labels", "THAW_BENCH_LABELS_ENV", wanted)
