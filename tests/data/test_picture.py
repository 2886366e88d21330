"""`open_picture` is the one way to open a picture: every format and mode becomes upright RGB, or a plain reason."""

import io
import random
import struct
import time
import tracemalloc
import warnings
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from studio.data import modes, picture, timed
from studio.data.picture import examine, header, open_picture, thumbnail
from studio.errors import PictureError

CORNERS = np.zeros((4, 6, 3), np.uint8)  # four colours in the corners tell every turn and mirror apart
CORNERS[:2, :3], CORNERS[:2, 3:], CORNERS[2:, :3], CORNERS[2:, 3:] = (250, 0, 0), (0, 250, 0), (0, 0, 250), (250,) * 3
BACK = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def saved(image: Image.Image, format: str, **options: object) -> bytes:
    target = io.BytesIO()
    image.save(target, format, **options)  # type: ignore[arg-type]
    return target.getvalue()


def noise(side: int = 64) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8))


@pytest.mark.parametrize("format", ["PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", BACK)
def test_every_exif_orientation_comes_out_upright(orientation: int, format: str) -> None:
    turn = BACK[orientation]
    stored = Image.fromarray(CORNERS)
    stored = stored if turn is None else stored.transpose(turn)
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = saved(stored, format, exif=exif, **({"lossless": True} if format == "WEBP" else {}))
    np.testing.assert_array_equal(open_picture(data), CORNERS)
    assert (header(data).width, header(data).height) == (6, 4)


def test_a_phone_photo_on_its_side_is_upright_also_when_opened_smaller() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = open_picture(saved(Image.new("RGB", (640, 320)), "JPEG", exif=exif), at_least=100)
    assert picture.shape == (320, 160, 3)


@pytest.mark.parametrize("depth", [65535, 4095, 700])
def test_sixteen_bits_are_scaled_by_their_real_range(depth: int) -> None:
    values = np.linspace(0, depth, 256).round().astype(np.uint16).reshape(16, 16)
    for format in ("PNG", "TIFF"):
        picture = open_picture(saved(Image.fromarray(values), format))
        assert picture.dtype == np.uint8
        np.testing.assert_allclose(picture[..., 0].ravel(), np.arange(256), atol=1)


def test_whole_numbers_of_32_bits_and_fractions_are_scaled_too() -> None:
    ramp = np.linspace(-5, 100_000, 256).reshape(16, 16)
    for values in (ramp.astype(np.int32), ramp.astype(np.float32)):
        picture = open_picture(saved(Image.fromarray(values), "TIFF"))
        np.testing.assert_allclose(picture[..., 1].ravel(), np.arange(256), atol=1)


def test_an_even_grey_of_16_bits_stays_a_grey_and_no_number_becomes_black() -> None:
    assert open_picture(saved(Image.fromarray(np.full((4, 4), 32768, np.uint16)), "PNG"))[0, 0, 0] == 128
    odd = np.array([[np.nan, 0.0], [np.inf, 1.0]], np.float32)
    assert open_picture(saved(Image.fromarray(odd), "TIFF"))[..., 0].tolist() == [[0, 0], [0, 255]]


def test_what_is_transparent_lies_over_white() -> None:
    clear = Image.new("RGBA", (2, 1), (10, 20, 30, 0))
    clear.putpixel((1, 0), (10, 20, 30, 255))
    expected = [[[255, 255, 255], [10, 20, 30]]]
    assert open_picture(saved(clear, "PNG")).tolist() == expected
    assert open_picture(saved(clear, "WEBP", lossless=True)).tolist() == expected
    grey = Image.new("LA", (1, 1), (0, 128))
    assert abs(int(open_picture(saved(grey, "PNG"))[0, 0, 0]) - 127) <= 1
    palette = Image.new("P", (1, 1), 0)
    palette.putpalette([9, 9, 9])
    for hidden in (0, b"\0"):
        assert open_picture(saved(palette, "PNG", transparency=hidden)).tolist() == [[[255, 255, 255]]]


@pytest.mark.parametrize(
    ("mode", "format"),
    [
        ("1", "PNG"),
        ("L", "JPEG"),
        ("P", "GIF"),
        ("CMYK", "JPEG"),
        ("CMYK", "TIFF"),
        ("YCbCr", "JPEG"),
        ("RGB", "BMP"),
        ("RGB", "AVIF"),
        ("L", "JPEG2000"),
        ("RGB", "PPM"),
        ("1", "PPM"),
        ("RGB", "MPO"),
    ],
)
def test_every_mode_and_format_becomes_rgb(mode: str, format: str) -> None:
    white_then_black = Image.new("L", (16, 8), 255)
    white_then_black.paste(0, (8, 0, 16, 8))
    picture = open_picture(saved(white_then_black.convert("RGB").convert(mode), format))
    assert picture.shape == (8, 16, 3) and picture.dtype == np.uint8
    assert picture[4, 2].min() > 235 and picture[4, 13].max() < 20


@pytest.mark.parametrize("format", ["GIF", "WEBP", "PNG"])
def test_of_an_animation_the_first_frame_is_seen(format: str) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    data = saved(frames[0], format, save_all=True, append_images=frames[1:], lossless=True)
    np.testing.assert_allclose(open_picture(data)[0, 0], (255, 0, 0), atol=2)


def test_a_large_jpeg_comes_smaller_but_never_too_small() -> None:
    data = saved(Image.new("RGB", (1600, 1200)), "JPEG")
    assert open_picture(data, at_least=300).shape == (300, 400, 3)
    assert open_picture(data, at_least=301).shape == (600, 800, 3)
    assert open_picture(data, at_least=5000).shape == (1200, 1600, 3)
    assert open_picture(data).shape == (1200, 1600, 3)


def bomb_gif(width: int, height: int) -> bytes:
    return (
        b"GIF89a"
        + struct.pack("<HH", width, height)
        + b"\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0"
        + struct.pack("<HH", width, height)
        + b"\0\x02\x02D\x01\0;"
    )


def png_claiming(width: int, height: int) -> bytes:
    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 9)) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    "data",
    [bomb_gif(65535, 65535), png_claiming(14_143, 14_143), png_claiming(30_001, 2), png_claiming(2**31 - 1, 2**31 - 1)],
)
def test_a_picture_that_would_fill_the_memory_is_refused_by_its_header(data: bytes) -> None:
    for way in (open_picture, header, examine):
        tracemalloc.start()
        with pytest.raises(PictureError, match="too large"):
            way(data)
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
        tracemalloc.stop()


