"""The studio's own addresses, all under /thaw/: what moves, what is large and what comes in goes around Streamlit."""

from starlette.routing import Route

from studio.ui.routes.asset import asset_routes
from studio.ui.routes.map import map_routes
from studio.ui.routes.page import page_routes
from studio.ui.routes.picture import picture_routes
from studio.ui.routes.report import report_routes
from studio.ui.routes.run import run_routes
from studio.ui.routes.upload import upload_routes
from studio.workspace import Workspace


def routes(workspace: Workspace) -> list[Route]:
    """Every route that `studio.ui.server` adds to Streamlit's own."""
    seen = [*picture_routes(workspace), *map_routes(workspace), *report_routes(workspace), *asset_routes()]
    return [*page_routes(), *seen, *run_routes(workspace), *upload_routes(workspace)]
