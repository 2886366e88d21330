"""Who may come in where others can reach the studio: whoever has the token its owner was shown, as Jupyter does it."""

import hmac
import re
import secrets
from html import escape
from urllib.parse import quote, urlencode

from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from studio.errors import StudioError

PARAMETER = "token"
_SHAPE = re.compile(r"[A-Za-z0-9._~-]{8,200}")
_WANTED = "The studio asks for its token: the one in the address that it printed when it was started."
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'",
}
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
{more}<title>Thaw Studio</title>
<style>
  :root {{ color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }}
  body {{ max-width: 26rem; margin: 15vh auto 0; padding: 0 1.25rem; }}
  input, button {{ box-sizing: border-box; width: 100%; min-height: 2.75rem; margin-top: .5rem; font: inherit; }}
</style>
</head>
<body><main><h1>Thaw Studio</h1>
{body}
</main></body>
</html>
"""


def chosen(token: str | None) -> str:
    """`token`, or one that nobody can guess. Raises StudioError for one that is too easy, or no part of an address."""
    if not token:
        return secrets.token_urlsafe(24)
    if not _SHAPE.fullmatch(token):
        raise StudioError(
            "This token cannot be used.",
            "Take 8 to 200 letters, digits, dots, dashes or underlines, or leave it out: then the studio makes one.",
        )
    return token


class OnlyWithToken:
    """Lets nothing through without the token: not a page, not a picture, not a websocket.

    It comes once as `?token=...` and is kept in a cookie from then on, or with every request as
    `Authorization: Bearer ...`. Cookies do not tell ports apart, so the name of ours does.
    """

    def __init__(self, app: ASGIApp, token: str, port: int) -> None:
        self._app, self._token, self._cookie = app, token.encode(), f"thaw-token-{port}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            return await self._app(scope, receive, send)  # the server itself: it starts, it ends
        asked = HTTPConnection(scope)
        brought = asked.query_params.get(PARAMETER)
        if self._is_ours(brought) and scope.get("method") in ("GET", "HEAD"):
            return await self._entered(asked)(scope, receive, send)
        scheme, _, bearer = asked.headers.get("authorization", "").partition(" ")
        if self._is_ours(asked.cookies.get(self._cookie)) or (scheme.lower() == "bearer" and self._is_ours(bearer)):
            return await self._app(scope, receive, send)
        if scope["type"] == "websocket":
            return await WebSocketClose(1008)(scope, receive, send)  # before it is accepted: the browser sees a 403
        return await _asking(asked, brought is not None)(scope, receive, send)

    def _is_ours(self, said: str | None) -> bool:
        return said is not None and hmac.compare_digest(said.strip().encode("utf-8", "replace"), self._token)

    def _entered(self, asked: HTTPConnection) -> Response:
        """Keep the token in a cookie and go on to the address without it."""
        address = _without_token(asked)
        answer: Response = RedirectResponse(address, 303, _HEADERS)
        if _comes_from_elsewhere(asked):
            body = f'<p><a href="{escape(address)}">Open the studio</a></p>'
            answer = HTMLResponse(_PAGE.format(more=_going_on(address), body=body), headers=_HEADERS)
        answer.set_cookie(
            self._cookie,
            self._token.decode(),
            httponly=True,
            samesite="strict",
            secure=asked.scope.get("scheme") == "https",
        )
        return answer


def _comes_from_elsewhere(asked: HTTPConnection) -> bool:
    """Whether a link on another site led here: a browser sends a strict cookie neither then nor after a redirect."""
    return asked.headers.get("sec-fetch-site", "none") not in ("none", "same-origin")


def _going_on(address: str) -> str:
    """What makes the page itself go on to `address`, and so with the cookie."""
    return f'<meta http-equiv="refresh" content="0;url={escape(address)}">\n'


def _without_token(asked: HTTPConnection) -> str:
    """The address that was asked for, on this server and no other, without the token."""
    kept = [(name, value) for name, value in asked.query_params.multi_items() if name != PARAMETER]
    path = "/" + asked.scope["path"].lstrip("/\\")
    return quote(path.encode("utf-8", "replace")) + (f"?{urlencode(kept)}" if kept else "")


def _asking(asked: HTTPConnection, wrong: bool) -> Response:
    """The refusal: a page with a form for whoever looks at it, one sentence for a program."""
    headers = {**_HEADERS, "WWW-Authenticate": 'Bearer realm="Thaw Studio"'}
    if "text/html" not in asked.headers.get("accept", ""):
        return PlainTextResponse(f"{_WANTED}\n", 401, headers)
    kept = [(name, value) for name, value in asked.query_params.multi_items() if name != PARAMETER]
    hidden = "".join(f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">' for name, value in kept)
    fault = '<p role="alert"><strong>That is not the token of this studio.</strong></p>\n' if wrong else ""
    form = (
        f'<p>{_WANTED}</p>\n{fault}<form>{hidden}<label for="token">Token</label>'
        '<input id="token" name="token" type="password" autocomplete="off" required autofocus>'
        "<button>Open the studio</button></form>"
    )
    again = _going_on(_without_token(asked)) if _comes_from_elsewhere(asked) and not wrong else ""
    return HTMLResponse(_PAGE.format(more=again, body=form), 401, headers)
