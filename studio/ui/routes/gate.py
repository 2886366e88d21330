"""Who may write: requests from the studio's own pages, with the token that only they were given."""

import secrets
from collections.abc import Awaitable, Callable
from functools import wraps
from urllib.parse import urlsplit

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from studio.errors import StudioError

TOKEN_HEADER = "x-thaw-token"
_TOKEN = secrets.token_urlsafe(32)  # one a process: a page left open from an earlier start is told to reload

Endpoint = Callable[[Request], Awaitable[Response]]


class Refused(StudioError):
    """A request that is turned away; `status` is the HTTP status that says so."""

    def __init__(self, status: int, what: str, remedy: str = "") -> None:
        super().__init__(what, remedy)
        self.status = status


def token() -> str:
    """The token for the components of this process's pages."""
    return _TOKEN


def is_same_origin(request: Request) -> bool:
    """Whether the request comes from this server's own pages (or from no browser at all)."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None and site != "same-origin":
        return False
    return origin is None or urlsplit(origin).netloc == request.headers.get("host")


def guarded(endpoint: Endpoint) -> Endpoint:
    """Let a request through to `endpoint` if it is the studio's own; answer every StudioError as JSON."""

    @wraps(endpoint)
    async def answer(request: Request) -> Response:
        try:
            _admit(request)
            return await endpoint(request)
        except Refused as refusal:
            return fault(refusal, refusal.status)
        except StudioError as error:
            return fault(error, 422)
        except ClientDisconnect:
            return Response(status_code=499)  # nobody is left to read it

    return answer


def fault(error: StudioError, status: int) -> JSONResponse:
    """`{"error": sentence, "remedy": sentence}` with `status`; the sentence names the file where there is one."""
    where = f" ({error.where})" if error.where and error.where not in error.what else ""
    return JSONResponse(
        {"error": f"{error.what}{where}", "remedy": error.remedy}, status, headers={"Cache-Control": "no-store"}
    )


def _admit(request: Request) -> None:
    if not is_same_origin(request):
        raise Refused(
            403, "This request did not come from the studio's own page.", "Reload the studio's page and do it there."
        )
    if not secrets.compare_digest(request.headers.get(TOKEN_HEADER, "").encode(), _TOKEN.encode()):
        raise Refused(403, "This page is older than the studio that is running.", "Reload the page and try again.")
