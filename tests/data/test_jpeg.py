"""A plain JPEG is opened at once, to what Pillow makes of it the long way; whatever is unusual goes that way."""

import random
import struct
from pathlib import Path

import pytest
from PIL import Image

from studio.data import jpeg
from studio.data.picture import MOST_PIXELS, open_image, survey
from studio.errors import PictureError
from tests.data.test_picture import noise, saved

SMOOTH = Image.linear_gradient("L").resize((301, 203)).rotate(20)


def found(data: bytes, most_pixels: int = MOST_PIXELS) -> jpeg.Plain | None:
    return jpeg.plain(data, most_pixels)


def is_at_once(data: bytes) -> bool:
    plain = found(data)
    return plain is not None and plain.at_once


def verdict(source: bytes | Path, at_least: int | None) -> object:
    """What comes of opening a picture: its facts, size and pixels, or why it does not open."""
    try:
        image = open_image(source, at_least)
        told, small = survey(source, at_least or 1)
    except PictureError as error:
        return error.what
    return image.size, image.tobytes(), told, small.size, small.tobytes()


@pytest.mark.parametrize("at_least", [None, 20, 90, 500])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"quality": 3},
        {"quality": 100, "subsampling": "4:4:4"},
        {"subsampling": "4:1:1", "optimize": True},
        {"restart_marker_rows": 1, "comment": "a word"},
    ],
)
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_it_is_opened_at_once_to_the_same_pixels_and_facts(
    mode: str, options: dict[str, object], at_least: int | None, tmp_path: Path
) -> None:
    data, file = saved(SMOOTH.convert(mode), "JPEG", **options), tmp_path / "the same.jpg"
    file.write_bytes(data)
    assert is_at_once(data) and verdict(data, at_least) == verdict(file, at_least)
    plain = found(data)
    assert plain is not None and (plain.width, plain.height, plain.mode) == (301, 203, mode)


def test_what_it_holds_beside_its_pixels_is_pillows_to_read() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    assert found(saved(SMOOTH, "JPEG", exif=exif)) is None
    assert found(saved(SMOOTH, "JPEG", icc_profile=b"a profile" * 20)) is None
    assert found(saved(SMOOTH, "PNG")) is None and found(b"") is None and found(b"\xff\xd8\xff") is None
    assert found(saved(SMOOTH, "JPEG"), most_pixels=100) is None


def test_more_than_one_pass_and_other_pixels_are_not_opened_at_once() -> None:
    plain = saved(SMOOTH.convert("RGB"), "JPEG")
    scan, frame = plain.index(b"\xff\xda"), plain.index(b"\xff\xc0")
    first_of_three = plain[: scan + 4] + b"\x01" + plain[scan + 5 :]
    twelve_bits = plain[: frame + 4] + b"\x0c" + plain[frame + 5 :]
    two_frames = plain[:scan] + plain[frame : frame + 19] + plain[scan:]
    flat = plain[: frame + 5] + bytes(2) + plain[frame + 7 :]
    large = plain[: frame + 5] + struct.pack(">HH", 2001, 2000) + plain[frame + 9 :]
    for data in (
        *(first_of_three, twelve_bits, two_frames, flat, large),
        saved(SMOOTH, "JPEG", progressive=True),
        saved(SMOOTH.convert("CMYK"), "JPEG"),
        saved(SMOOTH, "JPEG", qtables=[[300] * 64]),
    ):
        assert found(data) is not None and not is_at_once(data)
    assert is_at_once(plain)


def test_whatever_the_damage_the_verdict_is_pillows(tmp_path: Path) -> None:
    chance, file = random.Random(3), tmp_path / "damaged.jpg"
    whole = [saved(noise(40).convert(mode), "JPEG", comment="words") for mode in ("RGB", "L")]
    opened = refused = 0
    for _ in range(600):
        data = bytearray(chance.choice(whole))
        for _ in range(chance.choice((0, 1, 4, 16))):
            data[chance.randrange(min(len(data), chance.choice((200, 700, 4000))))] = chance.randrange(256)
        if chance.random() < 0.3:
            del data[chance.randrange(len(data)) :]
        file.write_bytes(data)
        told = verdict(bytes(data), 10)
        assert told == verdict(file, 10)
        opened, refused = opened + (not isinstance(told, str)), refused + isinstance(told, str)
    assert opened > 100 and refused > 100
