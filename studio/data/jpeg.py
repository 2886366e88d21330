"""JPEGs as most of them are, opened without a detour: Pillow's decoder is handed the bytes as they lie.

Pillow reads a header in some thirty small steps of Python, for which threads wait in line; of a photograph of 500 by
375 pixels that was a tenth of the time. Here the segments are walked instead (ITU T.81, annex B). Whatever is unusual
or damaged is left to Pillow, which says of each fault what it is.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass

from PIL import Image

_BASELINE, _FRAMES = (0xC0, 0xC1), frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_TABLES, _SCAN, _TOLD = 0xDB, 0xDA, (0xE1, 0xE2)  # quantization; the pixels; EXIF and XMP, more pictures and profiles
_SEGMENTS = frozenset((*range(0xC0, 0xD0), *range(0xDA, 0xF0), 0xFE))  # those that say how long they are
_MODES = {1: "L", 3: "RGB"}
_LARGE = 4_000_000  # pixels; of larger ones the header is next to nothing, and the time they take is watched
_SCALES = (8, 4, 2, 1)  # by which the decoder divides each side on its way


@dataclass(frozen=True)
class Plain:
    """A JPEG without EXIF, a profile or a second picture, by its segments: Pillow finds nothing in it to warn of.

    Size in pixels, Pillow's mode, and the quantization tables by their number. `at_once`: its pixels come in a single
    pass of 8 bits, so that how long they take is bound by their number.
    """

    width: int
    height: int
    mode: str
    tables: Mapping[int, bytes]
    at_once: bool


def plain(data: bytes, most_pixels: int) -> Plain | None:
    """What the segments say; None where that is more than a plain JPEG's, of more pixels, or no JPEG's at all."""
    if data[:2] != b"\xff\xd8":
        return None
    at, usual, height, width, channels = 2, True, 0, 0, 0
    tables: dict[int, bytes] = {}
    try:
        while True:
            mark, kind, length = struct.unpack_from(">BBH", data, at)
            if mark != 0xFF or kind not in _SEGMENTS or kind in _TOLD:
                return None
            if kind == _SCAN:
                one_pass = usual and channels in _MODES and data[at + 4] == channels and width * height <= _LARGE
                return Plain(width, height, _MODES.get(channels, ""), tables, one_pass)
            if kind in _FRAMES:
                usual &= kind in _BASELINE and not channels
                bits, height, width, channels = struct.unpack_from(">BHHB", data, at + 4)
                usual &= bits == 8 and width * height > 0
                if width * height > most_pixels:
                    return None
            elif kind == _TABLES:
                usual &= _read(data[at + 4 : at + 2 + length], tables)
            at += 2 + length
    except (struct.error, IndexError):
        return None


def _read(segment: bytes, tables: dict[int, bytes]) -> bool:
    """Take the quantization tables of a segment; False where they are not of the usual kind, of 64 bytes each."""
    for at in range(0, len(segment), 65):
        tables[segment[at]] = segment[at + 1 : at + 65]
    return len(segment) % 65 == 0 and all(number < 16 for number in tables)


def opened(data: bytes, found: Plain, at_least: int | None) -> Image.Image | None:
    """The pixels of what comes at once, made smaller as far as `Image.draft` would; None: let Pillow say why not."""
    most = min(found.width, found.height) // at_least if at_least else 1
    scale = next((scale for scale in _SCALES if most >= scale), 1)
    size = -(-found.width // scale), -(-found.height // scale)
    try:
        return Image.frombytes(found.mode, size, data, "jpeg", found.mode, "", scale, 0)
    except ValueError:
        return None
