"""Off this computer nothing is shown without the token: not a page, not a picture, not a websocket."""

import http.client
import re
import sys
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from studio.errors import StudioError
from studio.ui.headers import Headers, OnlyLocal
from studio.ui.token import OnlyWithToken, chosen
from tests.server import RunningStudio, start_studio

TOKEN = "a-token-of-the-tests"
PAGE = {"Accept": "text/html,*/*"}
SERVE = f"""
import sys
from studio.ui.server import serve
from studio.workspace import Workspace
said = dict(zip(sys.argv, sys.argv[1:]))
serve(Workspace.at(said["--workspace"]), host="0.0.0.0", port=int(said["--port"]), browser=False, token="{TOKEN}")
"""


async def secret(request: Request) -> PlainTextResponse:
    return PlainTextResponse("the pictures")


async def stream(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text("the pictures")
    await socket.close()


def app(*middleware: Middleware) -> Starlette:
    routes = [Route("/{path:path}", secret, methods=["GET", "POST"]), WebSocketRoute("/_stcore/stream", stream)]
    return Starlette(routes=routes, middleware=[Middleware(Headers), *middleware])


@pytest.fixture
def client() -> TestClient:
    gate = Middleware(OnlyWithToken, token=TOKEN, port=8501)
    return TestClient(app(gate), base_url="http://studio.lan:8501", follow_redirects=False)


def test_without_it_a_browser_gets_a_page_that_asks_and_a_program_a_sentence(client: TestClient) -> None:
    page = client.get("/data?dataset=pets&x=%22%3E%3Cscript%3E", headers=PAGE)
    assert page.status_code == 401 and "Bearer" in page.headers["www-authenticate"]
    assert '<input id="token" name="token"' in page.text and '<html lang="en">' in page.text
    assert 'name="dataset" value="pets"' in page.text and "<script" not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert page.headers["x-frame-options"] == "SAMEORIGIN" and page.headers["cache-control"] == "no-store"
    said = client.get("/thaw/run/x")
    assert said.status_code == 401 and said.text.count("\n") == 1 and "token" in said.text


def test_brought_once_it_is_kept_and_leaves_the_address(client: TestClient) -> None:
    answer = client.get(f"/data?dataset=a%20b&token={TOKEN}", headers=PAGE)
    assert answer.status_code == 303 and answer.headers["location"] == "/data?dataset=a+b"
    cookie = answer.headers["set-cookie"].lower()
    assert cookie.startswith(f"thaw-token-8501={TOKEN};") and "httponly" in cookie and "samesite=strict" in cookie
    assert client.get("/data").text == "the pictures" and client.post("/data").text == "the pictures"
    kept = answer.headers["set-cookie"].partition(";")[0]
    with client.websocket_connect("/_stcore/stream", headers={"Cookie": kept}) as socket:
        assert socket.receive_text() == "the pictures"


def test_from_a_link_on_another_site_the_page_itself_goes_on(client: TestClient) -> None:
    answer = client.get(f"/data?token={TOKEN}", headers={**PAGE, "Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 200 and '<meta http-equiv="refresh" content="0;url=/data">' in answer.text
    assert TOKEN in answer.headers["set-cookie"] and TOKEN not in answer.text and "<script" not in answer.text


def test_who_was_here_before_is_let_in_from_a_link_too(client: TestClient) -> None:
    foreign = {**PAGE, "Sec-Fetch-Site": "cross-site"}  # without the cookie, which is strict
    asked = client.get("/data?run=a", headers=foreign)
    assert asked.status_code == 401 and 'content="0;url=/data?run=a"' in asked.text
    assert "refresh" not in client.get("/data?run=a", headers={**PAGE, "Sec-Fetch-Site": "same-origin"}).text


def test_a_program_brings_it_with_every_request(client: TestClient) -> None:
    assert client.get("/x", headers={"Authorization": f"Bearer {TOKEN}"}).text == "the pictures"
    assert client.get("/x", headers={"Authorization": f"bearer {TOKEN}"}).text == "the pictures"
    assert client.get("/x").status_code == 401, "nothing was kept"
    with client.websocket_connect("/_stcore/stream", headers={"Authorization": f"Bearer {TOKEN}"}) as socket:
        assert socket.receive_text() == "the pictures"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": TOKEN},
        {"Authorization": "Bearer "},
        {"Authorization": "Bearer \xe9\xff"},
        {"Cookie": "thaw-token-8501="},
        {"Cookie": f"thaw-token-8502={TOKEN}"},
        {"Cookie": f"thaw-token-8501={TOKEN}x"},
        {"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Host": "localhost", "Host": "localhost"},
    ],
)
def test_anything_else_is_refused(client: TestClient, headers: dict[str, str]) -> None:
    raw = {name: value.encode("latin-1") for name, value in headers.items()}
    for path in ("/", "/media/x.png", "/thaw/picture/x/0", "/_stcore/health", f"/?token={TOKEN[:-1]}", "/?token="):
        assert client.get(path, headers=raw).status_code == 401  # type: ignore[arg-type]
    assert client.post(f"/?token={TOKEN}", headers=raw).status_code == 401  # type: ignore[arg-type]
    for path in ("/_stcore/stream", f"/_stcore/stream?token={TOKEN}"):
        with pytest.raises(WebSocketDisconnect), client.websocket_connect(path, headers=raw):  # type: ignore[arg-type]
            pass


def test_a_wrong_one_is_said(client: TestClient) -> None:
    assert 'role="alert"' in client.get("/?token=wrong", headers=PAGE).text
    assert 'role="alert"' not in client.get("/", headers=PAGE).text


@pytest.mark.parametrize("path", ["//evil.example/", "/\\evil.example/", "///evil.example", "/%5C%5Cevil.example"])
def test_the_way_on_leads_to_this_server_only(client: TestClient, path: str) -> None:
    to = client.get(f"http://studio.lan:8501{path}?token={TOKEN}").headers["location"]
    assert re.fullmatch(r"/[^/\\].*", to)


@settings(deadline=None)
@given(some.text(max_size=40), some.text(max_size=40), some.text(max_size=40))
def test_no_made_up_words_open_the_door(path: str, name: str, value: str) -> None:
    client = TestClient(app(Middleware(OnlyWithToken, token=TOKEN, port=1)), follow_redirects=False)
    headers = {"Cookie": f"thaw-token-1={quote(value)}", "Authorization": f"Bearer {quote(value)}"}
    answer = client.get("/" + quote(path.lstrip("/")), params={name: value, "token": value}, headers=headers)
    assert answer.status_code == 401 and "the pictures" not in answer.text


def test_a_token_is_made_up_or_long_enough() -> None:
    assert len(chosen(None)) >= 32 and chosen(None) != chosen(None)
    assert chosen(TOKEN) == TOKEN
    for token in ("short", "with space", "x" * 201, "with/slash", "tok\u00e9n-long", "a;b=c-long"):
        with pytest.raises(StudioError, match="cannot be used"):
            chosen(token)


# ---- on this computer: by its own names only


@pytest.mark.parametrize(
    ("headers", "is_let_in"),
    [
        ({"Host": "localhost:1"}, True),
        ({"Host": "evil.example"}, False),
        ({"Host": "localhost:1", "X-Forwarded-Host": "evil.example"}, False),
        ({"Host": "localhost:1", "X-Forwarded-Host": "localhost, evil.example"}, False),
        ({"Host": "evil.example", "X-Forwarded-Host": "localhost"}, False),
        ({"Host": "localhost:1", "X-Forwarded-Host": "127.0.0.1:8501"}, True),
    ],
)
def test_a_foreign_name_gets_neither_page_nor_websocket(headers: dict[str, str], is_let_in: bool) -> None:
    client = TestClient(app(Middleware(OnlyLocal)))
    assert (client.get("/", headers=headers).status_code == 200) is is_let_in
    if is_let_in:
        with client.websocket_connect("/_stcore/stream", headers=headers) as socket:
            assert socket.receive_text()
    else:
        with pytest.raises(WebSocketDisconnect), client.websocket_connect("/_stcore/stream", headers=headers):
            pass


@settings(deadline=None)
@given(some.binary(max_size=60))
def test_whatever_the_host_header_holds_it_is_answered(host: bytes) -> None:
    answered: list[int] = []

    async def send(message: dict) -> None:
        answered.append(message.get("status", 0))

    async def receive() -> dict:
        return {"type": "http.request", "body": b"", "more_body": False}

    import asyncio

    scope = {
        "type": "http", "method": "GET", "path": "/", "raw_path": b"/", "query_string": host, "scheme": "http",
        "headers": [(b"host", host), (b"cookie", host), (b"authorization", host)], "server": ("x", 1),
    }  # fmt: skip
    for gate in (OnlyLocal(app()), OnlyWithToken(app(), TOKEN, 1)):
        asyncio.run(gate(dict(scope), receive, send))  # type: ignore[arg-type]
    assert set(answered) <= {0, 200, 401, 403} and 401 in answered


# ---- the running server


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStudio]:
    folder = tmp_path_factory.mktemp("open")
    waiting = pytest.MonkeyPatch()
    waiting.setattr("tests.server._healthy", lambda url: ask(url, "/_stcore/health")[0] == 401)
    studio = start_studio(folder, (sys.executable, "-c", SERVE))
    waiting.undo()
    yield studio
    studio.stop()


