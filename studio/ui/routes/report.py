"""GET /thaw/check/{dataset}/report.html and /decisions.csv: what a check found and what was decided, to take along.

Addresses of their own, as a download that Streamlit prepares is withdrawn with whatever draws the page anew meanwhile.
"""

import anyio
from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from studio.checks import kept
from studio.checks.html import as_html
from studio.data.called import called
from studio.data.decisions import Decisions
from studio.data.library import Entry, Library
from studio.errors import DataError, StudioError
from studio.ui import renewed
from studio.ui.routes.gate import fault
from studio.workspace import Workspace


def report_address(entry: Entry) -> str:
    """Where the report on a dataset is fetched."""
    return f"/thaw/check/{entry.id}/report.html"


def decisions_address(entry: Entry) -> str:
    """Where the decisions about a dataset are fetched."""
    return f"/thaw/check/{entry.id}/decisions.csv"


def report_routes(workspace: Workspace) -> list[Route]:
    """The routes behind the two buttons of the Check page."""
    library, one_by_one = Library(workspace), anyio.CapacityLimiter(1)

    def page(id: str) -> Response:
        entry = library.get(id)
        dataset, known = library.open(entry.id), kept.last(entry.folder)
        if known is None:
            raise DataError("These pictures have not been checked yet.", "Check them.")
        report = renewed.current(known, dataset, {sample.path: sample for sample in dataset.samples})
        html = as_html(report, dataset, entry.name, called(dataset.root, workspace), known.at)
        return _file(html.encode(), f"{entry.id}-check.html", "text/html")

    def table(id: str) -> Response:
        entry = library.get(id)
        text = Decisions(entry.folder).as_csv()
        return _file(text.encode("utf-8-sig"), f"{entry.id}-decisions.csv", "text/csv")  # as spreadsheets expect it

    async def report(request: Request) -> Response:
        try:
            return await run_sync(page, request.path_params["id"], limiter=one_by_one)
        except StudioError as error:
            return fault(error, 404)

    async def decisions(request: Request) -> Response:
        try:
            return await run_sync(table, request.path_params["id"], limiter=one_by_one)
        except StudioError as error:
            return fault(error, 404)

    return [
        Route("/thaw/check/{id}/report.html", report, methods=["GET"]),
        Route("/thaw/check/{id}/decisions.csv", decisions, methods=["GET"]),
    ]


def _file(content: bytes, name: str, kind: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(content, media_type=kind, headers=headers)
