"""Blurred, dark, bright, blank and grey pictures are named where they stand out, and not where all are so."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageFilter

from studio.checks.looks import blank, blurry, bright, dark, grayscale_mix
from studio.checks.report import Finding
from tests.checks.drawn import digits, drawings, evidence_of, icons, scene, scenes

FAMILIES = (blank, dark, bright, blurry, grayscale_mix)
Edit = Callable[[Image.Image], Image.Image]


def found(root: Path) -> dict[str, Finding]:
    evidence = evidence_of(root)
    return {one.check: one for family in FAMILIES for one in family(evidence)}


def edit(root: Path, change: Edit, numbers: range) -> set[str]:
    """Change some of the pictures; their paths."""
    files = [sorted(root.rglob("*.*g"))[number] for number in numbers]
    for file in files:
        with Image.open(file) as image:
            changed = change(image.convert("RGB"))
        changed.save(file)
    return {file.relative_to(root).as_posix() for file in files}


EDITS: dict[str, Edit] = {
    "blurry": lambda image: image.filter(ImageFilter.GaussianBlur(0.04 * min(image.size))),
    "dark": lambda image: ImageEnhance.Brightness(image).enhance(0.15),
    "bright": lambda image: Image.blend(image, Image.new("RGB", image.size, "white"), 0.85),
    "blank": lambda image: Image.new("RGB", image.size, (90, 110, 140)),
    "grayscale-mix": lambda image: image.convert("L").convert("RGB"),
}


@pytest.mark.parametrize("check", EDITS)
def test_what_stands_out_is_named_and_nothing_else(check: str, tmp_path: Path) -> None:
    root = scenes(tmp_path / "scenes")
    assert found(root) == {}
    wanted = edit(root, EDITS[check], range(4, 40, 9))
    told = found(root)
    assert set(told) == {check} and set(told[check].images) == wanted and told[check].value == len(wanted)


@pytest.mark.parametrize("check", [name for name in EDITS if name != "blank"])
def test_a_dataset_that_is_all_so_is_not_flooded(check: str, tmp_path: Path) -> None:
    root = scenes(tmp_path / "scenes")
    edit(root, EDITS[check], range(60))
    assert found(root) == {}


@pytest.mark.parametrize("check", ["dark", "bright"])
def test_where_half_are_so_the_dataset_is_so(check: str, tmp_path: Path) -> None:
    root = scenes(tmp_path / "scenes")
    edit(root, EDITS[check], range(0, 60, 2))
    assert check not in found(root)


@pytest.mark.parametrize("make", [drawings, icons])
def test_drawings_and_icons_are_not_flooded(make: Callable[[Path], Path], tmp_path: Path) -> None:
    assert found(make(tmp_path / "made")) == {}


def test_a_drawing_that_faded_is_named_among_drawings_on_white(tmp_path: Path) -> None:
    root = drawings(tmp_path / "drawings")
    wanted = edit(root, EDITS["bright"], range(4, 40, 9))
    assert set(found(root)["bright"].images) == wanted


def test_small_pictures_are_blurred_by_fewer_pixels(tmp_path: Path) -> None:
    root = scenes(tmp_path / "scenes", side=32, ending="png")
    wanted = edit(root, EDITS["blurry"], range(4, 40, 9))
    assert set(found(root)["blurry"].images) == wanted


def test_what_is_nearly_black_is_dark_however_much_the_light_varies(tmp_path: Path) -> None:
    root = scenes(tmp_path / "scenes")
    for number, file in enumerate(sorted(root.rglob("*.jpg"))):
        with Image.open(file) as image:
            lit = ImageEnhance.Brightness(image).enhance(0.4 + 0.6 * (number % 5) / 4)
        lit.save(file)
    wanted = edit(root, lambda image: ImageEnhance.Brightness(image).enhance(0.1), range(4, 40, 9))
    assert set(found(root)["dark"].images) == wanted


def test_enlarged_digits_are_not_flooded(tmp_path: Path) -> None:
    told = found(digits(tmp_path / "digits"))
    assert set(told) <= {"blurry"} and all(len(one.images) < 10 for one in told.values())


def test_a_frame_hides_nothing(tmp_path: Path) -> None:
    root = scenes(tmp_path / "scenes")
    for check in ("blurry", "dark", "blank"):
        wanted = edit(root, lambda image, change=EDITS[check]: framed(change(image)), range(3, 12, 3))
        told = found(root)
        assert set(told) == {check} and set(told[check].images) == wanted
        scenes(root)


def framed(image: Image.Image) -> Image.Image:
    edge = round(0.08 * min(image.size))
    whole = Image.new("RGB", image.size, "white")
    whole.paste(image.crop((edge, edge, image.width - edge, image.height - edge)), (edge, edge))
    return whole


def test_the_worst_come_first_with_reasons(tmp_path: Path) -> None:
    root = scenes(tmp_path / "scenes")
    for number, share in enumerate((0.25, 0.05, 0.15)):
        edit(root, lambda image, share=share: ImageEnhance.Brightness(image).enhance(share), range(number, number + 1))
    told = found(root)["dark"]
    assert [Path(path).stem for path in told.images] == ["0002", "0004", "0000"]
    assert set(told.reasons) == set(told.images) and all(reason.endswith(".") for reason in told.reasons.values())


def test_grey_that_goes_with_a_class_asks_for_attention(tmp_path: Path) -> None:
    root = scenes(tmp_path / "scenes")
    edit(root, EDITS["grayscale-mix"], range(20))  # all of them in the first class
    told = found(root)["grayscale-mix"]
    assert told.severity == "attention" and "'kind-0'" in told.sentence and len(told.images) == 20
    scenes(root)
    edit(root, EDITS["grayscale-mix"], range(0, 60, 6))
    assert found(root)["grayscale-mix"].severity == "note"


def test_sharpness_means_the_same_at_any_size(tmp_path: Path) -> None:
    large = scene(1, 900)
    for number, side in enumerate((900, 450, 225)):
        path = tmp_path / f"kind-{number}" / f"{number}.png"
        path.parent.mkdir(exist_ok=True)
        large.resize((side, side), Image.Resampling.BOX).save(path)
    sharpness = evidence_of(tmp_path).traits["sharpness"]
    assert np.ptp(sharpness) < 0.25 * sharpness.mean()
