"""The way in for pictures from a browser: begin, files, finish or cancel. Bodies are streamed to disk, never kept.

Where a body breaks off, the browser asks what arrived and sends the rest.
"""

import json
import shutil
from pathlib import Path
from typing import Any, Literal

from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from studio.data.library import Library
from studio.errors import StudioError
from studio.ui.receiver import Receiver
from studio.ui.routes.gate import Refused, guarded
from studio.ui.uploads import NoRoom, NotThere, Upload, UploadError, Uploads
from studio.workspace import Workspace

_PIECE = 1 << 20  # bytes gathered before they are written, so that a thread is not asked for every packet
_SAID = 64 << 10  # bytes of a request in JSON
_STATUS = {NoRoom: 413, NotThere: 409}
_DRAINED = 64 << 20  # bytes read and dropped after a fault, so that the browser gets to read the answer


def upload_routes(workspace: Workspace) -> list[Route]:
    """POST /thaw/upload/begin, /thaw/upload/{id}/files, finish and cancel; GET /thaw/upload/{id}/arrived."""
    uploads, library = Uploads(workspace), Library(workspace)

    async def begin(request: Request) -> Response:
        """`{kind: "folder"|"zip", name, files, bytes}` -> `{upload: id}`."""
        said = await _json(request)
        kind: Literal["folder", "zip"] = "zip" if said.get("kind") == "zip" else "folder"
        try:
            name = str(said.get("name") or "").encode("utf-8", "replace").decode()
            upload = await run_sync(uploads.begin, kind, name, _number(said, "bytes"))
        except NoRoom as error:
            raise Refused(413, error.what, error.remedy) from error
        return JSONResponse({"upload": upload.id})

    async def files(request: Request) -> Response:
        """Framed files (see Receiver) -> `{files}`, how many are complete so far."""
        upload = _find(uploads, request)
        await _receive(request, upload)
        return JSONResponse({"files": upload.files})

    async def arrived(request: Request) -> Response:
        """Which files are complete, and the bytes here of those that broke off -> `{complete: [n], parts: {n: bytes}}`.

        A page asks every few seconds while its upload is not finished: that keeps it from being swept up.
        """
        upload = _find(uploads, request)
        upload.touch()
        complete, parts = await run_sync(upload.arrived)
        return JSONResponse({"complete": complete, "parts": parts}, headers={"Cache-Control": "no-store"})

    async def finish(request: Request) -> Response:
        """`{files}`, the count that must be here -> `{dataset: id}`."""
        upload, said = _find(uploads, request), await _json(request)
        missing = _number(said, "files") - upload.files
        if missing or not upload.files:
            raise Refused(409, f"{missing:,} of {_number(said, 'files'):,} files have not arrived.", "Send them again.")
        uploads.forget(upload.id)
        return JSONResponse({"dataset": await run_sync(_into_library, upload, library)})

    async def cancel(request: Request) -> Response:
        """Delete what arrived -> `{}`. An upload that is gone already is no fault."""
        id = request.path_params["id"]
        try:
            upload = uploads.get(id)
        except UploadError:
            return JSONResponse({})
        uploads.forget(id)
        await run_sync(upload.remove)
        return JSONResponse({})

    return [
        Route("/thaw/upload/begin", guarded(begin), methods=["POST"]),
        Route("/thaw/upload/{id}/files", guarded(files), methods=["POST"]),
        Route("/thaw/upload/{id}/arrived", guarded(arrived), methods=["GET"]),
        Route("/thaw/upload/{id}/finish", guarded(finish), methods=["POST"]),
        Route("/thaw/upload/{id}/cancel", guarded(cancel), methods=["POST"]),
    ]


async def _receive(request: Request, upload: Upload) -> None:
    receiver, piece = Receiver(upload), bytearray()
    stream = request.stream()
    try:
        async for chunk in stream:
            upload.touch()
            piece += chunk
            if len(piece) >= _PIECE:
                await run_sync(receiver.feed, bytes(piece))
                piece.clear()
        await run_sync(receiver.feed, bytes(piece))
        receiver.finish()
    except StudioError as error:
        await _drain(stream)
        raise Refused(_STATUS.get(type(error), 400), error.what, error.remedy) from error
    except OSError as error:
        await _drain(stream)
        raise Refused(500, f"A file could not be written ({error.strerror}).", "Try again.") from error
    finally:
        receiver.close()


async def _drain(stream: Any) -> None:
    dropped = 0
    async for chunk in stream:
        dropped += len(chunk)
        if dropped > _DRAINED:
            return


def _into_library(upload: Upload, library: Library) -> str:
    """The id of the dataset that the upload became. What cannot become one is deleted."""
    folder = upload.seal()
    try:
        if upload.kind == "folder":
            return library.add(folder, upload.name).id
        archive = next(path for path in folder.iterdir() if path.is_file())
        return library.add(archive, Path(upload.name).stem).id
    except StudioError as error:
        upload.remove()
        raise Refused(422, error.what, error.remedy) from error  # not where: that is deleted
    except OSError as error:
        upload.remove()
        raise Refused(
            507,
            f"The pictures could not be written ({error.strerror}).",
            "Free some space, or start the studio with --workspace on another disk.",
        ) from error
    finally:
        if upload.kind == "zip":
            shutil.rmtree(folder.parent, ignore_errors=True)  # its pictures lie with the dataset now


def _find(uploads: Uploads, request: Request) -> Upload:
    try:
        return uploads.get(request.path_params["id"])
    except UploadError as error:
        raise Refused(404, error.what, error.remedy) from error


async def _json(request: Request) -> dict[str, Any]:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _SAID:
            raise Refused(413, "The request says more than the studio's picker ever does.", "Reload the page.")
    try:
        said = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Refused(400, "The request holds no readable JSON.", "Reload the page.") from error
    if not isinstance(said, dict):
        raise Refused(400, "The request holds no readable JSON.", "Reload the page.")
    return said


def _number(said: dict[str, Any], name: str) -> int:
    value = said.get(name)
    if not isinstance(value, int) or value < 0:
        raise Refused(400, f"The request does not say its {name}.", "Reload the page.")
    return value
