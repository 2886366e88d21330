"""What the files themselves tell: another format than the name says, unusual modes, marks to turn, odd sizes."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from studio.checks.files import odd_aspect, odd_mode, odd_size, rotated, wrong_extension
from studio.checks.report import Finding
from tests.checks.drawn import evidence_of, scene, scenes


def found(root: Path) -> dict[str, Finding]:
    evidence = evidence_of(root)
    families = (wrong_extension, odd_mode, rotated, odd_size, odd_aspect)
    told = {one.check: one for family in families for one in family(evidence)}
    assert all(one.severity == "note" and set(one.images) == set(one.reasons) for one in told.values())
    return told


def test_ordinary_files_get_no_note(tmp_path: Path) -> None:
    assert found(scenes(tmp_path / "scenes")) == {}


def test_a_name_that_says_another_format_is_noted(tmp_path: Path) -> None:
    root = scenes(tmp_path / "scenes")
    scene(100).save(root / "kind-0" / "really.jpg", "PNG")
    told = found(root)["wrong-extension"]
    assert told.images == ("kind-0/really.jpg",) and "PNG" in told.reasons["kind-0/really.jpg"]


def animated(file: Path) -> None:
    scene(1).save(file.with_suffix(".gif"), save_all=True, append_images=[scene(2)])


def transparent(file: Path) -> None:
    image = scene(1).convert("RGBA")
    image.putalpha(90)
    image.save(file.with_suffix(".png"))


def deep(file: Path) -> None:
    Image.fromarray((np.arange(6400, dtype=np.uint16) * 10).reshape(80, 80)).save(file.with_suffix(".png"))


def for_print(file: Path) -> None:
    scene(1).convert("CMYK").save(file.with_suffix(".jpg"))


@pytest.mark.parametrize(
    ("make", "words"),
    [(animated, "frames"), (transparent, "transparent"), (deep, "8 bits"), (for_print, "printing")],
)
def test_unusual_ways_to_store_a_picture_are_noted(make: Callable[[Path], None], words: str, tmp_path: Path) -> None:
    root = scenes(tmp_path / "scenes")
    make(root / "kind-0" / "odd")
    told = found(root)["odd-mode"]
    assert told.value == 1 and Path(told.images[0]).stem == "odd" and words in told.reasons[told.images[0]]


def test_where_all_are_transparent_that_is_not_odd(tmp_path: Path) -> None:
    for number in range(20):
        folder = tmp_path / f"kind-{number % 2}"
        folder.mkdir(exist_ok=True)
        transparent(folder / f"{number}")
    assert found(tmp_path) == {}


def test_an_opaque_alpha_channel_is_not_odd(tmp_path: Path) -> None:
    root = scenes(tmp_path / "scenes")
    scene(1).convert("RGBA").save(root / "kind-0" / "opaque.png")
    assert found(root) == {}


def test_marks_to_turn_are_noted(tmp_path: Path) -> None:
    root = scenes(tmp_path / "scenes")
    exif = Image.Exif()
    exif[0x0112] = 6
    scene(1).resize((90, 120)).save(root / "kind-0" / "turned.jpg", exif=exif)
    assert found(root)["rotated"].images == ("kind-0/turned.jpg",)
    traits = evidence_of(root)
    row = [sample.path for sample in traits.samples].index("kind-0/turned.jpg")
    assert traits.traits[["width", "height"]][row].item() == (120, 90)


def test_few_of_another_size_or_shape_are_noted_the_furthest_first(tmp_path: Path) -> None:
    root = scenes(tmp_path / "scenes")
    for name, size in (("large", (900, 900)), ("larger", (1200, 1200)), ("long", (400, 120))):
        scene(1).resize(size).save(root / "kind-0" / f"{name}.jpg")
    told = found(root)
    assert [Path(path).stem for path in told["odd-size"].images] == ["larger", "large"]
    assert told["odd-aspect"].reasons == {"kind-0/long.jpg": "400 × 120 pixels"}


def test_a_dataset_of_many_sizes_has_no_odd_ones(tmp_path: Path) -> None:
    chance = np.random.default_rng(0)
    for number in range(60):
        folder = tmp_path / f"kind-{number % 2}"
        folder.mkdir(exist_ok=True)
        scene(number).resize(tuple(chance.integers(40, 900, 2).tolist())).save(folder / f"{number}.jpg")
    assert "odd-size" not in found(tmp_path) and "odd-aspect" not in found(tmp_path)
