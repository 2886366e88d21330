"""What every answer of the server says to browsers, and whom it answers at all. Pure ASGI, so websockets pass too."""

from urllib.parse import urlsplit

from starlette.datastructures import Headers as Heads
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketClose

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
    """Answers only to the names of this very computer, so that no web page reaches the studio by a name it rebinds.

    A proxy that passes on what it was asked elsewhere says so, and is turned away too: it would let others in.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket") or _is_local(scope):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await WebSocketClose(1008)(scope, receive, send)  # before it is accepted: the browser sees a 403
        else:
            refusal = PlainTextResponse(
                "The studio answers only to this computer. Open it as http://localhost, or "
                "start it with --host to let others in.\n",
                403,
            )
            await refusal(scope, receive, send)


def _is_local(scope: Scope) -> bool:
    """Whether every name that the request was sent to, by its own account, is one of this computer."""
    headers = Heads(scope=scope)
    hosts, passed_on = headers.getlist("host"), ",".join(headers.getlist("x-forwarded-host"))
    names = [*hosts, *(name.strip() for name in passed_on.split(",") if name.strip())]
    return len(hosts) == 1 and all(_hostname(name) in LOOPBACK for name in names)


def _hostname(said: str) -> str | None:
    try:
        return urlsplit(f"//{said}").hostname
    except ValueError:
        return None
