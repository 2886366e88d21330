"""The checks find what would spoil a training, say why, and draw one verdict."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from studio.checks import Finding, Report
from studio.data import check
from studio.data.dataset import Dataset
from studio.data.intake import read_folder
from studio.workspace import Workspace
from tests.checks.conftest import scene

Pictures = Callable[..., Path]


def found(report: Report) -> dict[str, Finding]:
    assert len({(one.check, one.severity) for one in report.findings}) == len(report.findings)
    return {one.check: one for one in report.findings}


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: -len(file.read_bytes()) // 3])


def test_a_sound_dataset_is_ready(pictures: Pictures) -> None:
    report = check(read_folder(pictures(each=12)))
    assert report.verdict == "ready" and report.findings == ()
    assert report.images == 24 and report.classes == {"cat": 12, "dog": 12} and report.seconds > 0
    assert "24 pictures" in report.sentence


def test_pictures_that_do_not_open_are_named_with_their_reasons(pictures: Pictures) -> None:
    root = pictures(each=12)
    cut(root / "cat" / "cat-000.png")
    cut(root / "cat" / "cat-001.jpg")
    (root / "dog" / "page.jpg").write_text("<html>")
    (root / "dog" / "empty.png").touch()
    report = check(read_folder(root))
    finding = found(report)["unreadable"]
    assert report.verdict == "attention" and finding.severity == "attention" and finding.value == 4
    assert finding.images == ("cat/cat-000.png", "cat/cat-001.jpg", "dog/empty.png", "dog/page.jpg")
    assert finding.reasons["cat/cat-001.jpg"] == "The file is cut off." and "empty" in finding.reasons["dog/empty.png"]
    assert "4 pictures of 26" in finding.sentence and "cut off" in finding.sentence
    assert "set-aside" not in found(report)


def test_a_picture_that_went_away_meanwhile_is_unreadable_and_not_fatal(pictures: Pictures) -> None:
    root = pictures(each=12)
    dataset = read_folder(root)
    (root / "cat" / "cat-000.png").unlink()
    assert found(check(dataset))["unreadable"].reasons == {"cat/cat-000.png": "There is no such file."}


def test_most_pictures_unreadable_is_critical(pictures: Pictures) -> None:
    root = pictures(each=12)
    for file in sorted(root.rglob("*-0*.*"))[2:12] + sorted(root.rglob("dog/*"))[:5]:
        cut(file)
    report = check(read_folder(root))
    assert found(report)["unreadable"].severity == "critical" and report.verdict == "not-ready"


def test_copies_are_grouped(pictures: Pictures) -> None:
    root = pictures(each=12)
    for name in ("copy.png", "again.png"):
        shutil.copy(root / "cat" / "cat-000.png", root / "cat" / name)
    shutil.copy(root / "dog" / "dog-001.jpg", root / "dog" / "copy.jpg")
    report = check(read_folder(root))
    finding = found(report)["exact-duplicate"]
    assert finding.groups == (("cat/again.png", "cat/cat-000.png", "cat/copy.png"), ("dog/copy.jpg", "dog/dog-001.jpg"))
    assert finding.value == 3 and len(finding.images) == 5 and report.verdict == "attention"
    assert "conflicting-duplicate" not in found(report)


def test_one_picture_in_two_classes_is_critical(pictures: Pictures) -> None:
    root = pictures(each=12)
    shutil.copy(root / "cat" / "cat-000.png", root / "dog" / "stray.png")
    report = check(read_folder(root))
    finding = found(report)["conflicting-duplicate"]
    assert finding.groups == (("cat/cat-000.png", "dog/stray.png"),) and finding.value == 1
    assert report.verdict == "not-ready" and "exact-duplicate" not in found(report)
    assert report.sentence.startswith("Not ready for training: 1 picture lies in more than one class")


@pytest.mark.parametrize(("leaks", "severity"), [(1, "attention"), (6, "critical")])
def test_a_picture_on_both_sides_of_the_split_is_a_leak(pictures: Pictures, leaks: int, severity: str) -> None:
    root = pictures(each=12, split=("train", "val"))
    for file in sorted((root / "train" / "cat").iterdir())[:leaks]:
        shutil.copy(file, root / "val" / "cat")
    finding = found(check(read_folder(root)))["split-leak"]
    assert (finding.value, finding.severity, len(finding.groups)) == (leaks, severity, leaks)
    assert {Path(path).parts[0] for path in finding.images} == {"train", "val"}


def test_copies_within_a_side_are_no_leak(pictures: Pictures) -> None:
    root = pictures(each=12, split=("train", "val"))
    for side in ("train", "val"):
        shutil.copy(root / side / "cat" / f"cat-{side}000.png", root / side / "cat" / "copy.png")
    assert set(found(check(read_folder(root)))) == {"exact-duplicate"}


@pytest.mark.parametrize(("large", "severity"), [(25, None), (30, "note"), (100, "attention")])
def test_uneven_classes(pictures: Pictures, large: int, severity: str | None) -> None:
    root = pictures(each=10, side=32)
    for number in range(10, large):
        Image.fromarray(scene(1, number, 32)).save(root / "dog" / f"{number}.png")
    finding = found(check(read_folder(root))).get("imbalance")
    assert (finding.severity if finding else None) == severity
    if finding:
        assert finding.value == large / 10 and "'dog'" in finding.sentence and "'cat'" in finding.sentence


@pytest.mark.parametrize(("each", "severity"), [(2, "attention"), (9, "attention"), (10, None), (1, "critical")])
def test_classes_with_few_pictures(pictures: Pictures, each: int, severity: str | None) -> None:
    root = pictures(each=12)
    (root / "ant").mkdir()
    for number in range(each):
        Image.fromarray(scene(2, number, 48)).save(root / "ant" / f"{number}.png")
    report = check(read_folder(root))
    finding = found(report).get("tiny-class")
    assert (finding.severity if finding else None) == severity
    if finding:
        assert finding.value == each and "'ant'" in finding.sentence and len(finding.images) == each
    assert report.verdict == {"critical": "not-ready", "attention": "attention", None: "ready"}[severity]


def test_pictures_that_do_not_open_do_not_count_for_their_class(pictures: Pictures) -> None:
    root = pictures(each=12)
    for file in sorted((root / "cat").iterdir())[:11]:
        cut(file)
    report = check(read_folder(root))
    assert found(report)["tiny-class"].value == 1 and report.verdict == "not-ready"
    cut(sorted((root / "cat").iterdir())[11])
    assert "fewer than two classes" in found(check(read_folder(root)))["tiny-class"].sentence


def test_a_class_that_is_only_held_back_is_critical(pictures: Pictures) -> None:
    root = pictures(each=12, split=("train", "val"))
    shutil.move(root / "train" / "dog", root / "train" / "wolf")
    report = check(read_folder(root))
    assert found(report)["class-not-in-train"].severity == "critical" and report.verdict == "not-ready"
    assert "'dog'" in found(report)["class-not-in-train"].sentence


def test_small_pictures_are_noted(pictures: Pictures) -> None:
    root = pictures(each=12, side=32)
    Image.fromarray(scene(0, 99, 200)[:, :31]).save(root / "cat" / "narrow.png")
    report = check(read_folder(root))
    finding = found(report)["too-small"]
    assert finding.images == ("cat/narrow.png",) and "31" in finding.reasons["cat/narrow.png"]
    assert finding.severity == "note" and report.verdict == "ready"
    assert found(check(read_folder(pictures(each=12, side=16, name="tiny"))))["too-small"].severity == "attention"


def test_files_that_are_not_used_are_noted(pictures: Pictures) -> None:
    root = pictures(each=12)
    (root / "readme.txt").write_text("x")
    shutil.copy(root / "cat" / "cat-000.png", root / "cover.png")
    report = check(read_folder(root))
    assert found(report)["set-aside"].images == ("cover.png", "readme.txt") and report.verdict == "ready"


def test_the_report_is_one_json_document_of_the_promised_shape(pictures: Pictures) -> None:
    root = pictures(each=4)
    shutil.copy(root / "cat" / "cat-000.png", root / "cat" / "copy.png")
    report = check(read_folder(root))
    told = json.loads(json.dumps(report.as_dict(), allow_nan=False))
    assert list(told)[:5] == ["verdict", "images", "classes", "seconds", "findings"]
    assert told["looked"] == told["images"] and told["complete"] is True
    assert told["classes"] == {"cat": 5, "dog": 4} and told["findings"]
    for finding in told["findings"]:
        assert list(finding)[:7] == ["check", "severity", "sentence", "images", "groups", "value", "remedy"]
        assert all(not Path(path).is_absolute() for path in finding["images"])


def test_every_finding_is_a_sentence_with_why_and_remedy(pictures: Pictures) -> None:
    root = pictures(each=5, side=16, split=("train", "val"))
    shutil.copy(root / "train" / "cat" / "cat-train000.png", root / "val" / "cat" / "copy.png")
    shutil.copy(root / "train" / "cat" / "cat-train002.png", root / "val" / "dog" / "copy.png")
    cut(root / "train" / "dog" / "dog-train001.jpg")
    report = check(read_folder(root))
    assert len(report.findings) >= 5
    for one in report.findings:
        assert all(text.endswith(".") and text[0] == text[0].upper() for text in (one.sentence, one.why, one.remedy))
    gravity = [("critical", "attention", "note").index(one.severity) for one in report.findings]
    assert gravity == sorted(gravity)
    assert report.sentence.count(". ") == 0 and "more finding" in report.sentence


def test_a_dataset_of_nothing_is_not_ready(tmp_path: Path) -> None:
    assert check(Dataset(tmp_path, ())).verdict == "not-ready"


def test_progress_counts_up_to_all_pictures(pictures: Pictures) -> None:
    told: list[tuple[int, int]] = []
    check(read_folder(pictures(each=30)), on_progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (60, 60) and told == sorted(told)


def test_a_second_check_of_the_same_pictures_is_there_at_once(pictures: Pictures, workspace: Workspace) -> None:
    root, told = pictures(each=12), list[tuple[int, int]]()
    first = check(read_folder(root), workspace=workspace)
    dataset = read_folder(root)
    again = check(dataset, lambda *now: told.append(now), workspace)
    assert again == first and told == []
    cut(root / "cat" / "cat-001.jpg")
    assert found(check(dataset, workspace=workspace))["unreadable"].images == ("cat/cat-001.jpg",)
