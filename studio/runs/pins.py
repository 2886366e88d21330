"""Pictures that a run is asked about after every epoch: copies in its folder, under names that are safe anywhere."""

from hashlib import blake2b
from pathlib import Path, PurePath

from studio.data.picture import PICTURE_SUFFIXES, examine
from studio.errors import RunError
from studio.runs.run import Run
from studio.training.place import MOST_PINS, PINS
from studio.workspace import replace_file, slug

_LARGEST = 50 << 20  # bytes of one picture


def pinned(run: Run) -> list[Path]:
    """The pictures that are pinned to a run, the first one first."""
    folder = run.folder / PINS
    found = [path for path in folder.iterdir() if is_a_name(path.name)] if folder.is_dir() else []
    return sorted(found, key=lambda path: (path.stat().st_mtime_ns, path.name))


def pin(run: Run, name: str, content: bytes) -> Path:
    """Pin a picture to a run; the same one twice is one. Raises PictureError for what is none.

    Raises RunError where there are eight already, or the picture is too large to keep.
    """
    if len(content) > _LARGEST:
        raise RunError("This picture is larger than 50 MB.", "Make it smaller.")
    examine(content)
    suffix = PurePath(name).suffix.lower()
    stem = f"{slug(PurePath(name).stem)}-{blake2b(content, digest_size=4).hexdigest()}"
    path = run.folder / PINS / f"{stem}{suffix if suffix in PICTURE_SUFFIXES else '.img'}"
    if path in (there := pinned(run)):
        return path
    if len(there) >= MOST_PINS:
        raise RunError(f"{MOST_PINS} pictures are pinned already.", "Take one away first.")
    path.parent.mkdir(exist_ok=True)
    replace_file(path, lambda temporary: temporary.write_bytes(content))
    return path


def unpin(run: Run, name: str) -> None:
    """Take a pinned picture away; one that is gone already is no fault."""
    if is_a_name(name):
        (run.folder / PINS / name).unlink(missing_ok=True)


def is_a_name(name: str) -> bool:
    """Whether this is a name that `pin` gives: letters, digits and dashes, a dot, and what kind of picture it is."""
    stem, dot, kind = name.rpartition(".")
    return bool(dot) and slug(stem, 200) == stem and slug(kind, 8) == kind
