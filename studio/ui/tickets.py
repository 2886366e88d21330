"""Streamlit's own way in for single files, such as the picture to try: only what a page asked for, and not too much.

Streamlit takes any file under any name from whoever has a session, and keeps it in memory.
"""

import re
from collections.abc import Sequence
from typing import Any

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

ROOM = 500 << 20  # bytes of all files that are kept in memory at a time
_MOST = 1000  # tickets that wait for their file
_ADDRESS = re.compile(r"/_stcore/upload_file/([^/]+)/([^/]+)")

Ticket = tuple[str, str]  # session, file


class Tickets:
    """Each admits one file: the one that a session's page was told it could send."""

    def __init__(self) -> None:
        self._open: dict[Ticket, None] = {}
        self._manager: Any = None

    def watch(self, manager: Any) -> None:
        """Give a ticket with every address that Streamlit's manager of uploaded files hands out from here on."""
        handed_out, self._manager = manager.get_upload_urls, manager

        def give(session_id: str, file_names: Sequence[str]) -> Any:
            urls = handed_out(session_id, file_names)
            self._open |= {(session_id, url.file_id): None for url in urls}
            while len(self._open) > _MOST:
                del self._open[next(iter(self._open))]
            return urls

        manager.get_upload_urls = give

    def take(self, ticket: Ticket) -> str:
        """Use a ticket. Returns why it does not hold; empty if it does."""
        if ticket not in self._open:
            return "No page of the studio asked for this file."
        del self._open[ticket]
        sessions = list(self._manager.file_storage.values())
        kept = sum(len(file.data) for files in sessions for file in list(files.values()))
        return "Too many pictures are being tried at once: remove some." if kept > ROOM else ""


class OnlyAsked:
    """Turns away files without a ticket before anything of them is read."""

    def __init__(self, app: ASGIApp, tickets: Tickets) -> None:
        self._app, self._tickets = app, tickets

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "PUT":
            found = _ADDRESS.fullmatch(scope["path"])
            said = self._tickets.take((found[1], found[2])) if found else "Nothing is put here."
            if said:
                await PlainTextResponse(f"{said}\n", 403)(scope, receive, send)
                return
        await self._app(scope, receive, send)
