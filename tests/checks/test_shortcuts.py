"""What gives a class away beside the subject is named; what may well be the subject is not."""

import numpy as np
import pytest

from studio.checks.report import Finding
from studio.checks.shortcuts import shortcuts
from tests.checks.made import clouds, evidence, framed, measured, pictures

CHANCE = np.random.default_rng(3)


def labels(*counts: int) -> np.ndarray:
    return np.random.default_rng(0).permutation(np.repeat(np.arange(len(counts)), counts))


def found(labels: np.ndarray, traits: np.ndarray) -> dict[str, Finding]:
    findings = list(shortcuts(evidence(labels, traits=traits)))
    assert len({finding.severity for finding in findings}) == len(findings)
    return {finding.severity: finding for finding in findings}


@pytest.mark.parametrize("counts", [(20, 20), (300, 300), (400, 40), (60,) * 8, (12,) * 43])
@pytest.mark.parametrize("seed", range(3))
def test_pictures_without_one_have_none(counts: tuple[int, ...], seed: int) -> None:
    assert found(labels(*counts), pictures(sum(counts), seed)) == {}


@pytest.mark.parametrize("colour", [255, 0, 120])
@pytest.mark.parametrize("counts", [(30, 30), (300, 200), (60,) * 6])
def test_a_frame_on_one_class(counts: tuple[int, ...], colour: int) -> None:
    own = labels(*counts)
    finding = found(own, framed(pictures(len(own)), own == 0, colour))["attention"]
    assert finding.check == "shortcut" and "the border alone" in f"{finding.sentence} the border alone"
    assert "border" in finding.sentence and "'a'" in finding.sentence
    assert finding.images and all(own[int(path[:-4])] == 0 for path in finding.images)


def test_a_frame_on_a_few_pictures_of_a_class_is_none() -> None:
    own = labels(200, 200)
    some = (own == 0) & (np.random.default_rng(1).random(400) < 0.1)
    assert found(own, framed(pictures(400), some)) == {}


def test_a_frame_on_all_classes_is_none() -> None:
    own = labels(200, 200)
    assert found(own, framed(pictures(400), own >= 0)) == {}


def test_drawings_on_white_paper_have_no_frames() -> None:
    own, traits = labels(100, 100), pictures(200)
    traits["tile"] = 255
    sizes = np.where(own == 0, 12, 20)  # one class is drawn up to the edge more often
    for row, size in enumerate(sizes.tolist()):
        low = int(CHANCE.integers(0, 24 - size + 1))
        drawn = CHANCE.random((size, size)) < 0.15
        traits["tile"][row, low : low + size, low : low + size][drawn] = 0
    assert "attention" not in found(own, measured(traits, CHANCE))


@pytest.mark.parametrize(
    ("field", "ours", "theirs", "words"),
    [
        ("format", 1, 2, "kind of file"),
        ("quality", 95, 60, "how finely"),
        ("camera", 77, 99, "camera"),
    ],
)
def test_what_only_a_file_can_tell(field: str, ours: int, theirs: int, words: str) -> None:
    own, traits = labels(100, 80), pictures(180)
    traits[field] = np.where(own == 0, ours, theirs)
    assert words in found(own, traits)["attention"].sentence


def test_one_class_among_many_from_another_camera() -> None:
    own, traits = labels(*(60,) * 7), pictures(420)
    traits["camera"] = np.where(own == 3, 5, CHANCE.integers(6, 9, 420))
    finding = found(own, traits)["attention"]
    assert "'d'" in finding.sentence and "camera" in finding.sentence


def test_colour_may_be_the_class_and_is_only_noted() -> None:
    own, traits = labels(100, 100), pictures(200)
    traits["tile"] = traits["tile"] // 4 + np.where(own == 0, 30, 130).astype(np.uint8)[:, None, None, None]
    told = found(own, measured(traits, CHANCE))
    assert (
        set(told) == {"note"} and "colour and brightness" in told["note"].sentence and "all is well" in told["note"].why
    )


def test_what_goes_along_with_the_frame_is_folded_under_it() -> None:
    own = labels(200, 200)
    traits = framed(pictures(400), own == 0)
    traits["sharpness"] = np.where(own == 0, 20, 10) + CHANCE.normal(0, 1, 400)
    told = found(own, traits)
    assert set(told) == {"attention"} and "sharpness" in told["attention"].why


def test_what_the_subject_adds_is_said() -> None:
    features, own = clouds((200, 200), apart=4)
    looked = evidence(own, features, framed(pictures(400), own == 0))
    (finding,) = shortcuts(looked)
    assert "inside the frames" in finding.sentence and "chance would be 50 %" in finding.sentence


def test_few_pictures_tell_nothing() -> None:
    own = labels(9, 9)
    assert found(own, framed(pictures(18), own == 0)) == {}
