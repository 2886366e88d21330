"""Checks of the files one by one: does each open, and is there enough of it to see something?"""

from collections import Counter
from collections.abc import Iterable
from posixpath import splitext

import numpy as np

from studio.checks.evidence import Evidence
from studio.checks.report import Finding, counted
from studio.checks.traits import FORMATS, MODES
from studio.data.dataset import BY_YOU

SMALL_SIDE = 32
_ENDINGS = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "PNG": (".png",),
    "WEBP": (".webp",),
    "GIF": (".gif",),
    "BMP": (".bmp",),
    "TIFF": (".tif", ".tiff"),
    "AVIF": (".avif",),
    "JPEG2000": (".jp2",),
    "PPM": (".ppm", ".pgm", ".pbm"),
}
_DEEP = ("I", "I;16", "F")
_USUAL = 1 / 3  # where more pictures than this are transparent or animated, the dataset is so
_RARE = 0.05  # what is odd is rare
_FAR, _SPREAD = 5.0, 1.4826  # robust standard deviations from the middle that are odd
_SIZES, _SHAPES = 2.0, 1.0  # octaves from the middle that are odd at the least: four times the size, twice as wide


def unreadable(evidence: Evidence) -> Iterable[Finding]:
    """Pictures that do not open, and files named like pictures that were set aside on the way in."""
    dataset, faults = evidence.dataset, evidence.faults
    reasons = {item.path: item.reason for item in dataset.set_aside if item.unreadable} | dict(faults)
    reasons = {path: why for path, why in reasons.items() if path not in evidence.kept("unreadable")}
    if not reasons:
        return
    meant = len(dataset.samples) + len(reasons) - len(faults)
    most = len(reasons) * 2 > meant
    told = _most_common(reasons.values())
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
    kept = evidence.kept("too-small")
    small = {
        sample.path: f"{width} × {height} pixels"
        for sample, width, height in zip(
            evidence.samples, evidence.traits["width"].tolist(), evidence.traits["height"].tolist(), strict=True
        )
        if min(width, height) < SMALL_SIDE and sample.path not in kept
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


def wrong_extension(evidence: Evidence) -> Iterable[Finding]:
    """Pictures of another format than their name says."""
    reasons, kept = {}, evidence.kept("wrong-extension")
    for sample, number in zip(evidence.samples, evidence.traits["format"].tolist(), strict=True):
        kind, ending = FORMATS[number], splitext(sample.path)[1].lower()
        if kind and ending not in _ENDINGS[kind] and sample.path not in kept:
            reasons[sample.path] = f"It is named {ending or 'without an ending'}, and is a {kind} file."
    if reasons:
        yield _note(
            "wrong-extension",
            f"{counted(len(reasons), 'picture is', 'pictures are')} of another format than the name says.",
            "The studio goes by what is inside, but other programs go by the name and may stumble.",
            "Rename these files if you use them elsewhere; training takes them as they are.",
            reasons,
        )


def odd_mode(evidence: Evidence) -> Iterable[Finding]:
    """Pictures made for print, with 16 bits a pixel, with more than one frame, or partly transparent."""
    traits, asked = evidence.traits, evidence.asked("odd-mode")
    kinds = {
        "made for print (CMYK)": traits["mode"] == MODES.index("CMYK"),
        "of more than 8 bits": np.isin(traits["mode"], [MODES.index(mode) for mode in _DEEP]),
        "animated": _unless_usual(traits["frames"] > 1),
        "partly transparent": _unless_usual(traits["alpha"]),
    }
    kinds = {kind: found & asked for kind, found in kinds.items()}
    told = {
        "made for print (CMYK)": "It is in printing inks, and its colours are converted roughly.",
        "of more than 8 bits": "It has more than 8 bits; its darkest becomes black and its brightest white.",
        "animated": "It has several frames; only the first is seen.",
        "partly transparent": "It is partly transparent, and is laid over white.",
    }
    reasons = {evidence.samples[row].path: told[kind] for kind in kinds for row in np.flatnonzero(kinds[kind]).tolist()}
    if reasons:
        names = ", ".join(f"{int(found.sum()):,} {kind}" for kind, found in kinds.items() if found.any())
        yield _note(
            "odd-mode",
            f"{counted(len(reasons), 'picture is', 'pictures are')} stored in an unusual way: {names}.",
            "Such pictures are converted, and may look different to the model than to you.",
            "Look at these pictures here: they are shown as the model sees them.",
            reasons,
        )


def rotated(evidence: Evidence) -> Iterable[Finding]:
    """Pictures that their file says to turn (EXIF orientation); most viewers do, many loaders do not."""
    rows = np.flatnonzero((evidence.traits["orientation"] > 1) & evidence.asked("rotated")).tolist()
    if len(rows):
        yield _note(
            "rotated",
            f"{counted(len(rows), 'picture lies', 'pictures lie')} on the side in the file, with a mark to turn it.",
            "Viewers turn such pictures and some programs forget to. The studio turns them everywhere.",
            "Nothing needs to be done here; keep it in mind when you use the files elsewhere.",
            {evidence.samples[row].path: "It is turned by its EXIF mark." for row in rows},
        )


def odd_size(evidence: Evidence) -> Iterable[Finding]:
    """Few pictures that are far smaller or larger than is usual in this dataset."""
    traits = evidence.traits
    sides = np.log2(np.maximum(np.minimum(traits["width"], traits["height"]), 1))
    yield from _odd(
        evidence,
        "odd-size",
        sides,
        _SIZES,
        "far smaller or larger than the others",
        "Such pictures often come from elsewhere: a thumbnail, an icon, a scan.",
    )


def odd_aspect(evidence: Evidence) -> Iterable[Finding]:
    """Few pictures of another shape than is usual in this dataset."""
    traits = evidence.traits
    shapes = np.log2(np.maximum(traits["width"], 1) / np.maximum(traits["height"], 1))
    yield from _odd(
        evidence,
        "odd-aspect",
        shapes,
        _SHAPES,
        "far wider or taller in shape than the others",
        "The model sees a square of each picture, and of a long one only the middle.",
    )


def _odd(evidence: Evidence, check: str, values: np.ndarray, least: float, what: str, why: str) -> Iterable[Finding]:
    """A note of the few pictures whose value, in octaves, is far from the usual one; the furthest first."""
    if not len(values):
        return
    middle = np.median(values)
    away = np.abs(values - middle)
    found = np.flatnonzero(away > max(least, _FAR * _SPREAD * float(np.median(away))))
    if len(found) > max(1, _RARE * len(values)):
        return
    found = found[evidence.asked(check)[found]]
    if not len(found):
        return
    found = found[np.argsort(-away[found], kind="stable")]
    traits = evidence.traits
    sizes = {
        evidence.samples[row].path: f"{traits['width'][row]} × {traits['height'][row]} pixels" for row in found.tolist()
    }
    yield _note(
        check,
        f"{counted(len(found), 'picture is', 'pictures are')} {what}.",
        why,
        "Look whether they belong here, and set aside those that do not.",
        sizes,
        tuple(sizes),
    )


def _unless_usual(found: np.ndarray) -> np.ndarray:
    return found if found.sum() <= _USUAL * len(found) else np.zeros_like(found)


def _note(
    check: str, sentence: str, why: str, remedy: str, reasons: dict[str, str], images: tuple[str, ...] | None = None
) -> Finding:
    named = tuple(sorted(reasons)) if images is None else images
    return Finding(check, "note", sentence, why, remedy, named, value=len(reasons), reasons=reasons)


def left_out(evidence: Evidence) -> Iterable[Finding]:
    """Files that were set aside for what or where they are, not because they are damaged."""
    items = (item for item in evidence.dataset.set_aside if not item.unreadable and item.reason != BY_YOU)
    others = {item.path: item.reason for item in items}
    if not others:
        return
    told = _most_common(others.values())
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


def _most_common(reasons: Iterable[str]) -> str:
    """Three reasons in the midst of a sentence, the most frequent first, with how often there is each."""
    told = []
    for reason, count in Counter(reasons).most_common(3):
        plain = reason.rstrip(".")
        plain = plain if plain[1:2].isupper() else plain[:1].lower() + plain[1:]  # HEIC stays as it is
        told.append(f"{count:,} times {plain}" if count > 1 else plain)
    return "; ".join(told)
