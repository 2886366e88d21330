"""What a file is, told by its name and its first bytes, without decoding it."""

from pathlib import PurePosixPath

from studio.data.picture import PICTURE_SUFFIXES

FIRST_BYTES = 32
_ARCHIVES = frozenset({".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar", ".zst"})
_LEFTOVERS = frozenset({"thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r"})
_PHONE_SUFFIXES = frozenset({".heic", ".heif"})
_PHONE_BRANDS = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"hevm", b"hevs")


def unwanted(name: str) -> str | None:
    """Why a file or folder of this name is never looked at, or None. `name` is one part of a path."""
    if name == "__MACOSX":
        return "Left behind by macOS; it holds no pictures."
    if name.startswith("."):
        return "Hidden."
    if name.lower() in _LEFTOVERS:
        return "Left behind by Windows; it is no picture."
    return None


def claims_picture(name: str) -> bool:
    """Whether the ending of the name is that of a picture (a name without ending may be one too, see `fault`)."""
    return PurePosixPath(name.lower()).suffix in PICTURE_SUFFIXES | _PHONE_SUFFIXES


def fault_of_name(name: str) -> str | None:
    """Why a file cannot be a picture by its name alone, or None."""
    suffix = PurePosixPath(name.lower()).suffix
    if suffix in PICTURE_SUFFIXES or not suffix:
        return None
    if suffix in _ARCHIVES:
        return "An archive; unpack it first."
    if suffix in _PHONE_SUFFIXES:
        return "HEIC pictures cannot be read; save them as JPEG."
    return "Not a picture."


def fault_of_bytes(name: str, first: bytes) -> str | None:
    """Why a file whose name is no obstacle is no picture by its `first` bytes, or None."""
    if not first:
        return "The file is empty."
    if _is_picture(first):
        return None
    if first[4:8] == b"ftyp" and first[8:12] in _PHONE_BRANDS:
        return "HEIC pictures cannot be read; save them as JPEG."
    if not claims_picture(name):
        return "Not a picture."
    if first.lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith((b"<!doctype", b"<html", b"<head", b"<?xml")):
        return "The file is a web page, not a picture."
    return "The file is named like a picture but holds something else."


def _is_picture(first: bytes) -> bool:
    return (
        first.startswith(
            (
                b"\xff\xd8\xff",
                b"\x89PNG\r\n\x1a\n",
                b"GIF87a",
                b"GIF89a",
                b"II*\0",
                b"MM\0*",
                b"BM",
                b"II+\0",
                b"MM\0+",
                b"\xff\x4f\xff\x51",
                b"\0\0\0\x0cjP  \r\n\x87\n",
            )
        )
        or (first[:4] == b"RIFF" and first[8:12] == b"WEBP")
        or (first[4:8] == b"ftyp" and first[8:12] in (b"avif", b"avis", b"mif1", b"msf1"))
        or (first[:1] == b"P" and first[1:2] in b"123456" and first[2:3].isspace())
    )
