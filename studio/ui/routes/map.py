"""GET /thaw/map/{dataset}: where each picture of a dataset lies on the map of all of them."""

import gzip
import json

import anyio
from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from studio.checks import kept
from studio.data.dataset import Dataset
from studio.data.library import Library
from studio.errors import DataError, StudioError
from studio.ui.routes.gate import fault
from studio.workspace import Workspace

_KEPT = 4  # maps in memory, packed


def map_routes(workspace: Workspace) -> list[Route]:
    """The route behind the map, worked out once for each state of the pictures."""
    library, one_by_one = Library(workspace), anyio.CapacityLimiter(1)
    packed: dict[tuple[str, int, str], bytes] = {}

    def answer(id: str) -> bytes:
        entry = library.get(id)
        dataset, changed = library.open(entry.id), kept.places_changed_at(entry.folder)
        key = (entry.id, changed, dataset.fingerprint)
        if key not in packed:
            places = kept.places(entry.folder)
            if places is None:
                raise DataError("There is no map of these pictures.", "Check them.")
            packed[key] = gzip.compress(columns(dataset, places), compresslevel=4, mtime=0)
            for old in list(packed)[:-_KEPT]:
                del packed[old]
        return packed[key]

    async def places(request: Request) -> Response:
        try:
            body = await run_sync(answer, request.path_params["id"], limiter=one_by_one)
        except StudioError as error:
            return fault(error, 404)
        headers = {"Cache-Control": "no-store", "Vary": "Accept-Encoding"}
        if "gzip" in request.headers.get("accept-encoding", ""):
            return Response(body, media_type="application/json", headers=headers | {"Content-Encoding": "gzip"})
        return Response(gzip.decompress(body), media_type="application/json", headers=headers)

    return [Route("/thaw/map/{id}", places, methods=["GET"])]


def columns(dataset: Dataset, places: kept.Places) -> bytes:
    """JSON of the pictures that are on the map: `classes`, and for each picture its n, x, y and the place of its class.

    Columns of whole numbers, so that 60,000 pictures take little more than a megabyte.
    """
    index = {name: number for number, name in enumerate(dataset.classes)}
    there = {sample.path: (n, index[sample.label]) for n, sample in enumerate(dataset.samples)}
    shown = [(*there[path], x, y) for path, x, y in zip(places.paths, places.x, places.y, strict=True) if path in there]
    n, label, x, y = (list(column) for column in zip(*shown, strict=True)) if shown else ([], [], [], [])
    told = {"classes": dataset.classes, "n": n, "label": label, "x": x, "y": y}
    return json.dumps(told, separators=(",", ":")).encode()
