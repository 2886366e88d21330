"""The thread that trains and the pages that watch it get along: `make bench`.

A studio of its own trains the digits in its thread while pages are asked for: how much slower does it train, and how
long does an answer take? Windows with and without watchers take turns within one run. The watchers run on the same
cores, so what they cost themselves is counted against the studio.
"""

import os
import random
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean, median, stdev

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from studio.runs.store import Store
from studio.training.events import Stepped, Validated
from tests.bench.peers.turns import machine
from tests.server import CHECKOUT, RunningStudio, start_studio

SERVE = """
import sys
from studio.data.demo import digits
from studio.recipe import Recipe
from studio.runs import launch
from studio.runs.store import Store
from studio.ui.server import serve
from studio.workspace import Workspace
said = dict(zip(sys.argv, sys.argv[1:]))
workspace = Workspace.at(said["--workspace"])
recipe = Recipe().amended({"data.source": str(digits(workspace)), "model.image_size": 64, "schedule.epochs": 10_000,
                           "freeze.strategy": "full", "freeze.depth": 0})
launch.begin(Store(workspace), recipe)
serve(workspace, port=int(said["--port"]), browser=False)
"""
WINDOW = 4.0  # seconds
ARRIVED = 3.0  # seconds after which watchers who all came at once have been told how often to ask
TURNS = 20