def test_the_limit_itself_is_no_bomb() -> None:
    assert header(png_claiming(20_000, 10_000)).width == 20_000
    assert header(png_claiming(30_000, 6_000)).width == 30_000


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP"])
def test_a_file_that_was_cut_off_says_so(format: str, tmp_path: Path) -> None:
    data = saved(noise(), format)
    file = tmp_path / "half.jpg"
    file.write_bytes(data[: len(data) * 2 // 3])
    for way in (open_picture, examine):
        with pytest.raises(PictureError, match="cut off") as caught:
            way(file)
        assert caught.value.where == str(file)
    with pytest.raises(PictureError, match="cut off"):
        open_picture(file, at_least=8)


def test_each_fault_has_its_reason(tmp_path: Path) -> None:
    empty, page = tmp_path / "empty.jpg", tmp_path / "page.jpg"
    empty.touch()
    page.write_bytes(b"<html>not found</html>")
    for source, reason in (
        (empty, "empty"),
        (b"", "empty"),
        (page, "no picture"),
        (tmp_path, "folder"),
        (tmp_path / "gone.png", "no such file"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "no picture"),
    ):
        with pytest.raises(PictureError, match=reason):
            open_picture(source)


def test_pillow_never_warns_whatever_is_opened() -> None:
    palette = Image.new("P", (4, 4), 0)
    palette.putpalette([9, 9, 9])
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x05\x01\x12\0\x03\0\0\0\xff\0\x06"
    plain = saved(noise(), "JPEG")
    size = plain.index(b"\xff\xc0") + 5
    second = b"MPF\0MM\0*\0\0\0\x08\0\x01" + b"\xff" * 12 + bytes(4)  # a directory that ends in the middle
    pictures = [
        saved(palette, "PNG", transparency=b"\x80"),
        saved(noise(), "JPEG", exif=exif),
        plain[:2] + b"\xff\xe2" + struct.pack(">H", len(second) + 2) + second + plain[2:],
        png_claiming(19_000, 10_000),
    ]
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        for data in pictures[:3]:
            open_picture(data)
        header(pictures[3])
        with pytest.raises(PictureError, match="too large"):
            open_picture(plain[:size] + struct.pack(">HH", 17_000, 17_000) + plain[size + 4 :])
    assert [str(one.message) for one in told] == []


def test_whatever_the_damage_the_only_fault_is_a_picture_error() -> None:
    chance = random.Random(7)
    whole = [
        saved(noise(24).convert(mode), format)
        for format, mode in (
            ("JPEG", "RGB"),
            ("PNG", "RGBA"),
            ("GIF", "P"),
            ("TIFF", "RGB"),
            ("WEBP", "RGB"),
            ("BMP", "RGB"),
            ("AVIF", "RGB"),
            ("JPEG2000", "RGB"),
            ("PPM", "RGB"),
        )
    ]
    refused = 0
    for _ in range(900):
        data = bytearray(chance.choice(whole))
        for _ in range(chance.choice((1, 4, 16))):
            data[chance.randrange(min(len(data), chance.choice((40, 4000))))] = chance.randrange(256)
        try:
            assert open_picture(bytes(data)).shape[2] == 3
        except PictureError as error:
            refused += 1
            assert error.what.endswith(".")
    assert refused > 100


def test_a_thumbnail_fits_its_square_and_is_never_enlarged(tmp_path: Path) -> None:
    file = tmp_path / "wide.png"
    Image.new("RGB", (400, 100), "green").save(file)
    small = Image.open(io.BytesIO(thumbnail(file, 96)))
    assert (small.format, small.size) == ("WEBP", (96, 24))
    assert Image.open(io.BytesIO(thumbnail(file, 640))).size == (400, 100)


def test_the_header_is_read_without_decoding(tmp_path: Path) -> None:
    file = tmp_path / "half.png"
    whole = saved(noise(), "PNG")
    file.write_bytes(whole[:60])
    found = header(file)
    assert (found.width, found.height, found.format, found.mode) == (64, 64, "PNG", "RGB")


def many_passes(side: int, passes: int) -> bytes:
    """A small file that has a picture of `side` by `side` drawn over and over: one pass of a JPEG, copied."""
    whole = saved(Image.new("L", (side, side), 128), "JPEG", progressive=True)
    last = whole.rindex(b"\xff\xda")
    return whole[:last] + whole[last:-2] * passes + b"\xff\xd9"


@pytest.mark.parametrize("way", [open_picture, examine])
def test_a_picture_that_takes_too_long_is_given_up(way: Callable[..., object], monkeypatch: pytest.MonkeyPatch) -> None:
    data = many_passes(3000, 20_000)
    assert len(data) < 10_000_000
    monkeypatch.setattr(timed, "SECONDS", 0.5)
    began = time.thread_time()
    with pytest.raises(PictureError, match="takes longer than") as caught:
        way(data)
    assert time.thread_time() - began < 3 and caught.value.remedy


def test_the_time_is_that_of_the_thread_and_an_ordinary_picture_has_plenty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timed, "SECONDS", 1.0)
    reader = timed.reader(b"x" * 1000)
    time.sleep(1.1)  # a busy machine, in which this thread waits for its turn
    assert reader.read(500) == b"x" * 500
    monkeypatch.setattr(timed, "SECONDS", -1.0)
    with pytest.raises(PictureError, match="takes longer"):
        open_picture(saved(noise(), "JPEG", progressive=True))


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "I;16", "I", "F"])
def test_a_large_picture_is_turned_in_bands_to_the_same_pixels(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(3).integers(0, 255, (64, 40, 4), dtype=np.uint8)
    image = Image.fromarray(values)
    if mode in ("I;16", "I", "F"):
        kind = {"I;16": np.uint16, "I": np.int32, "F": np.float32}[mode]
        image = Image.fromarray(values[..., 0].astype(kind) * 200)
    elif mode == "P":
        image = image.convert("RGB").quantize(64)
        image.info["transparency"] = 5
    elif mode != "RGBA":
        image = image.convert(mode)
    at_once = np.asarray(modes.rgb(image))
    monkeypatch.setattr(modes, "_BAND_PIXELS", 200)
    np.testing.assert_array_equal(np.asarray(modes.rgb(image)), at_once)


def test_giants_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture, "GIANT_PIXELS", 10)
    under_way, most = [], []

    def watched(image: Image.Image) -> Image.Image:
        under_way.append(1)
        most.append(len(under_way))
        time.sleep(0.05)
        under_way.pop()
        return image

    monkeypatch.setattr(picture, "rgb", watched)
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(open_picture, [saved(noise(), "PNG")] * 4))
    assert max(most) == 1
