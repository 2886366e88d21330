"""A report of a moment ago, without what has been decided since: what is shown until the check has gone once more."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from studio.checks.kept import Kept
from studio.checks.report import Finding, Report
from studio.data.dataset import Dataset, Sample
from studio.data.decisions import Decision

_OF_LABELS = ("mislabelled", "hard-pair", "outlier", "conflicting-duplicate")  # what another class may settle


def current(known: Kept, dataset: Dataset, samples: Mapping[str, Sample]) -> Report:
    """The report that is kept, brought up to what has been decided since it was made."""
    if known.fingerprint == dataset.fingerprint:
        return known.report
    return without(known.report, [one for one in dataset.decided if one.at >= known.at], dataset, samples)


def without(report: Report, decided: Sequence[Decision], dataset: Dataset, samples: Mapping[str, Sample]) -> Report:
    """`report` without the pictures in `decided`; findings that have none left are gone.

    `samples` are those of the dataset as it is now, by their paths.
    """
    left = [_without(finding, decided, samples) for finding in report.findings] if decided else report.findings
    findings = tuple(finding for finding in left if finding is not None)
    return replace(report, findings=findings, images=len(dataset.samples), classes=dataset.counts())


def _without(finding: Finding, decided: Sequence[Decision], samples: Mapping[str, Sample]) -> Finding | None:
    out = {one.path for one in decided if _settles(one, finding.check)}
    if not out.intersection(finding.images) and not any(out.intersection(group) for group in finding.groups):
        return finding
    groups = tuple(
        rest
        for rest in (tuple(path for path in group if path not in out) for group in finding.groups)
        if _is_still_one(finding.check, rest, samples)
    )
    images = tuple(path for group in groups for path in group) if finding.groups else finding.images
    images = tuple(path for path in dict.fromkeys(images) if path not in out)
    return replace(finding, images=images, groups=groups) if images else None


def _settles(one: Decision, check: str) -> bool:
    if one.action == "keep":
        return one.check == check
    return one.action == "set-aside" or check in _OF_LABELS


def _is_still_one(check: str, group: Sequence[str], samples: Mapping[str, Sample]) -> bool:
    """Whether these copies are still worth telling of: at least two, in two classes, or on two sides of a split."""
    there = [samples[path] for path in group if path in samples]
    if check == "conflicting-duplicate":
        return len({sample.label for sample in there}) > 1
    if check == "split-leak":
        return len({sample.split for sample in there}) > 1
    return len(there) > 1
