"""Checks of how pictures look: blurred, too dark, too bright, empty, or grey among coloured ones.

A picture is named where it fails by itself and stands out in its dataset: night pictures are not all too dark, line
drawings on white not all too bright, enlarged icons not all blurred.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from studio.checks.evidence import Evidence
from studio.checks.report import Finding, Severity, counted
from studio.checks.traits import LUMINANCE, SIDE, of_each_channel

_FLOOD = 1 / 3  # where more pictures than this are so, the dataset is so
_SPREAD = 1.4826  # median absolute deviations in a standard deviation of a normal distribution
_FAR = 2.5  # standard deviations from the dataset's middle that stand out
_FAR_BELOW = 3.0  # the same for sharpness, on a logarithmic scale
_BLURRED = 0.28  # sharpness of a picture blurred by a little more than 1 % of its side, where that side is `SIDE`
_DARK, _OUTDONE = 82, 3  # the 99th percentile of luminance; how many times darker than usual is dark however varied
_BRIGHT, _WASHED, _FADED = 205, 160, 200  # the mean; the 1st percentile; the same of what is drawn on white
_GLARING, _CLIPPED = 165, 0.18  # a mean that is too bright where so many pixels lost their colour
_WHITE, _HALF = 0.03, 248  # clipped pixels without which a bright picture is one on white; the median of an overexposed
_GREY = 1.5  # colourfulness
_EVEN, _ALMOST_EVEN, _PART = 0.5, 1.5, 0.06  # deviation over the tile; of its mean
_FRAME = 12.0  # deviation along the outermost edge that a frame of one colour may have
_EDGE = 8  # an eighth of each side may be a frame
_PART_OF_ALL = 256  # tiles that are computed with at once: so many stay in a processor's cache
_LEANING, _SURE = 0.2, 4.0  # a difference in shares between classes, and in standard errors


@dataclass(frozen=True, eq=False)
class Seen:
    """What is to be seen in n pictures: bool (n,) each, and the mean luminance of their insides, 0 to 255, (n,)."""

    blank: np.ndarray
    dark: np.ndarray
    bright: np.ndarray
    mean: np.ndarray

    @classmethod
    def of(cls, traits: np.ndarray) -> "Seen":
        deviation, mean = _inside(traits)
        blank = _blank(traits, deviation, mean)
        return cls(blank, _dark(traits, blank), _bright(traits, blank, mean), mean)

    @property
    def lost(self) -> np.ndarray:
        """Pictures whose light tells little or nothing, bool (n,)."""
        return self.blank | self.dark | self.bright


def blank(evidence: Evidence) -> Iterable[Finding]:
    """Pictures of one colour, whatever frame is around them. `value` is how many."""
    yield from _named(
        evidence,
        "blank",
        evidence.seen.blank,
        evidence.traits["deviation"],
        lambda count: f"{counted(count, 'picture shows', 'pictures show')} nothing but one colour.",
        why="There is nothing in them to learn from, yet they carry a label.",
        remedy="Set them aside.",
    )


def dark(evidence: Evidence) -> Iterable[Finding]:
    """Pictures with nothing bright in them, in a dataset that is not dark. `value` is how many."""
    top = evidence.traits["light"][:, 4]
    yield from _named(
        evidence,
        "dark",
        evidence.seen.dark,
        top,
        lambda count: f"{counted(count, 'picture is', 'pictures are')} too dark to see much.",
        why="Detail that was lost in the dark cannot be learned, and such pictures pull the others down.",
        remedy="Look whether you can tell what they show; set aside those where you cannot.",
        reason=lambda row: f"Its brightest parts reach {top[row] / 255:.0%} of white.",
    )


def bright(evidence: Evidence) -> Iterable[Finding]:
    """Overexposed or washed-out pictures, in a dataset that is not bright. `value` is how many."""
    mean = evidence.seen.mean
    yield from _named(
        evidence,
        "bright",
        evidence.seen.bright,
        -mean,
        lambda count: f"{counted(count, 'picture is', 'pictures are')} too bright to see much.",
        why="Detail that was lost in the light cannot be learned.",
        remedy="Look whether you can tell what they show; set aside those where you cannot.",
        reason=lambda row: f"On average it is {mean[row] / 255:.0%} of white.",
    )


def blurry(evidence: Evidence) -> Iterable[Finding]:
    """Pictures without a sharp edge, in a dataset that has some. `value` is how many."""
    sharpness = evidence.traits["sharpness"]
    blurred, usual = _blurred(evidence)
    yield from _named(
        evidence,
        "blurry",
        blurred,
        sharpness,
        lambda count: f"{counted(count, 'picture is', 'pictures are')} blurred.",
        why="What tells classes apart is often fine, and blurred away first.",
        remedy="Look whether you can tell what they show; set aside those where you cannot.",
        reason=lambda row: f"Its edges are {sharpness[row] / usual:.0%} as steep as is usual here.",
    )


def grayscale_mix(evidence: Evidence) -> Iterable[Finding]:
    """Grey pictures among coloured ones, or the other way round. `value` is how many are of the rarer kind."""
    told = ~evidence.seen.lost
    grey = evidence.traits["colourfulness"] < _GREY
    rarer_is_grey = bool((grey & told).sum() * 2 <= told.sum())
    rare = told & (grey if rarer_is_grey else ~grey) & evidence.asked("grayscale-mix")
    if not rare.any():
        return
    labels = evidence.labels()
    leaning = _leaning(rare[told], labels[told])
    kind, rest = ("grey", "coloured") if rarer_is_grey else ("coloured", "grey")
    sentence = f"{counted(int(rare.sum()), 'picture is', 'pictures are')} {kind} among {rest} ones"
    if leaning is not None:
        share = rare[labels == leaning].mean()
        sentence += f", and they are {share:.0%} of the class {evidence.dataset.classes[leaning]!r}"
    yield Finding(
        "grayscale-mix",
        "note" if leaning is None else "attention",
        f"{sentence}.",
        why="A model may learn colour in place of the subject, most easily where colour goes with a class.",
        remedy="Make all of them grey, or see to it that both kinds occur alike in every class.",
        images=_paths(evidence, np.flatnonzero(rare)),
        value=int(rare.sum()),
    )


def unclear(evidence: Evidence) -> np.ndarray:
    """Pictures in which little or nothing can be seen, bool (n,): empty, too dark, too bright, or blurred."""
    return evidence.seen.lost | _blurred(evidence)[0]


def _blurred(evidence: Evidence) -> tuple[np.ndarray, float]:
    """Pictures without a sharp edge, bool (n,), and how sharp one usually is here."""
    sharpness, seen = evidence.traits["sharpness"], ~evidence.seen.lost
    if not seen.any():
        return np.zeros_like(seen), 1.0
    scale = np.log(np.maximum(sharpness, 0.01))
    low, middle = np.percentile(scale[seen], (10, 50))  # below the middle they may spread wider than above
    stands_out = scale < middle - _FAR_BELOW * max((middle - low) / 1.28, 0.12)
    side = np.minimum(np.minimum(evidence.traits["width"], evidence.traits["height"]), SIDE)
    soft = _BLURRED * np.sqrt(SIDE / np.maximum(side, 1))  # a blur of so much of a small side is fewer pixels wide
    return _few(seen & (sharpness < soft) & stands_out), float(np.exp(middle))


def _leaning(rare: np.ndarray, labels: np.ndarray) -> int | None:
    """The class in which what is rare is surely more frequent than in the others, if there is one."""
    for label in sorted(set(labels.tolist()), key=lambda label: -rare[labels == label].mean()):
        own, others = rare[labels == label], rare[labels != label]
        if not len(others):
            return None
        difference, share = own.mean() - others.mean(), rare.mean()
        error = np.sqrt(share * (1 - share) * (1 / len(own) + 1 / len(others)))
        return label if difference > _LEANING and difference > _SURE * error else None
    return None


def _blank(traits: np.ndarray, deviation: np.ndarray, mean: np.ndarray) -> np.ndarray:
    even = (deviation < _EVEN) | (deviation < np.minimum(_ALMOST_EVEN, _PART * mean))
    tiles = traits["tile"][even]
    ends = np.concatenate([tiles[:, (0, -1)], tiles[:, :, (0, -1)].swapaxes(1, 2)], axis=2).astype(np.float32)
    even[even] = ends.std(axis=(1, 2)).max(axis=1) < _FRAME
    return even


def _inside(traits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of every tile without its frame: the largest deviation of a channel, and the mean luminance, 0 to 255."""
    tiles, deviations, means = traits["tile"], [np.zeros(0)], [np.zeros(0)]
    edge = tiles.shape[1] // _EDGE
    for at in range(0, len(tiles), _PART_OF_ALL):
        part = tiles[at : at + _PART_OF_ALL, edge:-edge, edge:-edge].astype(np.float32)
        count, inside = part.shape[1] * part.shape[2], part.reshape(len(part), -1)
        mean = inside @ of_each_channel(count) / count
        part -= mean[:, None, None]
        deviations.append(np.sqrt((inside**2 @ of_each_channel(count)).max(axis=1) / count))
        means.append(mean @ LUMINANCE)
    return np.concatenate(deviations), np.concatenate(means)


