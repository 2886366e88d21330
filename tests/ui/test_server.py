"""The server: what it binds to, what it says about itself, how it ends."""

import http.client
import json
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit.config
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.testclient import TestClient

from studio.errors import StudioError
from studio.recipe import Recipe
from studio.runs.store import Store
from studio.ui.headers import Headers, OnlyLocal
from studio.ui.server import free_port, settings
from tests.server import RunningStudio, start_studio
from tests.server import free_port as unused_port


def ask(studio: RunningStudio, path: str, host: str | None = None) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", int(studio.url.rsplit(":", 1)[1]), timeout=10)
    connection.request("GET", path, headers={"Host": host} if host else {})
    return connection.getresponse()


# ---- before it starts


def test_a_taken_port_is_said_with_a_way_out() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(StudioError, match=f"Port {port} is taken") as caught:
            free_port("127.0.0.1", port)
    assert f"--port {port + 1}" in caught.value.remedy


def test_port_0_is_any_free_one() -> None:
    assert free_port("127.0.0.1", 0) > 1023


@pytest.mark.parametrize("host", ["203.0.113.7", "no such host", "127.0.0.1.5.6"])
def test_a_host_that_is_not_ours_is_said(host: str) -> None:
    with pytest.raises(StudioError) as caught:
        free_port(host, 0)
    assert "--host" in caught.value.remedy


def test_streamlit_knows_every_setting() -> None:
    unknown = [name for name in settings("127.0.0.1", 8501) if name not in streamlit.config._config_options_template]
    assert unknown == []


def test_the_look_is_handed_over_and_nothing_calls_home() -> None:
    told = settings("127.0.0.1", 8501)
    assert told["theme.light.primaryColor"] and told["theme.dark.primaryColor"]
    assert told["browser.gatherUsageStats"] is False and told["client.showErrorLinks"] is False
    assert told["client.disableDataExport"] is True, "its CSV would hold formulas"
    assert told["server.maxUploadSize"] <= 50, "what Streamlit takes it keeps in memory"
    assert told["server.address"] == "127.0.0.1" and told["browser.serverAddress"] == "localhost"


def test_only_the_loopback_is_limited_to_its_own_names() -> None:
    assert "server.allowedHosts" in settings("127.0.0.1", 1) and "server.allowedHosts" not in settings("0.0.0.0", 1)


def test_opening_the_app_imports_no_torch() -> None:
    code = (
        "import sys, studio.ui.server, studio.ui.routes, studio.ui.components;"
        "print(sorted({'torch', 'timm', 'sklearn', 'albumentations'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


# ---- whom it answers


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:8501", 404),
        ("127.0.0.1", 404),
        ("[::1]:8501", 404),
        ("LOCALHOST", 404),
        ("evil.example", 403),
        ("localhost.evil.example", 403),
        ("", 403),
        ("[", 403),
        ("user@localhost@evil.example", 403),
    ],
)
def test_a_rebound_name_is_turned_away(host: str, status: int) -> None:
    app = Starlette(middleware=[Middleware(Headers), Middleware(OnlyLocal)])
    answer = TestClient(app).get("/", headers={"Host": host})
    assert answer.status_code == status and answer.headers["x-content-type-options"] == "nosniff"


# ---- the running server


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStudio]:
    studio = start_studio(tmp_path_factory.mktemp("server"))
    yield studio
    studio.stop()


@pytest.mark.parametrize("path", ["/", "/_stcore/health", "/thaw/run/nobody", "/thaw/asset/plotly.js"])
def test_every_answer_carries_the_security_headers(running: RunningStudio, path: str) -> None:
    headers = ask(running, path).headers
    assert headers["X-Content-Type-Options"] == "nosniff" and headers["X-Frame-Options"] == "SAMEORIGIN"
    assert headers["Referrer-Policy"] == "no-referrer"


def test_no_other_name_and_no_foreign_websocket(running: RunningStudio) -> None:
    assert ask(running, "/", host="evil.example").status == 403
    connection = http.client.HTTPConnection("127.0.0.1", int(running.url.rsplit(":", 1)[1]), timeout=10)
    connection.request(
        "GET",
        "/_stcore/stream",
        headers={
            "Host": "evil.example",
            "Origin": "http://evil.example",
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        },
    )
    assert connection.getresponse().status == 403


def test_it_listens_to_this_computer_only(running: RunningStudio) -> None:
    port = int(running.url.rsplit(":", 1)[1])
    listening = [
        line.split()[1]
        for table in ("/proc/net/tcp", "/proc/net/tcp6")
        if Path(table).exists()
        for line in Path(table).read_text().splitlines()[1:]
        if line.split()[3] == "0A"
    ]
    ours = [address for address in listening if int(address.rsplit(":", 1)[1], 16) == port]
    if not ours:
        pytest.skip("this system does not list its sockets in /proc")
    assert ours == [f"0100007F:{port:04X}"]


def test_it_says_where_it_is_in_one_line(running: RunningStudio) -> None:
    address = running.url.replace("127.0.0.1", "localhost")
    said = [line for line in running.log.splitlines() if "evil.example" not in line]
    assert said == [f"Thaw Studio is at {address}  (Ctrl+C stops it)"]


def test_a_second_studio_on_the_port_ends_with_one_sentence(running: RunningStudio, tmp_path: Path) -> None:
    port = running.url.rsplit(":", 1)[1]
    done = subprocess.run(
        [sys.executable, "-m", "studio.cli", "ui", "--no-browser", "--port", port, "--workspace", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    said = done.stdout + done.stderr
    assert f"Port {port} is taken" in said and "--port" in said and "Traceback" not in said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_within_ten_seconds_even_during_an_upload(tmp_path: Path, number: signal.Signals) -> None:
    studio = start_studio(tmp_path)
    with socket.create_connection(("127.0.0.1", int(studio.url.rsplit(":", 1)[1]))) as slow:
        slow.sendall(b"POST /thaw/upload/x/files HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\nhalf")
        time.sleep(0.3)
        began = time.monotonic()
        studio.process.send_signal(number)
        studio.process.wait(timeout=10)
    assert time.monotonic() - began < 10
    assert "Traceback" not in studio.log


def test_the_network_is_opened_only_with_a_warning(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "studio.cli",
            "ui",
            "--no-browser",
            "--port",
            str(unused_port()),
            "--host",
            "0.0.0.0",
            "--workspace",
            str(tmp_path),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        assert "anyone on your network" in process.stdout.readline()
        assert re.search(r"is at http://localhost:\d+/\?token=[\w-]{32}  ", process.stdout.readline())
    finally:
        process.terminate()
        process.wait(timeout=10)


def test_the_page_is_told_the_workspace(running: RunningStudio) -> None:
    """The routes and the pages must look into the same folder: a run that one makes, the other shows."""
    run = Store(running.workspace).create(Recipe.from_toml("[data]\nsource = '/x'"))
    assert json.loads(ask(running, f"/thaw/run/{run.id}").read())["status"] == "created"
