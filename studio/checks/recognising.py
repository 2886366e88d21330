"""What pictures show, as the embedded backbone sees it: the ground for all that needs more than pixels."""

from collections.abc import Generator
from pathlib import Path

from studio.checks.evidence import Evidence


def can_recognise(evidence: Evidence) -> bool:
    """Whether there are enough pictures in enough classes for what rests on features to mean anything."""
    return False


def recognised(evidence: Evidence, cache: Path) -> Generator[int, None, Evidence]:
    """Show the pictures that have no features yet to the backbone. Yields how many are done; returns the evidence."""
    yield 0
    return evidence
