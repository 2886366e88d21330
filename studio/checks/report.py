"""What the checks say: Findings, and the Report that draws one verdict from them."""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Severity = Literal["note", "attention", "critical"]
Verdict = Literal["ready", "attention", "not-ready"]
SEVERITIES: tuple[Severity, ...] = ("critical", "attention", "note")


@dataclass(frozen=True)
class Suggestion:
    """The class that a picture looks like, and how sure that is: a probability, 0 to 1."""

    label: str
    confidence: float


@dataclass(frozen=True)
class Finding:
    """One thing a check found. `check` is a fixed word; `images` and `groups` hold paths in the dataset.

    `sentence` says what is, `why` why it matters, `remedy` what to do; `value` is the number the finding rests on.
    `reasons` tells, where they differ, why each image is named; `suggestions` which class an image looks like.
    `images` stand in the order in which a person should look at them, the clearest cases first.
    """

    check: str
    severity: Severity
    sentence: str
    why: str = ""
    remedy: str = ""
    images: tuple[str, ...] = ()
    groups: tuple[tuple[str, ...], ...] = ()
    value: float | None = None
    reasons: dict[str, str] = field(default_factory=dict)
    suggestions: dict[str, Suggestion] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """What `thaw check --json` prints of a finding."""
        return {
            "check": self.check,
            "severity": self.severity,
            "sentence": self.sentence,
            "images": list(self.images),
            "groups": [list(group) for group in self.groups],
            "value": self.value,
            "remedy": self.remedy,
            "suggestions": {path: asdict(suggestion) for path, suggestion in self.suggestions.items()},
        }


@dataclass(frozen=True)
class Report:
    """The findings, the gravest first; how many pictures there are in all, and in each class.

    `looked` is how many of them this rests on; while it is not `complete`, a fuller report follows. `left_out` says in
    sentences what was not looked for, and why.
    """

    findings: tuple[Finding, ...]
    images: int
    classes: dict[str, int]
    seconds: float
    looked: int = 0
    complete: bool = True
    left_out: tuple[str, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """`not-ready` with a critical finding, `attention` with one that asks for it, else `ready`."""
        found = {finding.severity for finding in self.findings}
        return "not-ready" if "critical" in found else "attention" if "attention" in found else "ready"

    @property
    def sentence(self) -> str:
        """Why the verdict is what it is, in one sentence."""
        gravest = [finding for finding in self.findings if finding.severity != "note"]
        if not gravest:
            return f"Nothing stands in the way of training on these {self.images:,} pictures."
        beginning = {"critical": "Not ready for training: ", "attention": "Good to train on, but look at this first: "}
        told = beginning[gravest[0].severity] + gravest[0].sentence[:1].lower() + gravest[0].sentence[1:]
        others = len(gravest) - 1
        return told if not others else f"{told.rstrip('.')} (and {counted(others, 'more finding')})."

    def as_dict(self) -> dict[str, Any]:
        """What `thaw check --json` prints."""
        return {
            "verdict": self.verdict,
            "images": self.images,
            "classes": self.classes,
            "seconds": round(self.seconds, 3),
            "findings": [finding.as_dict() for finding in self.findings],
            "looked": self.looked,
            "complete": self.complete,
            "left_out": list(self.left_out),
        }


def counted(count: int, noun: str, plural: str = "") -> str:
    """`3 pictures`, `1 picture`."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"
