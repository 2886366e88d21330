"""A studio that runs as a child process, as a person would start it, and is watched while it does."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from studio.workspace import Workspace

CHECKOUT = Path(__file__).resolve().parent.parent
WATCH = CHECKOUT / "tests" / "watch"


@dataclass(frozen=True)
class RunningStudio:
    """A server of its own: its address without a slash at the end, its workspace, what it printed, whom it called."""

    url: str
    workspace: Workspace
    log_file: Path
    network_file: Path
    process: subprocess.Popen[bytes]

    @property
    def log(self) -> str:
        return self.log_file.read_text(encoding="utf-8", errors="replace")

    def calls_out(self) -> list[str]:
        """Every connection and name look-up of the server that would leave the machine."""
        return self.network_file.read_text().splitlines() if self.network_file.exists() else []

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def free_port() -> int:
    """A port of the loopback address that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start_studio(
    folder: Path,
    command: tuple[str, ...] = (sys.executable, "-m", "studio.cli"),
    cwd: Path = CHECKOUT,
    seconds: float = 60,
) -> RunningStudio:
    """Start `thaw ui` on a free port with everything it writes under `folder`, and wait until it is healthy.

    Raises AssertionError with what the server printed where it is not healthy within `seconds`.
    """
    home, port = folder / "home", free_port()
    home.mkdir(parents=True, exist_ok=True)
    log_file, network_file = folder / "server.log", folder / "network.log"
    environment = {
        **os.environ,
        "HOME": str(home),
        "PYTHONPATH": str(WATCH),
        "PYTHONUNBUFFERED": "1",
        "THAW_TEST_NETWORK_LOG": str(network_file),
    }
    arguments = ("ui", "--no-browser", "--port", str(port), "--workspace", str(folder / "workspace"))
    with log_file.open("wb") as log:
        process = subprocess.Popen([*command, *arguments], cwd=cwd, env=environment, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    studio = RunningStudio(url, Workspace.at(folder / "workspace"), log_file, network_file, process)
    deadline = time.monotonic() + seconds
    while not _healthy(url):
        if process.poll() is not None or time.monotonic() > deadline:
            studio.stop()
            raise AssertionError(f"The studio did not come up at {url}. It said:\n{studio.log}")
        time.sleep(0.1)
    return studio


def _healthy(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/_stcore/health", timeout=2) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False
