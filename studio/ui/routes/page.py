"""GET of every page's address: Streamlit's own page, told where its server is.

Untold, it looks for its server beside the address first: a deep link to /data would ask for /data/_stcore/health and
put two errors into the browser's console.
"""

from functools import cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

from studio.ui.places import ADDRESSES

_SERVER = '<script>window.__streamlit = {BACKEND_BASE_URL: location.origin + "/"}</script>'


def page_routes() -> list[Route]:
    """A route for each page."""
    return [Route(f"/{address}", _page) for address in ADDRESSES.values()]


@cache
def _html() -> str:
    import streamlit

    index = Path(streamlit.__file__).parent / "static" / "index.html"
    html = index.read_text(encoding="utf-8").replace("<title>Streamlit</title>", "<title>Thaw Studio</title>")
    return html.replace("<head>", f"<head>{_SERVER}", 1)


async def _page(_request: Request) -> HTMLResponse:
    return HTMLResponse(_html(), headers={"cache-control": "no-cache"})
