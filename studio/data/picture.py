"""The one way to open a picture: whatever a camera, a scanner or the web made becomes (height, width, 3) RGB."""

import io
import struct
import threading
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError
from PIL.JpegImagePlugin import JpegImageFile

from studio.data import facts, jpeg, timed
from studio.data.facts import Facts
from studio.data.modes import rgb, transparent
from studio.errors import PictureError

PICTURE_SUFFIXES = frozenset(
    {
        ".jpg",
        ".jpeg",
        ".jpe",
        ".jfif",
        ".png",
        ".webp",
        ".gif",
        ".bmp",
        ".tif",
        ".tiff",
        ".avif",
        ".jp2",
        ".ppm",
        ".pgm",
        ".pbm",
    }
)
# Formats that are parsed inside the process. Pillow knows others that start a program (EPS) or are no photographs.
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "JPEG2000", "PPM")
MOST_PIXELS = 200_000_000
LONGEST_SIDE = 30_000
GIANT_PIXELS = 40_000_000  # larger ones take turns, so that threads do not fill the memory together

# Pillow's own guard, set to ours: it warns above this and refuses above twice this, before `_refuse_giant` can look.
Image.MAX_IMAGE_PIXELS = MOST_PIXELS

# What Pillow raises for bytes that are not what they claim to be (found by opening damaged files by the thousand).
_DAMAGED = (OSError, SyntaxError, ValueError, EOFError, OverflowError, RuntimeError, struct.error, zlib.error)
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_quiet = threading.Lock()
_one_giant = threading.Lock()


@dataclass(frozen=True)
class PictureHeader:
    """What the header says: size in pixels as the picture is seen (EXIF orientation applied), format, Pillow's mode."""

    width: int
    height: int
    format: str
    mode: str


def open_picture(source: Path | bytes, at_least: int | None = None) -> np.ndarray:
    """`open_image` as (height, width, 3) uint8."""
    return np.array(open_image(source, at_least))


def open_image(source: Path | bytes, at_least: int | None = None) -> Image.Image:
    """The picture in RGB, the right way up; of an animation the first frame.

    With `at_least`, a large JPEG may come smaller, its short side still at least that many pixels: several times
    faster. 16-bit and floating-point greys are stretched from their own darkest to their own brightest value;
    what is transparent lies over white. Raises PictureError with the reason, before decoding if it is too large,
    and while decoding if that takes too long.
    """
    if (quick := _at_once(source, at_least)) is not None:
        return rgb(quick[1])
    with _opened(source) as image:
        if at_least:
            image.draft(None, (at_least, at_least))
        _load(image)
        turn = _TURNS.get(_orientation(image))  # after loading: a TIFF turns itself meanwhile
        upright = image.transpose(turn) if turn is not None else image
        return rgb(upright)


def header(source: Path | bytes) -> PictureHeader:
    """Size, format and mode without decoding. Raises PictureError."""
    with _opened(source) as image:
        return _header(image)


def examine(source: Path | bytes) -> PictureHeader:
    """Read the whole picture as fast as can be and throw it away: proves that it opens. Raises PictureError."""
    with _opened(source) as image:
        found = _header(image)
        image.draft(None, (1, 1))
        _load(image)
        return found


def survey(source: Path | bytes, at_least: int) -> tuple[Facts, Image.Image]:
    """What the file says, and the picture in RGB, the right way up, made smaller as far as is fast.

    Its short side is still at least `at_least` pixels, if it was before. The whole file is read, so that one that is
    cut off is found. Raises PictureError.
    """
    if (quick := _at_once(source, at_least)) is not None:
        plain, image = quick
        told = Facts(plain.width, plain.height, "JPEG", plain.mode, quality=facts.quality(plain.tables))
        return told, _reduced(rgb(image), at_least)
    with _opened(source) as image:
        (width, height), kind, mode = image.size, image.format or "", image.mode
        known = _told(image) if kind == "TIFF" else None  # a TIFF turns itself as it is loaded
        image.draft(None, (at_least, at_least))
        _load(image)
        orientation, camera, taken = known or _told(image)
        if orientation >= 5 and not known:  # Pillow has turned a TIFF's size already
            width, height = height, width
        quality = facts.quality(image.quantization) if isinstance(image, JpegImageFile) else 0
        see_through = transparent(image)
        found = Facts(width, height, kind, mode, orientation, _animated(image), see_through, quality, camera, taken)
        small = _reduced(rgb(image), at_least)
        turn = _TURNS.get(orientation) if not known else None
        return found, small.transpose(turn) if turn is not None else small


def thumbnail(path: Path | bytes, side: int) -> bytes:
    """A WebP that fits into `side` by `side` pixels, never enlarged. Raises PictureError."""
    small = open_image(path, at_least=side)
    small.thumbnail((side, side), Image.Resampling.BICUBIC)
    target = io.BytesIO()
    small.save(target, "WEBP", quality=80, method=1)
    return target.getvalue()


def _at_once(source: Path | bytes, at_least: int | None) -> tuple[jpeg.Plain, Image.Image] | None:
    """A plain JPEG and its pixels, drafted to `at_least`; None for all else, and where its damage is to be named."""
    if not isinstance(source, bytes):
        return None
    plain = jpeg.plain(source, MOST_PIXELS)
    if plain is None or not plain.at_once or max(plain.width, plain.height) > LONGEST_SIDE:
        return None
    image = jpeg.opened(source, plain, at_least)
    return (plain, image) if image is not None else None