def _dark(traits: np.ndarray, blank: np.ndarray) -> np.ndarray:
    top = traits["light"][:, 4]
    return _few(~blank & (top < _DARK) & (_far_below(top) | (top < _usual(top)[0] / _OUTDONE)))


def _bright(traits: np.ndarray, blank: np.ndarray, mean: np.ndarray) -> np.ndarray:
    least, low, half, _, _ = traits["light"].T
    clipped, far = traits["clipped"], _far_below(-mean)
    faded = (least > _FADED) & (least < 255) & _far_below(-least)
    washed = (mean > _GLARING) & (faded | ((least > _WASHED) & far))
    white = (mean > _BRIGHT) & (half > _HALF) & ((clipped > _WHITE) | (low > 60))
    return _few(~blank & (washed | (far & (white | (mean > _GLARING) & (clipped > _CLIPPED)))))


def _far_below(values: np.ndarray) -> np.ndarray:
    middle, spread = _usual(values)
    return values < middle - _FAR * max(spread, 4.0)


def _usual(values: np.ndarray) -> tuple[float, float]:
    """Median and spread as a standard deviation, neither moved by a few that are far off."""
    if not len(values):
        return 0.0, 0.0
    middle = float(np.median(values))
    return middle, _SPREAD * float(np.median(np.abs(values - middle)))


def _few(found: np.ndarray) -> np.ndarray:
    return found if found.sum() <= _FLOOD * len(found) else np.zeros_like(found)


def _named(
    evidence: Evidence,
    check: str,
    found: np.ndarray,
    order: np.ndarray,
    sentence: Callable[[int], str],
    why: str,
    remedy: str,
    reason: Callable[[int], str] | None = None,
    severity: Severity = "attention",
) -> Iterable[Finding]:
    """One finding that names these pictures, those with the lowest `order` first."""
    rows = np.flatnonzero(_few(found) & evidence.asked(check))
    if not len(rows):
        return
    rows = rows[np.argsort(order[rows], kind="stable")]
    paths = _paths(evidence, rows)
    reasons = dict(zip(paths, map(reason, rows.tolist()), strict=True)) if reason else {}
    yield Finding(check, severity, sentence(len(rows)), why, remedy, paths, value=len(rows), reasons=reasons)


def _paths(evidence: Evidence, rows: np.ndarray | Sequence[int]) -> tuple[str, ...]:
    return tuple(evidence.samples[row].path for row in rows)
