"""Start the studio: Streamlit's server with the studio's routes, on this computer only unless asked otherwise."""

import contextlib
import errno
import os
import signal
import socket
import threading
import time
import tomllib
import urllib.error
import urllib.request
import webbrowser
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.data.roots import Roots
from studio.errors import StudioError
from studio.text import keep_logs_printable
from studio.workspace import Workspace

if TYPE_CHECKING:
    from studio.ui.tickets import Tickets

_UI = Path(__file__).resolve().parent
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_NOT_OURS = {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}
_PATIENCE = 6  # seconds that requests under way may take to end after the studio was told to stop


def serve(
    workspace: Workspace,
    host: str = "127.0.0.1",
    port: int = 8501,
    browser: bool = True,
    script: Path = _UI / "app.py",
    token: str | None = None,
    allow: Sequence[Path] = (),
) -> None:
    """Serve the studio until it is told to stop (Ctrl+C or SIGTERM); port 0 takes any free one.

    `browser` opens the page when it is ready, `script` is what Streamlit runs for every page. On anything but the
    loopback a token is asked for, `token` or one made up; there, and with `token`, on the loopback too. `allow` are
    the folders that may be opened; none means all on the loopback, and the owner's home folder elsewhere.
    Raises StudioError where the port is taken, the host is not ours, or a token or a folder cannot be used.
    """
    import streamlit as st
    import uvicorn.config
    from starlette.middleware import Middleware

    from studio.ui.headers import Headers, OnlyLocal
    from studio.ui.routes import routes
    from studio.ui.tickets import OnlyAsked, Tickets
    from studio.ui.token import OnlyWithToken, chosen

    keep_logs_printable()
    host = "127.0.0.1" if host == "localhost" else host
    local = host in _LOOPBACK
    secret = chosen(token) if token or not local else None
    roots = Roots.chosen(allow or (() if local else (Path.home(),)))
    port = free_port(host, port)
    address = f"http://{_spoken(host)}:{port}"
    os.environ["THAW_WORKSPACE"] = str(workspace.root)
    roots.tell()
    middleware = [Middleware(Headers)]
    middleware += [Middleware(OnlyLocal)] if local else []
    middleware += [Middleware(OnlyWithToken, token=secret, port=port)] if secret else []
    tickets = Tickets()
    middleware += [Middleware(OnlyAsked, tickets=tickets)]
    app = st.App(script, routes=routes(workspace), middleware=middleware, lifespan=_lifespan(tickets))
    uvicorn.config.LOGGING_CONFIG["loggers"]["uvicorn"]["level"] = "WARNING"
    _announce(address, port, local, secret, roots)
    if browser:
        threading.Thread(target=_open_when_ready, args=(address, secret), daemon=True).start()
    with contextlib.suppress(KeyboardInterrupt):
        app.run(config=settings(host, port))


def _announce(address: str, port: int, local: bool, secret: str | None, roots: Roots) -> None:
    """Say where the studio is, and to whom it is open. The token is told here and nowhere else."""
    if not local:
        print(
            f"Warning: anyone on your network who has the token below can use the studio at port {port}, see the "
            f"pictures in it, and open those in {roots}.",
            flush=True,
        )
    print(f"Thaw Studio is at {_with_token(address, secret)}  (Ctrl+C stops it)", flush=True)


def settings(host: str, port: int) -> dict[str, Any]:
    """What Streamlit is told: the look from `.streamlit/config.toml`; whatever calls home is switched off."""
    look = tomllib.loads((_UI / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    return {
        **_dotted(look),
        "server.address": host,
        "server.port": port,
        "server.headless": True,
        "server.fileWatcherType": "none",
        "server.runOnSave": False,
        **({"server.allowedHosts": list(_LOOPBACK)} if host in _LOOPBACK else {}),
        "browser.serverAddress": _spoken(host),
        "browser.gatherUsageStats": False,
        "server.maxUploadSize": 50,  # MB, of the one picture to try: Streamlit keeps it in memory; folders go elsewhere
        "client.disableDataExport": True,  # a file named "=..." would be a formula in the CSV, which nothing escapes
        "client.showErrorLinks": False,
        "client.showErrorDetails": "type",
        "client.toolbarMode": "minimal",
        "logger.level": "warning",
        "logger.hideWelcomeMessage": True,
    }


def free_port(host: str, port: int) -> int:
    """`port`, or any free one for 0. Raises StudioError where it cannot be had."""
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (socket.gaierror, OverflowError) as error:
        raise StudioError(
            f"There is no place {host!r} port {port} to serve from.",
            "Use --host 127.0.0.1, or 0.0.0.0 for the whole network.",
        ) from error
    with socket.socket(family, kind, protocol) as probe:
        if os.name != "nt":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(place)
            probe.listen()
        except PermissionError as error:
            raise StudioError(f"Port {port} may not be used by you.", "Choose one above 1023 with --port.") from error
        except OSError as error:
            if error.errno in _NOT_OURS:
                raise StudioError(
                    f"This computer has no address {host}.", "Use --host 127.0.0.1, or 0.0.0.0 for the whole network."
                ) from error
            raise StudioError(
                f"Port {port} is taken: perhaps the studio is running already.",
                f"Open http://localhost:{port}, or choose another with --port {port + 1}.",
            ) from error
        return probe.getsockname()[1]


def _dotted(tree: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """`{"theme": {"light": {"textColor": "#123"}}}` as `{"theme.light.textColor": "#123"}`."""
    flat: dict[str, Any] = {}
    for name, value in tree.items():
        flat |= _dotted(value, f"{before}{name}.") if isinstance(value, dict) else {f"{before}{name}": value}
    return flat


def _spoken(host: str) -> str:
    """The host as one types it into a browser on this computer."""
    if host in (*_LOOPBACK, "0.0.0.0", "::", ""):
        return "localhost"
    return f"[{host}]" if ":" in host else host


def _with_token(address: str, secret: str | None) -> str:
    return f"{address}/?token={secret}" if secret else address


def _open_when_ready(address: str, secret: str | None) -> None:
    shown = {"Authorization": f"Bearer {secret}"} if secret else {}
    knock = urllib.request.Request(f"{address}/_stcore/health", headers=shown)
    for _ in range(100):
        with contextlib.suppress(urllib.error.URLError, OSError):
            if urllib.request.urlopen(knock, timeout=2).status == 200:
                webbrowser.open(_with_token(address, secret))
                return
        time.sleep(0.1)


def _lifespan(tickets: "Tickets") -> Callable[[Any], AbstractAsyncContextManager[None]]:
    """Work the queue off meanwhile, and end for certain: neither an upload nor a training may hold up the end."""

    @asynccontextmanager
    async def lifespan(app: Any) -> AsyncIterator[None]:
        from streamlit.runtime import get_instance

        from studio.model.waking import spare_the_collector
        from studio.runs.queue import Queue, keep_going

        tickets.watch(get_instance().uploaded_file_mgr)
        spare_the_collector()
        keep_going(Queue(Workspace.at()))
        for number in (signal.SIGINT, signal.SIGTERM):
            _end_within(number, _PATIENCE)
        yield

    return lifespan


def _end_within(number: signal.Signals, seconds: float) -> None:
    """Let the handler that is there do its work, and leave anyway if that takes longer than `seconds`."""
    there = signal.getsignal(number)

    def leave(signum: int, frame: Any) -> None:
        last = threading.Timer(seconds, os._exit, (128 + signum,))
        last.daemon = True
        last.start()
        if callable(there):
            there(signum, frame)

    signal.signal(number, leave)
