"""What else the features tell: hard pairs, odd ones out, whether more would help, a map; and what is left unsaid."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from studio.checks import walk
from studio.checks.enough import more_images
from studio.checks.enough import unsaid as why_no_curve
from studio.checks.evidence import Embedded
from studio.checks.outliers import outliers
from studio.checks.pairs import hard_pairs
from studio.checks.points import points
from studio.checks.recognising import can_recognise, recognised
from studio.checks.report import Report
from studio.checks.unsaid import unsaid
from studio.data.intake import read_folder
from studio.workspace import Workspace
from tests.checks.made import clouds, evidence


def test_classes_that_look_alike_are_named_with_their_pictures() -> None:
    features, labels = clouds((100, 200, 100), apart=6)
    labels = np.where(labels == 2, 3, labels)
    labels[np.flatnonzero(labels == 1)[::2]] = 2  # the same cloud under two names
    (finding,) = hard_pairs(evidence(labels, features))
    assert "'b' and 'c'" in finding.sentence and finding.value is not None and 0.35 < finding.value <= 0.5
    assert {labels[int(path[:-4])] for path in finding.images} == {1, 2}
    assert all(told.label in "bc" for told in finding.suggestions.values())


@pytest.mark.parametrize("counts", [(200, 200), (30,) * 30, (300, 12)])
def test_classes_that_can_be_told_are_no_hard_pair(counts: tuple[int, ...]) -> None:
    features, labels = clouds(counts, apart=6)
    assert list(hard_pairs(evidence(labels, features))) == []


def test_what_looks_like_nothing_else_is_found() -> None:
    features, labels = clouds((300, 300), apart=4)
    features[[7, 99]] = np.random.default_rng(1).standard_normal((2, features.shape[1])) * 30
    (finding,) = outliers(evidence(labels, features))
    assert set(finding.images[:2]) == {"7.jpg", "99.jpg"} and len(finding.images) <= 3 and finding.severity == "note"


@pytest.mark.parametrize("counts", [(300, 300), (600, 20), (25,) * 8])
def test_usual_pictures_are_not_odd(counts: tuple[int, ...]) -> None:
    features, labels = clouds(counts, apart=4)
    assert sum(len(finding.images) for finding in outliers(evidence(labels, features))) <= 1


def test_more_pictures_help_where_accuracy_still_grows() -> None:
    features, labels = clouds((120,) * 10, apart=3.2)
    (finding,) = more_images(evidence(labels, features))
    assert finding.severity == "note" and finding.value is not None and 0.005 < finding.value < 0.08
    more, theirs = clouds((240,) * 10, apart=3.2)
    before, after = evidence(labels, features).probe, evidence(theirs, more).probe
    assert before and after and abs(after.accuracy - before.accuracy - finding.value) < 0.03


def test_more_pictures_do_not_help_where_all_is_told() -> None:
    features, labels = clouds((300, 300), apart=8)
    (finding,) = more_images(evidence(labels, features))
    assert "less than one point" in finding.sentence and finding.value == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize("counts", [(30, 30), (20,) * 12])
def test_too_few_pictures_tell_no_curve_and_it_is_said(counts: tuple[int, ...]) -> None:
    features, labels = clouds(counts, apart=2)
    looked = evidence(labels, features)
    assert list(more_images(looked)) == [] and why_no_curve(looked).startswith("Whether more pictures would help")


def test_the_map_is_the_same_each_time_and_keeps_classes_together(tmp_path: Path) -> None:
    features, labels = clouds((80, 80), apart=8)
    looked = evidence(labels, features)
    found = points(looked, tmp_path)
    assert found.shape == (160, 2) and found.dtype == np.float32 and np.abs(found).max() <= 1
    (file,) = (tmp_path / "map").iterdir()
    assert (points(looked, tmp_path) == found).all() and (points(looked) == found).all()
    middles = np.array([found[labels == label].mean(axis=0) for label in (0, 1)])
    nearest = np.linalg.norm(found[:, None] - middles, axis=2).argmin(axis=1)
    assert (nearest == labels).mean() > 0.95
    file.write_bytes(b"damaged")
    assert (points(looked, tmp_path) == found).all()


def test_pictures_beyond_those_laid_out_lie_among_their_like(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("studio.checks.points._LAID_OUT", 100)
    features, labels = clouds((200, 200), apart=8)
    found = points(evidence(labels, features))
    middles = np.array([np.median(found[labels == label], axis=0) for label in (0, 1)])
    assert (np.linalg.norm(found[:, None] - middles, axis=2).argmin(axis=1) == labels).mean() > 0.95


def test_few_pictures_are_not_recognised_and_it_is_said() -> None:
    labels = np.repeat([0, 1], [30, 9])
    assert not can_recognise(evidence(labels)) and "40 pictures" in unsaid(evidence(labels))[0]
    labels = np.repeat([0, 1], [30, 10])
    assert can_recognise(evidence(labels)) and unsaid(evidence(labels)) == ()


def test_what_was_recognised_before_is_kept(
    pictures: Callable[..., Path], workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = pictures(each=24, side=32)
    reports = [told for told in walk(read_folder(root), workspace) if isinstance(told, Report)]
    assert reports[-1].complete
    dataset = read_folder(root)
    looked = evidence(np.repeat([0, 1], 24))
    known = Embedded(np.arange(0, 48, 2), np.full((24, 1280), 7, np.float32), np.zeros(24, bool))
    looked = replace(looked, dataset=dataset, samples=dataset.samples, features=known)
    monkeypatch.setattr("studio.model.frozen.Frozen.__call__", lambda *_: pytest.fail("It looked again."))
    told, work = [], recognised(looked, workspace.cache)
    while True:
        try:
            told.append(next(work))
        except StopIteration as end:
            features = end.value.features
            break
    assert told[-1] == 24 and features.rows.tolist() == list(range(48))
    assert (features.matrix[::2] == 7).all() and not (features.matrix[1::2] == 7).all(axis=1).any()
