"""What a picture's file says beside its pixels: how finely a JPEG was saved, which camera took it, and when.

EXIF data come from strangers and may hold anything: what cannot be read counts as not there.
"""

import struct
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from PIL import ExifTags, Image

# What Pillow raises for EXIF data that are not what they claim to be.
_DAMAGED = (OSError, SyntaxError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RuntimeError)
HOSTILE = (*_DAMAGED, EOFError, struct.error, MemoryError)
_LONGEST = 100  # letters of a maker's name
# The luminance table of the JPEG standard (ITU T.81, table K.1) as the Independent JPEG Group scales it: its sums.
_STANDARD = (
    *(16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55),
    *(14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87, 80, 62),
    *(18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92),
    *(49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99),
)


@dataclass(frozen=True)
class Facts:
    """Size in pixels as the picture is seen (EXIF orientation applied), and what its file says of it.

    `mode` is Pillow's, as stored; `orientation` EXIF's, 1 to 8; `animated`: there is more than one frame; `alpha`:
    something is transparent; `quality` of a JPEG, 1 to 100, else 0; `camera` its maker and model, "" if not told;
    `taken` seconds since 1970 by the camera's clock, 0 if not told.
    """

    width: int
    height: int
    format: str
    mode: str
    orientation: int = 1
    animated: bool = False
    alpha: bool = False
    quality: int = 0
    camera: str = ""
    taken: int = 0


def _sums() -> list[int]:
    """The sum of the scaled table at quality 100, 99 and so on down to 1: it grows."""
    scales = [200 - 2 * quality if quality >= 50 else 5000 // quality for quality in range(100, 0, -1)]
    return [sum(min(255, max(1, (value * scale + 50) // 100)) for value in _STANDARD) for scale in scales]


_SUMS = _sums()


def quality(tables: Mapping[int, Sequence[int]]) -> int:
    """A JPEG's quality, 1 to 100, by its first quantization table; other programs' tables by how coarse they are."""
    if not tables:
        return 0
    told = sum(tables[min(tables)])
    place = min(bisect_left(_SUMS, told), 99)
    if place and told - _SUMS[place - 1] < _SUMS[place] - told:
        place -= 1
    return 100 - place


def camera(exif: Image.Exif) -> str:
    """Maker and model, as they stand in the file."""
    told = [exif.get(tag) for tag in (ExifTags.Base.Make, ExifTags.Base.Model)]
    return " ".join(part.strip("\0 ")[:_LONGEST] for part in told if isinstance(part, str)).strip()


def taken(exif: Image.Exif) -> int:
    """When the picture was taken, or else when it was last changed: seconds since 1970 as if the clock were UTC's."""
    try:
        inner = exif.get_ifd(ExifTags.IFD.Exif)
    except HOSTILE:
        inner = {}
    for told in (inner.get(ExifTags.Base.DateTimeOriginal), exif.get(ExifTags.Base.DateTime)):
        if isinstance(told, str):
            try:
                return int(
                    datetime.strptime(told.strip("\0 ")[:19], "%Y:%m:%d %H:%M:%S").replace(tzinfo=UTC).timestamp()
                )
            except (ValueError, OverflowError):
                continue
    return 0
