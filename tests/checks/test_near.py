"""Pictures that show the same are found whatever was done to the file, and others are not, however alike."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageEnhance, ImageOps

from studio.checks.alignment import unexplained
from studio.checks.copies import conflicting_duplicates, exact_duplicates, near_copies, near_duplicates, split_leaks
from studio.checks.near import groups, near_pairs
from studio.checks.report import Finding
from tests.checks.drawn import digits, drawings, evidence_of, icons, scene, scenes

Draw = Callable[[Path], Path]
Edit = Callable[[Image.Image], Image.Image]
EDITS: dict[str, Edit] = {
    "saved again": lambda image: image,
    "resized": lambda image: image.resize((round(0.7 * image.width), round(0.7 * image.height))),
    "cropped": lambda image: image.crop((round(0.04 * image.width), 0, image.width, round(0.97 * image.height))),
    "brightened": lambda image: ImageEnhance.Brightness(image).enhance(1.15),
}


def found(root: Path) -> dict[str, Finding]:
    evidence = evidence_of(root)
    families = (exact_duplicates, near_duplicates, conflicting_duplicates, split_leaks)
    return {one.check: one for family in families for one in family(evidence)}


def edited(file: Path, change: Edit, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    with Image.open(file) as image:
        change(image.convert("RGB")).save(to, quality=60)


@pytest.mark.parametrize("what", EDITS)
def test_a_copy_is_found_whatever_was_done_to_it(what: str, tmp_path: Path) -> None:
    root = scenes(tmp_path / "scenes")
    edited(root / "kind-0" / "0004.jpg", EDITS[what], root / "kind-0" / "copy.jpg")
    told = found(root)
    assert set(told) == {"near-duplicate"}
    assert told["near-duplicate"].groups == (("kind-0/0004.jpg", "kind-0/copy.jpg"),)


@pytest.mark.parametrize("change", [ImageOps.mirror, ImageOps.flip, ImageOps.invert], ids=lambda one: one.__name__)
def test_what_shows_something_else_is_no_copy(change: Edit, tmp_path: Path) -> None:
    root = scenes(tmp_path / "scenes")
    edited(root / "kind-0" / "0004.jpg", change, root / "kind-0" / "copy.jpg")
    assert found(root) == {}


def test_an_exact_copy_is_no_near_copy(tmp_path: Path) -> None:
    root = scenes(tmp_path / "scenes")
    shutil.copy(root / "kind-0" / "0004.jpg", root / "kind-0" / "same.jpg")
    assert set(found(root)) == {"exact-duplicate"}
    edited(root / "kind-0" / "0004.jpg", EDITS["resized"], root / "kind-0" / "small.jpg")
    told = found(root)
    assert told["exact-duplicate"].groups == (("kind-0/0004.jpg", "kind-0/same.jpg"),)
    assert told["near-duplicate"].groups == (("kind-0/0004.jpg", "kind-0/small.jpg"),)


def test_a_near_copy_in_another_class_is_a_conflict(tmp_path: Path) -> None:
    root = scenes(tmp_path / "scenes")
    edited(root / "kind-0" / "0004.jpg", EDITS["cropped"], root / "kind-1" / "copy.jpg")
    told = found(root)
    assert set(told) == {"conflicting-duplicate"} and told["conflicting-duplicate"].severity == "attention"
    assert told["conflicting-duplicate"].groups == (("kind-0/0004.jpg", "kind-1/copy.jpg"),)


def test_exact_and_near_copies_of_a_picture_are_one_conflict(tmp_path: Path) -> None:
    root = scenes(tmp_path / "scenes")
    shutil.copy(root / "kind-0" / "0004.jpg", root / "kind-1" / "same.jpg")
    edited(root / "kind-0" / "0004.jpg", EDITS["resized"], root / "kind-0" / "small.jpg")
    told = found(root)["conflicting-duplicate"]
    assert told.value == 1 and told.groups == (("kind-0/0004.jpg", "kind-0/small.jpg", "kind-1/same.jpg"),)


def test_a_near_copy_on_the_other_side_of_the_split_is_a_leak(tmp_path: Path) -> None:
    for side, shift in (("train", 0), ("val", 100)):
        for number in range(30):
            file = tmp_path / side / f"kind-{number % 2}" / f"{number:02d}.jpg"
            file.parent.mkdir(parents=True, exist_ok=True)
            scene(number + shift).save(file)
    edited(tmp_path / "train" / "kind-0" / "04.jpg", EDITS["brightened"], tmp_path / "val" / "kind-0" / "copy.jpg")
    told = found(tmp_path)
    assert told["split-leak"].groups == (("train/kind-0/04.jpg", "val/kind-0/copy.jpg"),)
    assert told["split-leak"].value == 1 and told["split-leak"].severity == "attention"


@pytest.mark.parametrize(("make", "most"), [(digits, 0.01), (drawings, 0.0), (icons, 0.05)])
def test_pictures_that_are_merely_alike_do_not_flood(make: Draw, most: float, tmp_path: Path) -> None:
    evidence = evidence_of(make(tmp_path / "made"))
    named = {sample.path for group in near_copies(evidence) for sample in group.all}
    assert len(named) <= most * len(evidence.samples)


@pytest.mark.parametrize("make", [drawings, icons])
def test_copies_of_drawings_are_found_though_a_crop_moves_their_lines(make: Draw, tmp_path: Path) -> None:
    root = make(tmp_path / "made")
    copied = {file: file.with_stem(f"{file.stem}-copy") for file in sorted(root.rglob("*.png"))[::6]}
    for number, (file, copy) in enumerate(copied.items()):
        edited(file, list(EDITS.values())[1 + number % 3], copy)
    together = [{sample.path for sample in group.all} for group in near_copies(evidence_of(root))]
    pairs = [{str(one.relative_to(root)) for one in pair} for pair in copied.items()]
    assert sum(any(pair <= group for group in together) for pair in pairs) >= 0.9 * len(pairs)


def test_blank_pictures_are_nobodys_copies(tmp_path: Path) -> None:
    root = scenes(tmp_path / "scenes")
    for number in range(8):
        Image.new("RGB", (80 + number, 80), (30 * number, 90, 90)).save(root / "kind-0" / f"blank-{number}.png")
    assert found(root) == {}


def test_a_dataset_that_was_multiplied_is_found_out(tmp_path: Path) -> None:
    root = scenes(tmp_path / "scenes", count=40)
    for file in sorted(root.rglob("*.jpg")):
        for number, change in enumerate(EDITS.values()):
            edited(file, change, file.with_stem(f"{file.stem}-{number}"))
    told = found(root)
    assert len(told["near-duplicate"].groups) == 40 and told["near-duplicate"].value == 160
    assert "multiplied" in told["near-duplicate"].why


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_few_pictures_are_compared_too(count: int, tmp_path: Path) -> None:
    traits = evidence_of(scenes(tmp_path / "scenes", count=4)).traits
    assert len(near_pairs(traits[:count])) == 0
    assert near_pairs(traits[[0, 1, 0]][:count]).tolist() == ([[0, 2]] if count == 3 else [])


@settings(deadline=None, max_examples=30)
@given(
    st.integers(0, 1000),
    st.floats(0, 0.05),
    st.floats(0, 0.05),
    st.floats(0.8, 1.1),
)
def test_a_crop_explains_a_picture_and_another_does_not(number: int, left: float, upper: float, light: float) -> None:
    whole = scene(number, 240)
    part = whole.crop((round(240 * left), round(240 * upper), 240, 240))
    tiles = [np.asarray(one.resize((24, 24), Image.Resampling.BOX)) for one in (whole, part, scene(number + 1, 240))]
    dimmed = np.clip(tiles[1] * light, 0, 255).astype(np.uint8)
    same, other = unexplained(np.stack([tiles[0], tiles[0]]), np.stack([dimmed, tiles[2]]))
    assert same < 0.3 < 0.6 < other


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=40))
def test_groups_are_what_pairs_join(pairs: list[tuple[int, int]]) -> None:
    found = groups(31, pairs)
    place = {one: number for number, group in enumerate(found) for one in group}
    assert sum(map(len, found)) == len(place)
    assert all(place[first] == place[second] for first, second in pairs)
