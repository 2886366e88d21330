"""A hub of one's own for tests: a server that answers as the Hugging Face hub does, and whose line can be cut."""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Hub(ThreadingHTTPServer):
    """Serves `files` ("org/name/file" to bytes); the place of the files is another host than that of the names.

    `cut` bytes after which a connection breaks (None: never), `asked` what was asked for, `refuses` a status to answer.
    """

    daemon_threads = True

    def __init__(self, files: dict[str, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.files = files
        self.cut: int | None = None
        self.ranges = True
        self.refuses: int | None = None
        self.asked: list[tuple[str, str, str | None]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    @property
    def store(self) -> str:
        return f"http://localhost:{self.server_address[1]}"


class _Answer(BaseHTTPRequestHandler):
    server: Hub

    def log_message(self, *_: object) -> None:
        return None

    def do_HEAD(self) -> None:
        self._answer(False)

    def do_GET(self) -> None:
        self._answer(True)

    def _answer(self, whole: bool) -> None:
        hub = self.server
        hub.asked.append((self.command, self.path, self.headers.get("Authorization")))
        if hub.refuses:
            self._say(hub.refuses, {})
        elif "/resolve/main/" in self.path:
            name = self.path.strip("/").replace("resolve/main/", "")
            content = hub.files.get(name)
            if content is None:
                self._say(404, {})
                return
            told = {"X-Repo-Commit": "c0ffee", "X-Linked-Size": str(len(content))}
            told |= {
                "X-Linked-Etag": f'"{hashlib.sha256(content).hexdigest()}"',
                "Location": f"{hub.store}/store/{name}",
            }
            self._say(302, told)
        elif self.path.startswith("/store/"):
            self._send(hub.files[self.path.removeprefix("/store/")], whole)
        else:
            self._say(200, {})

    def _send(self, content: bytes, whole: bool) -> None:
        asked = self.headers.get("Range")
        first = int(asked.removeprefix("bytes=").rstrip("-")) if asked and self.server.ranges else 0
        part = content[first:]
        self.send_response(206 if asked and self.server.ranges else 200)
        self.send_header("Content-Length", str(len(part)))
        self.end_headers()
        if whole:
            self.wfile.write(part if self.server.cut is None else part[: self.server.cut])
        if self.server.cut is not None:
            self.close_connection = True

    def _say(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()


@contextmanager
def hub_with(files: dict[str, bytes]) -> Iterator[Hub]:
    """A hub that serves these files while the block lasts."""
    hub = Hub(files)
    thread = threading.Thread(target=hub.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        hub.shutdown()
        hub.server_close()
