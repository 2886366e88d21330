"""GET /thaw/asset/plotly.js: the chart library, from the plotly package that is installed."""

import gzip
from functools import cache
from pathlib import Path

import plotly
from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


def plotly_address() -> str:
    """Where pages load it from; the address changes with the version, so it may be kept for good."""
    return f"/thaw/asset/plotly.js?v={plotly.__version__}"


def asset_routes() -> list[Route]:
    """The chart library, packed once a process."""

    async def script(request: Request) -> Response:
        headers = {"Cache-Control": "private, max-age=31536000, immutable", "Vary": "Accept-Encoding"}
        if "gzip" in request.headers.get("accept-encoding", ""):
            headers["Content-Encoding"] = "gzip"
            return Response(await run_sync(_packed), media_type="text/javascript", headers=headers)
        return Response(await run_sync(_script), media_type="text/javascript", headers=headers)

    return [Route("/thaw/asset/plotly.js", script, methods=["GET"])]


def _script() -> bytes:
    return (Path(plotly.__file__).parent / "package_data" / "plotly.min.js").read_bytes()


@cache
def _packed() -> bytes:
    return gzip.compress(_script(), compresslevel=6, mtime=0)
