"""GET /thaw/picture/{dataset}/{n}?side=160: a small copy of the n-th picture of a dataset, and of nothing else.

With `v`, the beginning of the dataset's fingerprint, it is the n-th in that state: a decision moves the numbers.
"""

import os
import threading
import time
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path

import anyio
from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from studio.data.dataset import Dataset
from studio.data.library import Library
from studio.data.listing import inside
from studio.data.picture import thumbnail
from studio.errors import DataError, PictureError, StudioError
from studio.workspace import Workspace

SIDES = (96, 160, 320, 640)
_TRUSTED = 2.0  # seconds a dataset is used again without asking the library
_FOREVER, _SHORT = "private, max-age=31536000, immutable", "private, max-age=60"
_PLACEHOLDER = (
    b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 160 160"><rect width="160" height="160" '
    b'fill="#8a8f98" fill-opacity=".18"/><path d="M56 56l48 48m0-48l-48 48" stroke="#8a8f98" '
    b'stroke-width="6" stroke-linecap="round"/></svg>'
)


class Pictures:
    """Small copies of the pictures of known datasets, kept on disk."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._library = Library(workspace)
        self._datasets: dict[str, tuple[float, Dataset]] = {}
        self._states: dict[tuple[str, str], Dataset] = {}

    def file(self, id: str, n: int, state: str = "") -> Path:
        """Where the n-th picture of a dataset lies, in the state whose fingerprint begins so; else as it is now.

        Raises StudioError where there is no such picture, or that state is not known any more.
        """
        dataset = self._in(id, state) if state else self._dataset(id)
        if not 0 <= n < len(dataset.samples):
            raise DataError(f"The dataset has {len(dataset.samples):,} pictures, and no number {n}.")
        file = dataset.file(dataset.samples[n])
        if not inside(str(file), os.path.realpath(dataset.root)):  # it has become a link since it was listed
            raise PictureError("This picture leads out of its folder.", where=file)
        return file

    def small(self, id: str, file: Path, side: int, stamp: str) -> bytes:
        """The picture at most `side` pixels wide and high, as WebP or JPEG. Raises PictureError."""
        kept = self._workspace.cache / "thumbnails" / id / str(side) / stamp[:2] / stamp
        with suppress(OSError):
            if _is_picture(found := kept.read_bytes()):
                return found
        made = thumbnail(file, side)
        with suppress(OSError):  # a full disk costs time, not the picture
            kept.parent.mkdir(parents=True, exist_ok=True)
            part = kept.with_name(f"{stamp}.{threading.get_ident()}.part")
            part.write_bytes(made)
            os.replace(part, kept)  # not synced to disk as what is precious is: it can be made again
        return made

    def _in(self, id: str, state: str) -> Dataset:
        known = self._states.get((id, state))
        if known is None:
            known = self._library.open(self._library.get(id).id)
            if not known.fingerprint.startswith(state):
                raise DataError("The pictures have changed since.", "Reload the page.")
            self._states = {**dict(list(self._states.items())[-7:]), (id, state): known}
        return known

    def _dataset(self, id: str) -> Dataset:
        at, dataset = self._datasets.get(id, (0.0, None))
        if dataset is None or time.monotonic() - at > _TRUSTED:
            dataset = self._library.open(self._library.get(id).id)
            self._datasets = {**dict(list(self._datasets.items())[-7:]), id: (time.monotonic(), dataset)}
        return dataset


def picture_routes(workspace: Workspace) -> list[Route]:
    """The route behind galleries. Whatever cannot be shown is a grey square with status 404, so no grid breaks."""
    pictures = Pictures(workspace)
    places = anyio.CapacityLimiter(4)  # threads: more would take the cores from a training

    def answer(id: str, n: int, side: int, known: str, state: str) -> Response:
        file, lasting = pictures.file(id, n, state), bool(state)
        stamp = _stamp(file)
        headers = {"ETag": f'"{stamp}-{side}"', "Cache-Control": _FOREVER if lasting else _SHORT}
        if known.removeprefix("W/") == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        made = pictures.small(id, file, side, stamp)
        kind = "image/webp" if made[:4] == b"RIFF" else "image/jpeg"
        return Response(made, media_type=kind, headers=headers)

    async def picture(request: Request) -> Response:
        side = request.query_params.get("side", "160")
        if side not in {str(known) for known in SIDES}:
            return _placeholder()
        try:
            return await run_sync(
                answer,
                request.path_params["id"],
                request.path_params["n"],
                int(side),
                request.headers.get("if-none-match", ""),
                request.query_params.get("v", ""),
                limiter=places,
            )
        except (StudioError, OSError):
            return _placeholder()

    return [Route("/thaw/picture/{id}/{n:int}", picture, methods=["GET"])]


def _stamp(file: Path) -> str:
    """24 hex digits that change when the file does. Raises PictureError where there is no such file."""
    try:
        state = file.stat()
    except OSError as error:
        raise PictureError("This picture is gone.", where=file) from error
    return blake2b(
        f"{file}|{state.st_size}|{state.st_mtime_ns}".encode("utf-8", "surrogateescape"), digest_size=12
    ).hexdigest()


def _is_picture(content: bytes) -> bool:
    """Whether a kept copy is whole enough to be served; a power cut may have left an empty one."""
    return content[:4] == b"RIFF" or content[:2] == b"\xff\xd8"


def _placeholder() -> Response:
    return Response(_PLACEHOLDER, 404, media_type="image/svg+xml", headers={"Cache-Control": "no-store"})
