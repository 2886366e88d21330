"""What every answer of the server says to browsers, and whom it answers at all. Pure ASGI, so websockets pass too."""

from urllib.parse import urlsplit

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = ("127.0.0.1", "localhost", "::1")
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"SAMEORIGIN"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
)


class Headers:
    """Adds the security headers that an answer does not have yet."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                there = {name.lower() for name, _ in message.get("headers", ())}
                message["headers"] = [*message.get("headers", ()), *(pair for pair in _HEADERS if pair[0] not in there)]
            await send(message)

        await self._app(scope, receive, dressed if scope["type"] == "http" else send)


class OnlyLocal:
    """Answers only to the names of this very computer, so that no web page reaches the studio by a name it rebinds."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and _host(scope) not in LOOPBACK:
            refusal = PlainTextResponse(
                "The studio answers only to this computer. Open it as http://localhost, or "
                "start it with --host to let others in.\n",
                403,
            )
            await refusal(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def _host(scope: Scope) -> str | None:
    said = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
    try:
        return urlsplit(f"//{said}").hostname
    except ValueError:
        return None
