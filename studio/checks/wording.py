"""What the checks are called on a page: a heading for each fixed word, in nobody's jargon, and the verdicts' names."""

from studio.checks.report import Report, Severity, Verdict

VERDICTS: dict[Verdict, str] = {"ready": "Ready", "attention": "Needs attention", "not-ready": "Not ready"}
SEVERITIES: dict[Severity, str] = {
    "critical": "must be mended",
    "attention": "worth a look",
    "note": "good to know",
}

TITLES = {
    "unreadable": "Files that do not open",
    "wrong-extension": "Files that are not what their name says",
    "odd-mode": "Unusual kinds of pictures",
    "rotated": "Pictures stored on their side",
    "too-small": "Very small pictures",
    "odd-size": "Pictures of an unusual size",
    "odd-aspect": "Unusually long or narrow pictures",
    "blurry": "Blurred pictures",
    "dark": "Pictures that are too dark",
    "bright": "Pictures that are too bright",
    "blank": "Pictures with nothing on them",
    "grayscale-mix": "Colour mixed with black and white",
    "exact-duplicate": "Exact copies",
    "near-duplicate": "Nearly the same picture twice",
    "conflicting-duplicate": "The same picture in two classes",
    "split-leak": "The same picture to learn from and to measure with",
    "imbalance": "Classes of very different size",
    "tiny-class": "Classes with too few pictures",
    "class-not-in-train": "Classes that are never learnt",
    "mislabelled": "Pictures that may be in the wrong class",
    "outlier": "Pictures unlike all others",
    "shortcut": "The class can be told from something else",
    "more-images": "Would more pictures help?",
    "hard-pair": "Classes that are hard to tell apart",
    "set-aside": "Files that are not used",
}


def title(check: str) -> str:
    """The heading of a check's findings; for a check that is not known here, its word."""
    return TITLES.get(check) or check.replace("-", " ").capitalize()


def why(report: Report) -> str:
    """The report's sentence, without the words that a heading above it says already."""
    rest = report.sentence.partition(": ")[2] if report.verdict == "not-ready" else ""
    return rest[:1].upper() + rest[1:] if rest else report.sentence
