"""GET /thaw/run/{id}: how far a run is. Computed once however many pages are watching."""

import json
import time
from dataclasses import dataclass
from hashlib import blake2b

import anyio
from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from studio.errors import StudioError
from studio.runs.store import Store
from studio.ui.routes.gate import fault
from studio.workspace import Workspace

_FRESH = 0.25  # seconds an answer is given again before it is computed anew
_KEPT = 64  # runs whose last answer stays in memory


@dataclass(frozen=True)
class Answer:
    body: bytes
    etag: str
    at: float


class Answers:
    """The last answer for each run; whoever asks while one is being made waits for that one."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._last: dict[str, Answer] = {}
        self._making: dict[str, anyio.Lock] = {}

    async def of(self, id: str) -> Answer:
        """The answer for a run, at most 0.25 s old. Raises RunError where there is no such run."""
        async with self._making.setdefault(id, anyio.Lock()):
            last = self._last.get(id)
            if last is None or time.monotonic() - last.at > _FRESH:
                try:
                    last = await run_sync(self._compute, id)
                except StudioError:
                    self._making.pop(id, None)  # ids that somebody makes up must not pile up
                    raise
                self._keep(id, last)
            return last

    def _compute(self, id: str) -> Answer:
        progress = self._store.get(id).progress().as_dict()
        body = json.dumps(progress, allow_nan=False, separators=(",", ":")).encode()
        return Answer(body, f'"{blake2b(body, digest_size=12).hexdigest()}"', time.monotonic())

    def _keep(self, id: str, answer: Answer) -> None:
        self._last.pop(id, None)
        self._last[id] = answer
        while len(self._last) > _KEPT:
            oldest = next(iter(self._last))
            del self._last[oldest]
            self._making.pop(oldest, None)


def run_routes(workspace: Workspace) -> list[Route]:
    """The route that watching pages poll, with an ETag: nothing new costs no bytes."""
    answers = Answers(Store(workspace))

    async def run(request: Request) -> Response:
        try:
            answer = await answers.of(request.path_params["id"])
        except StudioError as error:
            return fault(error, 404)
        headers = {"ETag": answer.etag, "Cache-Control": "private, no-cache"}
        if request.headers.get("if-none-match", "").removeprefix("W/") == answer.etag:
            return Response(status_code=304, headers=headers)
        return Response(answer.body, media_type=JSONResponse.media_type, headers=headers)

    return [Route("/thaw/run/{id}", run, methods=["GET"])]
