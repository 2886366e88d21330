"""GET /thaw/run/{id}: how far a run is, computed once however many pages are watching.

POST /thaw/run/{id}/ask steers it, and GET /thaw/run/{id}/pin/{name} is a small copy of a picture pinned to it.
"""

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from hashlib import blake2b
from typing import Any, Literal

import anyio
from anyio.to_thread import run_sync
from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from studio.data.picture import thumbnail
from studio.errors import RunError, StudioError
from studio.runs.pins import is_a_name
from studio.runs.progress import Progress
from studio.runs.requests import Desk
from studio.runs.run import Run
from studio.runs.store import Store
from studio.training.place import PINS
from studio.ui.routes.gate import Refused, fault, guarded
from studio.workspace import Workspace

_FRESH = 0.25  # seconds an answer is given again before it is computed anew
_MOST = 25  # answers a second to all pages together; where more of them watch, each is told to ask less often
_OFTEN = 0.5  # seconds between two questions of a page, where few watch (LIVE_PAUSE of live.js)
_SELDOM = 10.0  # seconds between two questions of a page at the most
_KEPT = 64  # runs whose last answer stays in memory
_SAID = 1 << 10  # bytes of a request to steer
_PIN_SIDE = 96  # pixels


class Ask(BaseModel):
    """What a page asks of a run: "go on" ends a pause, the others are `Run.request`'s."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)
    what: Literal["stop", "pause", "go on", "depth", "lr", "epochs"]
    value: float | None = None


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
        self._found: dict[str, tuple[int, list[dict[str, Any]]]] = {}

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

    def forget(self, id: str) -> None:
        """What was known of a run has changed: the next answer is computed anew."""
        self._last.pop(id, None)

    def _compute(self, id: str) -> Answer:
        run = self._store.get(id)
        progress = run.progress()
        record = progress.as_dict() | {"asked": _asked(run, progress), "doctor": self._doctor(run)}
        body = json.dumps(record, allow_nan=False, separators=(",", ":")).encode()
        return Answer(body, f'"{blake2b(body, digest_size=12).hexdigest()}"', time.monotonic())

    def _doctor(self, run: Run) -> list[dict[str, Any]]:
        """What the doctor says, worked out again only when something happened."""
        happened, (known, found) = len(run.story()), self._found.get(run.id, (-1, []))
        if happened != known:
            found = _said_by_doctor(run)
            self._found[run.id] = happened, found
        return found

    def _keep(self, id: str, answer: Answer) -> None:
        self._last.pop(id, None)
        self._last[id] = answer
        while len(self._last) > _KEPT:
            oldest = next(iter(self._last))
            del self._last[oldest]
            self._making.pop(oldest, None)
            self._found.pop(oldest, None)


class Crowd:
    """How many seconds a page should wait before it asks again: half a second, unless many watch."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since, self._count, self._again = clock(), 0, _OFTEN

    def again(self) -> float:
        """Count a question; returns the seconds until the next one."""
        now = self._clock()
        if (took := now - self._since) >= max(1.0, self._again):
            watching = self._count / took * self._again
            self._again = min(_SELDOM, max(_OFTEN, watching / _MOST))
            self._since, self._count = now, 0
        self._count += 1
        return self._again


def run_routes(workspace: Workspace) -> list[Route]:
    """The route that watching pages poll, with an ETag (nothing new costs no bytes), and those beside it."""
    store = Store(workspace)
    answers, crowd = Answers(store), Crowd()

    async def run(request: Request) -> Response:
        try:
            answer = await answers.of(request.path_params["id"])
        except StudioError as error:
            return fault(error, 404)
        headers = {"ETag": answer.etag, "Cache-Control": "private, no-cache", "X-Thaw-Again": f"{crowd.again():.1f}"}
        if request.headers.get("if-none-match", "").removeprefix("W/") == answer.etag:
            return Response(status_code=304, headers=headers)
        return Response(answer.body, media_type=JSONResponse.media_type, headers=headers)

    async def ask(request: Request) -> Response:
        """`{what, value}` -> `{}`: it was passed on; the run's own answer tells when it came true."""
        id = request.path_params["id"]
        said = await _said(request)
        try:
            asked = await run_sync(store.get, id)
        except RunError as error:
            raise Refused(404, error.what, error.remedy) from error
        await run_sync(_pass_on, asked, said)
        answers.forget(id)
        return JSONResponse({}, headers={"Cache-Control": "no-store"})

    async def pin(request: Request) -> Response:
        """A picture pinned to the run, small; 404 for everything else."""
        try:
            small = await run_sync(_small, store, request.path_params["id"], request.path_params["name"])
        except StudioError as error:
            return fault(error, 404)
        return Response(small, media_type="image/webp", headers={"Cache-Control": "private, max-age=3600"})

    return [
        Route("/thaw/run/{id}", run, methods=["GET"]),
        Route("/thaw/run/{id}/ask", guarded(ask), methods=["POST"]),
        Route("/thaw/run/{id}/pin/{name}", pin, methods=["GET"]),
    ]


async def _said(request: Request) -> Ask:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _SAID:
            raise Refused(413, "The request says more than the studio's page ever does.", "Reload the page.")
    try:
        return Ask.model_validate_json(bytes(body))
    except ValidationError as error:
        raise Refused(400, "The request does not say what is asked of the run.", "Reload the page.") from error


def _pass_on(run: Run, said: Ask) -> None:
    """Raises RunError for a value out of bounds, Refused where nobody would hear it."""
    progress = run.progress()
    if not progress.is_live:
        raise Refused(409, "This run is not being trained now, so it cannot be steered.")
    if said.what == "go on":
        run.withdraw("pause")
    elif said.what == "epochs" and (said.value or 0) < progress.epoch:
        raise Refused(422, f"The run is in epoch {progress.epoch} already: it cannot have fewer.")
    else:
        run.request(said.what, said.value)


def _asked(run: Run, progress: Progress) -> dict[str, Any]:
    """What was asked of the run and is not so yet."""
    if not progress.is_live:
        return {}
    wishes = asdict(Desk(run.folder).wishes())
    return {what: value for what, value in wishes.items() if value is not None and value is not False}


def _said_by_doctor(run: Run) -> list[dict[str, Any]]:
    from studio.results.doctor import diagnose

    words = ("name", "severity", "sentence", "evidence", "remedy")
    return [
        {word: str(getattr(found, word))[:400] for word in words} for found in diagnose(run.story(), run.recipe)[:6]
    ]


def _small(store: Store, id: str, name: str) -> bytes:
    run = store.get(id)
    file = run.folder / PINS / name
    if not is_a_name(name) or file.is_symlink() or not file.is_file():
        raise RunError(f"No picture {name!r} is pinned to this run.")
    return thumbnail(file, _PIN_SIDE)
