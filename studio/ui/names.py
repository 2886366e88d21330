"""Names that came from elsewhere, made safe to write to any disk. A name never decides a path outside its folder."""

import re
import unicodedata
from pathlib import PurePosixPath

_UNSAFE = re.compile(r'[<>:"|?*\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]')
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)", re.IGNORECASE)
_BYTES = 150  # of 255 that disks allow, so that a suffix and a temporary name still fit
_DEPTH = 16


def safe_name(name: str) -> str:
    """One path part: no separators, control or direction marks, reserved names, or trailing dots and spaces."""
    plain = _UNSAFE.sub("_", unicodedata.normalize("NFC", name)).replace("/", "_").replace("\\", "_")
    plain = _shortened(plain.strip().rstrip(". "))
    if _RESERVED.match(plain):
        plain = f"_{plain}"
    return plain or "unnamed"


def safe_path(path: str) -> PurePosixPath:
    """A relative path with safe parts only, whatever `path` says: no drive, no root, no "..", at most 16 deep."""
    parts = [part for part in re.split(r"[/\\]", path) if part.strip() not in ("", ".", "..")]
    return PurePosixPath(*[safe_name(part) for part in parts[-_DEPTH:]] or ["unnamed"])


class Names:
    """The names given out so far inside one folder. No two are alike on a disk that ignores upper and lower case."""

    def __init__(self) -> None:
        self._files: set[str] = set()
        self._folders: set[str] = set()

    def claim(self, path: str) -> PurePosixPath:
        """A safe path like `path` that nobody has yet: a taken name gets a number, as in "cat (2).jpg"."""
        *folders, name = safe_path(path).parts
        place = PurePosixPath()
        for folder in folders:
            place = _free(place / folder, self._files)
            self._folders.add(_key(place))
        place = _free(place / name, self._files, self._folders)
        self._files.add(_key(place))
        return place


def _free(path: PurePosixPath, *taken: set[str]) -> PurePosixPath:
    """`path`, or the first numbered one like it that is in none of `taken`."""
    candidate, number = path, 2
    while any(_key(candidate) in names for names in taken):
        candidate, number = path.with_name(f"{path.stem} ({number}){path.suffix}"), number + 1
    return candidate


def _key(path: PurePosixPath) -> str:
    return unicodedata.normalize("NFKC", str(path)).casefold()


def _shortened(name: str) -> str:
    """`name` in at most 150 bytes of UTF-8, its suffix kept."""
    if len(name.encode()) <= _BYTES:
        return name
    stem, dot, suffix = name.rpartition(".")
    if not dot or len(suffix) > 10:
        stem, suffix = name, ""
    room = _BYTES - len(f"{dot}{suffix}".encode())
    return stem.encode()[:room].decode(errors="ignore").rstrip(". ") + (f".{suffix}" if suffix else "")
