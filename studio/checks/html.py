"""A report as one HTML file that holds everything: to send to a colleague, to print, to keep. No script, no address."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from studio.checks.report import Finding, Report
from studio.checks.wording import SEVERITIES, VERDICTS, title, why
from studio.data.dataset import Dataset, Sample
from studio.data.decisions import Decision
from studio.data.picture import thumbnail
from studio.errors import PictureError
from studio.text import percent

MOST_PICTURES = 12  # of a finding
_MOST_FILES = 30  # named where there is nothing to see
_MOST_DECISIONS = 500
_SIDE = 144  # pixels of a small picture
_TEMPLATE = Path(__file__).with_name("report.html")
_ACTIONS = {"set-aside": "set aside", "move": "moved to", "keep": "kept as it is"}


@dataclass(frozen=True)
class Shown:
    """A picture of a finding: its address, which holds it (empty where it does not open), and what is said of it."""

    address: str
    name: str
    lines: tuple[str, ...]


def as_html(
    report: Report,
    dataset: Dataset,
    name: str,
    called: Mapping[str, str] | None = None,
    at: float | None = None,
) -> str:
    """The report on `dataset` under its decisions, with the name it goes by, as a page.

    `called` are names of uploaded files by their path, `at` when it was checked (seconds since 1970). Everything that
    a person named is escaped.
    """
    import jinja2

    page = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined)
    called, when = called or {}, datetime.fromtimestamp(at) if at else datetime.now()
    samples = {sample.path: sample for sample in dataset.samples}
    return page.from_string(_TEMPLATE.read_text(encoding="utf-8")).render(
        name=name,
        when=f"{when.day} {when:%B %Y, %H:%M}",
        report=report,
        verdict=VERDICTS[report.verdict],
        severities=SEVERITIES,
        why=why(report),
        title=title,
        classes=sorted(report.classes.items(), key=lambda pair: (-pair[1], pair[0])),
        findings=[(finding, *_pictures(finding, dataset, samples, called)) for finding in report.findings],
        decided=[_decided(one, called) for one in dataset.decided[:_MOST_DECISIONS]],
        more_decided=max(0, len(dataset.decided) - _MOST_DECISIONS),
    )


def _pictures(
    finding: Finding, dataset: Dataset, samples: Mapping[str, Sample], called: Mapping[str, str]
) -> tuple[list[Shown], list[tuple[str, str]], int]:
    """Its first pictures, the files that there is nothing to see of, each with why, and how many more there are."""
    paths = list(dict.fromkeys([*(path for group in finding.groups for path in group), *finding.images]))
    seen = [] if finding.check == "unreadable" else [path for path in paths if path in samples]
    unseen = [path for path in paths if path not in samples] if seen else paths
    shown = [_shown(finding, dataset, samples[path], called) for path in seen[:MOST_PICTURES]]
    files = [(called.get(path, path), finding.reasons.get(path, "")) for path in unseen[:_MOST_FILES]]
    return shown, files, len(paths) - len(shown) - len(files)


def _shown(finding: Finding, dataset: Dataset, sample: Sample, called: Mapping[str, str]) -> Shown:
    suggestion, reason = finding.suggestions.get(sample.path), finding.reasons.get(sample.path)
    lines = [f"in {sample.label}"]
    if suggestion:
        lines.append(f"looks like {suggestion.label}, {percent(suggestion.confidence, 0)} sure")
    elif reason:
        lines.append(reason)
    try:
        small = base64.b64encode(thumbnail(dataset.file(sample), _SIDE)).decode()
        address = f"data:image/webp;base64,{small}"
    except PictureError as error:
        address, lines = "", [*lines, error.what]
    return Shown(address, called.get(sample.path, sample.path), tuple(lines))


def _decided(one: Decision, called: Mapping[str, str]) -> Sequence[str]:
    return called.get(one.path, one.path), f"{_ACTIONS[one.action]} {one.label}".strip()
