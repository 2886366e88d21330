"""Checks of the files one by one: does each open, and is there enough of it to see something?"""

from collections import Counter
from collections.abc import Iterable

from studio.checks.evidence import Evidence
from studio.checks.report import Finding, counted

SMALL_SIDE = 32


def unreadable(evidence: Evidence) -> Iterable[Finding]:
    """Pictures that do not open, and files named like pictures that were set aside on the way in."""
    dataset, faults = evidence.dataset, evidence.faults
    reasons = {item.path: item.reason for item in dataset.set_aside if item.unreadable} | dict(faults)
    if not reasons:
        return
    meant = len(dataset.samples) + len(reasons) - len(faults)
    most = len(reasons) * 2 > meant
    told = "; ".join(
        f"{count:,} × {reason.rstrip('.')}" if count > 1 else reason.rstrip(".")
        for reason, count in Counter(reasons.values()).most_common(3)
    )
    yield Finding(
        "unreadable",
        "critical" if most else "attention",
        f"{counted(len(reasons), 'picture')} of {meant:,} cannot be opened ({told}).",
        why="A picture that does not open teaches nothing, and often means that copying or downloading was cut short.",
        remedy="Copy these files again from where they came, or delete them; training leaves them out.",
        images=tuple(sorted(reasons)),
        value=len(reasons),
        reasons=dict(sorted(reasons.items())),
    )


def too_small(evidence: Evidence) -> Iterable[Finding]:
    """Pictures whose short side has too few pixels to show much."""
    small = {
        sample.path: f"{width} × {height} pixels"
        for sample, width, height in zip(
            evidence.samples, evidence.traits["width"].tolist(), evidence.traits["height"].tolist(), strict=True
        )
        if min(width, height) < SMALL_SIDE
    }
    if not small:
        return
    yield Finding(
        "too-small",
        "attention" if len(small) * 10 > len(evidence.samples) else "note",
        f"{counted(len(small), 'picture is', 'pictures are')} smaller than {SMALL_SIDE} pixels on a side.",
        why="Enlarged to what the model sees, there is little in such a picture to tell classes apart.",
        remedy="Use the originals if these are thumbnails; else keep an eye on these pictures in the results.",
        images=tuple(sorted(small)),
        value=len(small),
        reasons=small,
    )


def left_out(evidence: Evidence) -> Iterable[Finding]:
    """Files that were set aside for what or where they are, not because they are damaged."""
    others = {item.path: item.reason for item in evidence.dataset.set_aside if not item.unreadable}
    if not others:
        return
    told = "; ".join(f"{count:,} × {reason.rstrip('.')}" for reason, count in Counter(others.values()).most_common(3))
    yield Finding(
        "set-aside",
        "note",
        f"{counted(len(others), 'file or folder is', 'files or folders are')} not used ({told}).",
        why="Only pictures that lie in a class folder, or in the table, are learned from.",
        remedy="Nothing needs to be done, unless one of them was meant to be used.",
        images=tuple(sorted(others)),
        value=len(others),
        reasons=others,
    )