def ask(url: str, path: str, **headers: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=10)
    try:
        connection.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        return answer.status, answer.read()
    except OSError:
        return 0, b""


@pytest.mark.parametrize(
    "path",
    ["/", "/data", "/media/x", "/static/index.html", "/_stcore/health", "/_stcore/host-config", "/component/x/y",
     "/thaw/run/nobody", "/thaw/picture/x/0", "/thaw/asset/plotly.js", "/thaw/upload/x/arrived", "/favicon.ico",
     "/%2e%2e/"],
)  # fmt: skip
def test_every_route_of_the_server_asks_for_it(running: RunningStudio, path: str) -> None:
    assert ask(running.url, path)[0] == 401
    assert ask(running.url, path, Authorization=f"Bearer {TOKEN}")[0] != 401


def test_the_websocket_of_the_server_asks_for_it(running: RunningStudio) -> None:
    upgrade = {
        "Connection": "Upgrade", "Upgrade": "websocket", "Sec_WebSocket_Version": "13",
        "Sec_WebSocket_Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }  # fmt: skip
    assert ask(running.url, "/_stcore/stream", **upgrade)[0] == 403
    assert ask(running.url, "/_stcore/stream", **upgrade, Cookie="thaw-token-1=x")[0] == 403
    port = running.url.rsplit(":", 1)[1]
    assert ask(running.url, "/_stcore/stream", **upgrade, Cookie=f"thaw-token-{port}={TOKEN}")[0] == 101


def test_it_is_told_once_and_in_the_address_only(running: RunningStudio) -> None:
    ask(running.url, f"/?token={TOKEN}")
    ask(running.url, "/?token=wrong-one-in-the-log")
    port = running.url.rsplit(":", 1)[1]
    warning, address = running.log.splitlines()
    assert "anyone on your network who has the token" in warning and TOKEN not in warning
    assert address == f"Thaw Studio is at http://localhost:{port}/?token={TOKEN}  (Ctrl+C stops it)"