def _reduced(image: Image.Image, at_least: int) -> Image.Image:
    """By whole factors, as far as its short side allows."""
    factor = min(image.size) // at_least
    return image.reduce(factor) if factor > 1 else image


@contextmanager
def _opened(source: Path | bytes) -> Iterator[Image.Image]:
    """The opened, not yet decoded picture; whatever goes wrong in the block becomes a PictureError."""
    where = None if isinstance(source, bytes) else source
    try:
        with timed.reader(source) as handle:
            if not handle.peek(1) if isinstance(handle, io.BufferedReader) else not source:
                raise PictureError("The file is empty.", where=where)
            with _read_header(handle, source) as image:
                _refuse_giant(image, where)
                with _one_giant if image.width * image.height > GIANT_PIXELS else nullcontext():
                    yield image
    except PictureError:
        raise
    except timed.TooSlow as error:
        raise PictureError(
            f"The picture takes longer than {timed.SECONDS:.0f} seconds to open.",
            "Save it again in a program that shows it, or leave it out.",
            where,
        ) from error
    except FileNotFoundError as error:
        raise PictureError("There is no such file.", where=where) from error
    except IsADirectoryError as error:
        raise PictureError("This is a folder, not a picture.", where=where) from error
    except PermissionError as error:
        raise PictureError("The file may not be read.", "Change its permissions.", where) from error
    except UnidentifiedImageError as error:
        raise PictureError("The file is no picture, or its beginning is damaged.", where=where) from error
    except Image.DecompressionBombError as error:
        raise _too_large(where) from error
    except MemoryError as error:
        raise PictureError("The picture does not fit into memory.", where=where) from error
    except _DAMAGED as error:
        raise PictureError(_plain_reason(error), where=where) from error


def _read_header(handle: IO[bytes], source: Path | bytes) -> Image.Image:
    """Open a picture without decoding it."""
    if isinstance(source, bytes) and jpeg.plain(source, MOST_PIXELS):  # nothing to warn of, so no turns
        return Image.open(handle, formats=FORMATS)
    with _quietly():
        return Image.open(handle, formats=FORMATS)


@contextmanager
def _quietly() -> Iterator[None]:
    """Everything in which Pillow may warn. The warning filters belong to the whole process, hence one at a time."""
    with _quiet, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _load(image: Image.Image) -> None:
    """Decode. A TIFF reads its tags meanwhile, where Pillow may warn; they are rare enough to take turns."""
    if image.format == "TIFF":
        with _quietly():
            image.load()
        return
    large = image.width * image.height > 4_000_000
    if isinstance(image, JpegImageFile) and (large or image.info.get("progressive")):
        image.decodermaxblock = timed.SMALL  # a dozen bytes can ask for another pass over the whole picture
    image.load()


def _header(image: Image.Image) -> PictureHeader:
    width, height = image.size
    # Pillow has turned a TIFF's size already, and would decode a PNG to look for EXIF data behind the pixels.
    known = image.format != "TIFF" and (image.format != "PNG" or "exif" in image.info)
    if known and _orientation(image) >= 5:
        width, height = height, width
    return PictureHeader(width, height, image.format or "", image.mode)


def _orientation(image: Image.Image) -> int:
    """EXIF orientation, 1 to 8; 1 too where the EXIF data are damaged: the picture itself can still be seen."""
    try:
        with _quietly():
            value = image.getexif().get(ExifTags.Base.Orientation, 1)
    except _DAMAGED:
        return 1
    return value if isinstance(value, int) and value in _TURNS else 1


def _told(image: Image.Image) -> tuple[int, str, int]:
    """EXIF orientation, camera and date; nothing where the data are damaged or not there."""
    if isinstance(image, JpegImageFile) and "exif" not in image.info and "xmp" not in image.info:
        return 1, "", 0
    try:
        with _quietly():
            exif = image.getexif()
            camera, taken = facts.camera(exif), facts.taken(exif)
    except facts.HOSTILE:
        camera, taken = "", 0
    return _orientation(image), camera, taken


def _animated(image: Image.Image) -> bool:
    """Whether there is a second frame. They are not counted: that would read files of any length to their end."""
    try:
        return bool(getattr(image, "is_animated", False))
    except _DAMAGED:
        return True  # there is one, and it is damaged


def _refuse_giant(image: Image.Image, where: Path | None) -> None:
    width, height = image.size
    if width * height > MOST_PIXELS or max(width, height) > LONGEST_SIDE:
        raise _too_large(where, f" ({width} × {height} pixels)")


def _too_large(where: Path | None, size: str = "") -> PictureError:
    return PictureError(
        f"The picture is too large{size}.",
        f"At most {MOST_PIXELS // 1_000_000} million pixels and "
        f"{LONGEST_SIDE:,} on a side are opened; make it smaller.",
        where,
    )


def _plain_reason(error: Exception) -> str:
    told = str(error).lower()
    if isinstance(error, EOFError) or "truncated" in told or "not enough" in told or "unexpected end" in told:
        return "The file is cut off."
    if "not supported" in told or "unsupported" in told or "unknown pixel mode" in told:
        return "The file uses a kind of picture that cannot be read here."
    if "could not create decoder" in told or "broken data stream" in told or "expected to read" in told:
        return "The file is cut off or damaged."  # WebP and JPEG 2000 do not tell the two apart
    return "The file is damaged."