@dataclass
class Watchers:
    """So many pages open on one run. Each asks for its numbers as often as a page does: over a connection that
    stays open, and with the name of the last answer, so that nothing is sent where nothing is new.
    """

    url: str
    run: str
    count: int
    seconds: list[float] = field(default_factory=list)
    cost: float = 0.0  # CPU seconds that the watchers themselves took

    @contextmanager
    def watching(self) -> Iterator[None]:
        over = threading.Event()
        few = min(self.count, 8)
        threads = [threading.Thread(target=self._watch, args=(self.count // few, over)) for _ in range(few)]
        began = time.process_time()
        for thread in threads:
            thread.start()
        yield
        over.set()
        for thread in threads:
            thread.join()
        self.cost += time.process_time() - began

    def _watch(self, pages: int, over: threading.Event) -> None:
        """So many pages, one after the other, spread over each second."""
        host, port = self.url.removeprefix("http://").split(":")
        sockets = [socket.create_connection((host, int(port)), timeout=30) for _ in range(pages)]
        asked_at = [time.monotonic()] * pages
        names = [b""] * pages
        end = time.monotonic()
        while not over.is_set():
            for number, page in enumerate(sockets):
                if time.monotonic() - asked_at[number] > 4:  # the server closes what was silent for 5 s
                    page.close()
                    page = sockets[number] = socket.create_connection((host, int(port)), timeout=30)
                asked_at[number] = time.monotonic()
                began = time.perf_counter()
                page.sendall(
                    b"GET /thaw/run/%b HTTP/1.1\r\nHost: %b\r\nIf-None-Match: %b\r\n\r\n"
                    % (self.run.encode(), host.encode(), names[number])
                )
                names[number], again = answered(page)
                self.seconds.append(time.perf_counter() - began)
                end = max(end, began - 1.0) + again / pages
                over.wait(end - time.monotonic())
        for page in sockets:
            page.close()


def answered(page: socket.socket) -> tuple[bytes, float]:
    """Read one whole answer; returns its ETag and when to ask again.

    Done by hand, so that the watchers cost next to nothing themselves.
    """
    got = page.recv(1 << 18)
    head, _, body = got.partition(b"\r\n\r\n")
    assert head.startswith((b"HTTP/1.1 200", b"HTTP/1.1 304")), head
    fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
    left = int(fields.get(b"content-length", b"0")) - len(body) if b" 200" in head[:13] else 0
    while left > 0:
        left -= len(page.recv(1 << 18))
    return fields[b"etag"], float(fields[b"x-thaw-again"])


@contextmanager
def reloading(url: str, run: str, seconds: list[float]) -> Iterator[None]:
    """Somebody reloads the page again and again, a second between."""
    over = threading.Event()

    def reload() -> None:
        while not over.wait(1.0):
            seconds.append(loaded(url, "train", f"run={run}"))

    thread = threading.Thread(target=reload)
    thread.start()
    yield
    over.set()
    thread.join()


def asked(url: str) -> float:
    """Seconds until the whole answer is there."""
    began = time.perf_counter()
    with urllib.request.urlopen(url, timeout=30) as answer:
        answer.read()
    return time.perf_counter() - began


def loaded(url: str, page: str, query: str) -> float:
    """Seconds until a page was served, its session is open and its script has run to the end: a reload, as the server
    sees it."""
    began = time.perf_counter()
    asked(f"{url}/{page}?{query}")
    message = BackMsg()
    message.rerun_script.page_name = page
    message.rerun_script.query_string = query
    address = url.replace("http", "ws", 1) + "/_stcore/stream"
    with connect(address, subprotocols=[Subprotocol("streamlit")], max_size=None) as session:
        session.send(message.SerializeToString())
        while True:
            told = ForwardMsg.FromString(session.recv(timeout=30, decode=False))
            if told.WhichOneof("type") == "script_finished":
                assert told.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY
                return time.perf_counter() - began


@pytest.fixture
def training(tmp_path: Path) -> Iterator[tuple[RunningStudio, str]]:
    """A studio in whose thread a long run has begun its first epoch."""
    studio = start_studio(tmp_path, (sys.executable, "-c", SERVE), seconds=120)
    (run,) = Store(studio.workspace).all()
    while not any(isinstance(event, Validated) for event in run.events()):
        assert run.progress().failure is None, run.progress().failure
        time.sleep(0.5)
    yield studio, run.id
    studio.stop()


@pytest.mark.parametrize("count", [10, 50, 200])
def bench_training_while_pages_watch(training: tuple[RunningStudio, str], count: int) -> None:
    studio, run = training
    watchers = Watchers(studio.url, run, count)
    alone, watched = in_windows(studio, run, watchers.watching)
    print(
        f"\n{machine()}\n{count} watchers: {lost(alone, watched)} (asked: 2, for 200: 5); numbers p50 "
        f"{1000 * median(watchers.seconds):.0f} ms, p95 {1000 * p95(watchers.seconds):.0f} ms (asked: 100) of "
        f"{len(watchers.seconds)}; "
        f"the watchers took {100 * watchers.cost / (WINDOW * TURNS):.1f} % of a core"
    )


def bench_a_page_that_reloads_all_the_time(training: tuple[RunningStudio, str]) -> None:
    """What a session of Streamlit costs, from the page to the end of its script, while the run trains."""
    studio, run = training
    reloads: list[float] = []
    alone, watched = in_windows(studio, run, lambda: reloading(studio.url, run, reloads))
    print(
        f"\n{machine()}\n{len(reloads)} reloads in {WINDOW * TURNS:.0f} s: {lost(alone, watched)}; a reload p50 "
        f"{1000 * median(reloads):.0f} ms, p95 {1000 * p95(reloads):.0f} ms (asked: 300)"
    )


def in_windows(
    studio: RunningStudio, run: str, watching: Callable[[], AbstractContextManager[None]]
) -> tuple[list[float], list[float]]:
    """Pictures a second alone and watched, in pairs of windows, now the one first and now the other."""
    alone, watched = [], []
    for turn in range(TURNS):
        for is_watched in (False, True) if turn % 2 else (True, False):
            with watching() if is_watched else nullcontext():
                time.sleep(ARRIVED if is_watched else 0)
                (watched if is_watched else alone).append(pace(studio, run))
    return alone, watched


def lost(alone: list[float], watched: list[float]) -> str:
    """The mean over the pairs, and its standard error: a machine that others use too is never quite the same."""
    shares = [100 * (1 - with_them / without) for without, with_them in zip(alone, watched, strict=True)]
    return (
        f"{mean(alone):.0f} pictures/s alone, {mean(watched):.0f} watched: {mean(shares):.1f} % lost, give or take "
        f"{stdev(shares) / len(shares) ** 0.5:.1f} ({len(shares)} pairs of {WINDOW:.0f} s)"
    )


def bench_twenty_pages_that_reload_at_random(training: tuple[RunningStudio, str]) -> None:
    """For two minutes; a page whose script does not come to its end, or a traceback in the log, is a fault."""
    studio, run = training
    end = time.monotonic() + 120

    def reload(number: int) -> list[float]:
        chance, took = random.Random(number), []
        while time.monotonic() < end:
            took.append(loaded(studio.url, chance.choice(["train", "results", "runs", "data"]), f"run={run}"))
            time.sleep(chance.uniform(0, 4))
        return took

    with ThreadPoolExecutor(20) as people:
        seconds = [one for each in people.map(reload, range(20)) for one in each]
    assert "Traceback" not in studio.log, studio.log[-2000:]
    print(f"\n{machine()}\n{len(seconds)} reloads, no fault; p95 {p95(seconds):.2f} s while a run trains")


def pace(studio: RunningStudio, run: str) -> float:
    """Pictures learnt from in a second of training, over a window from now."""
    began = time.time()
    time.sleep(WINDOW)
    events = [event for event in Store(studio.workspace).get(run).events() if event.at >= began]
    return mean(event.images_per_second for event in events if isinstance(event, Stepped) and event.images_per_second)


def p95(seconds: list[float]) -> float:
    return sorted(seconds)[int(0.95 * (len(seconds) - 1))]


def bench_opening_the_app(tmp_path: Path) -> None:
    """From the command to a usable first page, in a process that has imported nothing; five times."""
    found = []
    for turn in range(5):
        began = time.perf_counter()
        studio = start_studio(tmp_path / str(turn))
        asked(studio.url)
        found.append(time.perf_counter() - began)
        studio.stop()
    code = "import sys, studio.ui.server, studio.ui.app; print('torch' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], cwd=CHECKOUT, env=os.environ, capture_output=True, text=True)
    print(f"\nopening the app: {median(found):.2f} s (asked: 2); torch imported: {told.stdout.strip()}")
