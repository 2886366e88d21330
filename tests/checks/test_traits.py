"""One look tells what is needed of a picture, reads its file to the end, and is kept by content."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from studio.checks import opening
from studio.checks.traits import FORMATS, MODES, TRAIT, Looks, measured
from studio.data import facts
from studio.data.picture import survey
from studio.errors import PictureError
from tests.checks.drawn import evidence_of, scene, scenes


@pytest.mark.parametrize("quality", [5, 30, 60, 75, 90, 100])
def test_the_quality_of_a_jpeg_is_read_off_its_tables(quality: int, tmp_path: Path) -> None:
    scene(1).save(tmp_path / "one.jpg", quality=quality)
    assert abs(survey(tmp_path / "one.jpg", 90)[0].quality - quality) <= 1


def test_camera_and_date_are_read(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "Maker", "Model 1"
    exif.get_ifd(0x8769)[0x9003] = "2021:05:06 07:08:09"
    scene(1).save(tmp_path / "one.jpg", exif=exif)
    found, _ = survey(tmp_path / "one.jpg", 90)
    assert found.camera == "Maker Model 1"
    assert found.taken == datetime(2021, 5, 6, 7, 8, 9, tzinfo=UTC).timestamp()


@settings(deadline=None, max_examples=150)
@given(st.binary(max_size=300))
def test_hostile_exif_data_never_keep_a_picture_from_opening(data: bytes) -> None:
    import io

    target = io.BytesIO()
    scene(1, 32).save(target, "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0" + data)
    found, small = survey(target.getvalue(), 90)
    assert small.mode == "RGB" and isinstance(found.camera, str) and isinstance(found.taken, int)
    assert 1 <= found.orientation <= 8


@pytest.mark.parametrize("ending", ["jpg", "png", "webp"])
def test_a_file_that_is_cut_off_is_found_though_it_is_read_small(ending: str, tmp_path: Path) -> None:
    file = tmp_path / f"one.{ending}"
    scene(1, 900).save(file)
    file.write_bytes(file.read_bytes()[:-200])
    with pytest.raises(PictureError):
        survey(file, 90)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "F"])
@pytest.mark.parametrize("size", [(1, 1), (3, 200), (200, 3), (91, 700)])
def test_every_kind_and_size_can_be_measured(mode: str, size: tuple[int, int], tmp_path: Path) -> None:
    image = (
        scene(1).resize(size).convert("L").convert("I;16") if mode == "I;16" else scene(1).resize(size).convert(mode)
    )
    file = tmp_path / "one.tif"
    image.save(file)
    [row] = measured([(*survey(file, 90), file.stat().st_size)])
    assert (row["width"], row["height"]) == size and MODES[row["mode"]] == mode and FORMATS[row["format"]] == "TIFF"
    assert all(np.isfinite(row[name]).all() for name in TRAIT.names or ())


def test_a_picture_is_measured_alike_whatever_it_is_measured_with() -> None:
    sizes = [(200, 120), (120, 200), (91, 1400), (1400, 91), (32, 32), (7, 5), (3, 90), (160, 160)]
    looks = [(facts.Facts(*size, "PNG", "RGB"), scene(n).resize(size), 100 + n) for n, size in enumerate(sizes)]
    together = measured(looks)
    assert np.array_equal(together, np.concatenate([measured([look]) for look in looks]))
    assert np.array_equal(together[::-1], measured(looks[::-1]))
    assert len(measured([])) == 0


def test_edges_are_as_steep_in_a_picture_that_lies_as_in_one_that_stands() -> None:
    lying = scene(3).resize((260, 130))
    turned = lying.transpose(Image.Transpose.TRANSPOSE)
    told = facts.Facts(1, 1, "PNG", "RGB")
    one, other = measured([(told, lying, 1), (told, turned, 1)])
    assert one["sharpness"] == pytest.approx(other["sharpness"], rel=0.02)
    [blurred] = measured([(told, lying.filter(ImageFilter.GaussianBlur(4)), 1)])
    assert blurred["sharpness"] < 0.4 * one["sharpness"]


def test_a_second_look_opens_only_what_is_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root, looks = scenes(tmp_path / "scenes", count=40), []

    def counted(source: Path | bytes, at_least: int) -> object:
        looks.append(source)
        return survey(source, at_least)

    monkeypatch.setattr(opening, "survey", counted)
    first = evidence_of(root, tmp_path / "cache")
    assert len(looks) == 40
    assert np.array_equal(evidence_of(root, tmp_path / "cache").traits, first.traits) and len(looks) == 40
    (root / "kind-0" / "0000.jpg").rename(root / "kind-0" / "renamed.jpg")
    scene(99).save(root / "kind-0" / "new.jpg")
    assert len(evidence_of(root, tmp_path / "cache").samples) == 41 and len(looks) == 41


def test_tables_of_other_programs_have_a_quality_too() -> None:
    assert facts.quality({}) == 0 and facts.quality({0: [1] * 64}) == 100 and facts.quality({0: [255] * 64}) == 1


def test_long_strips_are_never_held_in_memory_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root, alone, together = scenes(tmp_path / "scenes", count=30), [], []
    for n in range(4):
        scene(n).resize((9000, 100)).save(root / "kind-0" / f"strip-{n}.png")

    def watched(looks: list[tuple[facts.Facts, Image.Image, int]]) -> np.ndarray:
        alone.append([image.width for _, image, _ in looks])
        return measured(looks)

    class Watched(Looks):
        def measured(self) -> np.ndarray:
            together.append(len(self))
            return super().measured()

    monkeypatch.setattr(opening, "measured", watched)
    monkeypatch.setattr(opening, "Looks", Watched)
    assert len(evidence_of(root, tmp_path / "cache").samples) == 34
    assert alone == [[9000]] * 4
    assert sum(together) == 30 and max(together) > 1
