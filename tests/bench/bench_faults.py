"""What a studio survives, counted: `make bench`, or `pytest ... -k` for one of them.

THAW_BENCH_KILLS (200) kills of a run, THAW_BENCH_CUTS (25) power cuts, THAW_BENCH_SERVERS (100) kills of the server
beside a run, THAW_BENCH_BUDGETS (100) full disks, THAW_BENCH_SECONDS (120) of eight processes on one workspace,
THAW_BENCH_RUNS (300) runs and THAW_BENCH_SESSIONS (2000) page sessions of a soak.
"""

import fcntl
import json
import os
import random
import resource
import shutil
import signal
import struct
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import pytest
import torch

from studio.runs.run import Run
from studio.runs.store import Store
from studio.training.checkpoint import load
from studio.training.events import Finished, Resumed, Saved, Started, Stepped, Validated
from studio.training.place import place
from studio.workspace import Workspace
from tests.bench.bench_watchers import loaded
from tests.bench.peers.turns import machine
from tests.runs.killing import Toll, compare, kill_at_random, look, undisturbed
from tests.runs.nursery import Nursery, nursery
from tests.server import CHECKOUT, start_studio
from tests.training.recipes import tiny

Pictures = Callable[..., Path]


def number(name: str, usual: int) -> int:
    return int(os.environ.get(f"THAW_BENCH_{name}", str(usual)))


@pytest.fixture
def children() -> Iterator[Nursery]:
    with nursery() as nurse:
        yield nurse


def bench_kills_at_random_moments(children: Nursery, workspace: Workspace, pictures: Pictures) -> None:
    recipe = tiny(
        pictures(each=8), schedule__epochs=12, freeze__strategy="two-phase", freeze__depth=1, freeze__head_epochs=6
    )
    toll = kill_at_random(children, Store(workspace), recipe, number("KILLS", 200))
    print(f"\n{machine()}\n{toll}")
    assert not toll.faults and not toll.unreadable_checkpoints


class Disk:
    """A disk of its own, in a file, whose power can be cut: what was not yet asked to be kept is gone."""

    def __init__(self, folder: Path) -> None:
        self.image, self.place = folder / "disk.img", folder / "disk"
        self.place.mkdir()
        with self.image.open("wb") as file:
            file.truncate(256 << 20)
        subprocess.run(["mkfs.ext4", "-q", str(self.image)], check=True)
        self.plug_in()

    def plug_in(self) -> None:
        subprocess.run(["mount", "-o", "loop", str(self.image), str(self.place)], check=True)

    def cut(self) -> None:
        handle = os.open(self.place, os.O_RDONLY)
        fcntl.ioctl(handle, 0x8004587D, struct.pack("I", 2))  # EXT4_IOC_SHUTDOWN, the journal is not flushed either
        os.close(handle)

    def pull_out(self) -> None:
        subprocess.run(["umount", str(self.place)], check=True)


def bench_power_cuts(children: Nursery, tmp_path: Path, pictures: Pictures) -> None:
    """THAW_BENCH_CUTS (25) power cuts at random moments of runs that save after every epoch. Needs root and ext4."""
    if os.geteuid() or not shutil.which("mkfs.ext4"):
        pytest.skip("only root can make a disk whose power can be cut")
    recipe = tiny(
        pictures(each=8), schedule__epochs=12, freeze__strategy="two-phase", freeze__depth=1, freeze__head_epochs=6
    )
    safe = Store(Workspace.at(tmp_path / "safe"))
    whole, lasts = undisturbed(children, safe, recipe)
    chance, toll, disk, lost = random.Random(0), Toll(), Disk(tmp_path), 0
    shutil.copytree(safe.workspace.root / "cache" / "precision", disk.place / "cache" / "precision")
    os.sync()
    run = Store(Workspace.at(disk.place)).create(recipe)
    while toll.kills < number("CUTS", 25):
        child = children.begin(run.folder, again=bool(run.events()))
        time.sleep(chance.uniform(0.2 * lasts, lasts))
        known = max((event.epoch for event in run.events() if isinstance(event, Saved)), default=0)
        disk.cut()
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        toll.kills += children.end() == -signal.SIGKILL
        disk.pull_out()
        disk.plug_in()
        look(run, toll)
        lost += known > (place_of(run) or 0)
        if run.has_ended():
            compare(run, whole, toll)
            run = Store(Workspace.at(disk.place)).create(recipe)
    disk.pull_out()
    print(f"\n{machine()}\n{toll}\nsaved and then lost: {lost}")
    assert not toll.faults and not toll.unreadable_checkpoints and not lost


def place_of(run: Run) -> int | None:
    """The epoch in which the checkpoint stands."""
    known = place(run.folder)
    return known and known.epoch


def bench_full_disks(children: Nursery, workspace: Workspace, pictures: Pictures) -> None:
    """A limit on the size of any file stands for a disk with so much room; later the limit is taken away."""
    recipe = tiny(pictures(each=8), schedule__epochs=4)
    chance, said, slowest, ends = random.Random(0), 0, 0.0, []
    for _ in range(number("BUDGETS", 100)):
        run = Store(workspace).create(recipe)
        began = time.monotonic()
        child = children.begin(run.folder, most=int(chance.triangular(1_100, 200_000, 1_100)))
        while not (hindered := run.progress().hindered) and not run.has_ended() and time.monotonic() - began < 30:
            time.sleep(0.02)
        if hindered:
            said, slowest = said + 1, max(slowest, time.monotonic() - began)
        for path in run.folder.glob("*.safetensors"):
            load(path, torch.device("cpu"))
        resource.prlimit(child, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        assert children.end() == 0
        ends.append((run.progress().status, tuple(event.val_loss for event in run.progress().validated)))
    print(
        f"\n{machine()}\n{len(ends)} disks, {said} were too small and said so, the slowest in {slowest:.1f} s; "
        f"ends: {set(ends)}"
    )
    assert len(set(ends)) == 1 and ends[0][0] == "finished"


EIGHT = """
import random, sys, time
from pathlib import Path
from studio.errors import StudioError
from studio.recipe import Recipe
from studio.runs.store import Store
from studio.training.events import Stepped
from studio.workspace import Workspace
place, seconds, seed = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
store, chance, end, did = Store(Workspace.at(place)), random.Random(seed), time.monotonic() + float(seconds), 0
mine = []
while time.monotonic() < end:
    run = store.create(Recipe().amended({"data.source": "/nowhere", "name": f"of {seed}"}))
    mine.append(run.id)
    for step in range(20):
        run.log(Stepped(1, step, 0.5, 0.5, 1e-3, 100.0))
    run.rename(f"{seed}-{did}")
    run.request("pause"); run.withdraw("pause"); run.request("depth", 3)
    for other in store.all()[:20]:
        try:
            other.progress()
        except StudioError as error:
            if (other.folder / "recipe.toml").exists():
                raise
    if len(mine) > 10:
        store.delete(mine.pop(chance.randrange(len(mine))))
    did += 1
for id in mine:
    assert len(store.get(id).events()) == 20
print(did)
"""


def bench_eight_processes_on_one_workspace(workspace: Workspace) -> None:
    seconds = number("SECONDS", 120)
    command = [sys.executable, "-c", EIGHT, str(workspace.root), str(seconds)]
    crowd = [
        subprocess.Popen([*command, str(seed)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=CHECKOUT)
        for seed in range(8)
    ]
    ends = [process.communicate() for process in crowd]
    faults = [said for process, (_, said) in zip(crowd, ends, strict=True) if process.returncode]
    print(
        f"\n{machine()}\neight processes, {seconds} s: {sum(int(out or 0) for out, _ in ends)} turns, "
        f"{len(faults)} faults"
    )
    assert not faults, faults[0]


A_THOUSAND = """
import sys, time
began = time.perf_counter()
from studio.runs.store import Store
from studio.workspace import Workspace
store = Store(Workspace.at(sys.argv[1]))
began = time.perf_counter()
told = [run.progress().status for run in store.all()]
print(len(told), time.perf_counter() - began)
"""


def bench_a_thousand_run_folders_are_read_anew(workspace: Workspace) -> None:
    """There is no index to lose: this is what it takes to read all that there is, in a process that knows nothing."""
    store, recipe = Store(workspace), tiny(Path("/nowhere"))
    first = store.create(recipe)
    first.log(Started("test_resnet", "CPU", ["a", "b"], ["stem"], 1, 10, 10, 900, 100, 32, 50, 30))
    for epoch in range(1, 51):
        for step in range(2):
            first.log(Stepped(epoch, epoch * 30 - 1 + step, 0.5, 0.5, 1e-3, 1000.0))
        first.log(Validated(epoch, epoch * 30, 0.5, 0.5, 0.5, 0.5, 1e-3, 1000.0, 1.0, [0.5, 0.5]))
    first.log(Finished(False, 50, 50, 0.5, 0.5, 0.5, 1000.0, 60.0, None))
    for copy in range(999):
        shutil.copytree(first.folder, workspace.runs / f"20260101-000000-copy-{copy:04d}")
    for damaged in range(5):
        (workspace.runs / f"20260101-000000-copy-{damaged:04d}" / "events.jsonl").write_bytes(os.urandom(4000))
    told = subprocess.run(
        [sys.executable, "-c", A_THOUSAND, str(workspace.root)],
        capture_output=True,
        text=True,
        check=True,
        cwd=CHECKOUT,
    ).stdout.split()
    print(
        f"\n{machine()}\n{told[0]} runs of 152 events read in {float(told[1]):.1f} s (asked: 10), five of them damaged"
    )
    assert int(told[0]) == 1000 and float(told[1]) < 10


APART = """
import sys
from pathlib import Path
from studio.recipe import Recipe
from studio.runs import launch
from studio.runs.store import Store
from studio.ui.server import serve
from studio.workspace import Workspace
said = dict(zip(sys.argv, sys.argv[1:]))
workspace = Workspace.at(said["--workspace"])
launch.begin(Store(workspace), Recipe.from_toml(Path(workspace.root / "recipe.toml").read_text()))
serve(workspace, port=int(said["--port"]), browser=False)
"""


def bench_the_server_is_killed_and_the_training_goes_on(tmp_path: Path, pictures: Pictures) -> None:
    """A run in a process of its own, THAW_BENCH_SERVERS (100) servers that are killed at random moments."""
    workspace = Workspace.at(tmp_path / "workspace")
    recipe = tiny(pictures(each=60), schedule__epochs=10_000, freeze__strategy="full", engine__isolated=True)
    (workspace.root / "recipe.toml").write_text(recipe.to_toml())
    chance, slowest, step, command = random.Random(0), 0.0, 0, (sys.executable, "-c", APART)
    for turn in range(number("SERVERS", 100)):
        began = time.monotonic()
        studio = start_studio(tmp_path, command, seconds=120)
        (run,) = Store(workspace).all()
        address = f"{studio.url}/thaw/run/{run.id}"
        with urllib.request.urlopen(address, timeout=10) as answer:
            told = json.loads(answer.read())
        if turn:  # the first one also begins the run
            slowest = max(slowest, time.monotonic() - began)
            assert told["is_live"] and told["step"] >= step, told["sentence"]
        time.sleep(chance.uniform(0, 1))
        os.kill(studio.process.pid, signal.SIGKILL)
        studio.process.wait()
        step = run.progress().step
        assert run.is_held(), "the training ended with the server"
    run.request("stop")
    while run.is_held():
        time.sleep(0.1)
    events = run.events()
    epochs = [event.epoch for event in events if isinstance(event, Validated)]
    moments = [event.at for event in events if isinstance(event, (Stepped, Validated))]
    longest = max(later - earlier for earlier, later in pairwise(moments))
    print(
        f"\n{machine()}\n{number('SERVERS', 100)} servers killed, one run of {len(epochs)} epochs; the next one "
        f"showed it after at most {slowest:.1f} s from the command that starts it (asked: 5); the longest time without "
        f"an event {longest:.2f} s"
    )
    assert epochs == list(range(1, len(epochs) + 1)) and not any(isinstance(event, Resumed) for event in events)


SOAK = """
import sys, threading, time
from pathlib import Path
from studio.runs import launch
from studio.runs.store import Store
from studio.recipe import Recipe
from studio.ui.server import serve
from studio.workspace import Workspace
said = dict(zip(sys.argv, sys.argv[1:]))
workspace = Workspace.at(said["--workspace"])
def train():
    asked = Path(workspace.root / "asked.txt")
    done = 0
    while True:
        while done < int(asked.read_text() or 0 if asked.exists() else 0):
            run = Store(workspace).create(Recipe.from_toml(Path(workspace.root / "recipe.toml").read_text()))
            launch.start(run)
            while not run.has_ended():
                time.sleep(0.02)
            done += 1
            (workspace.root / "done.txt").write_text(str(done))
        time.sleep(0.1)
threading.Thread(target=train, daemon=True).start()
serve(workspace, port=int(said["--port"]), browser=False)
"""


def bench_soak(tmp_path: Path, pictures: Pictures) -> None:
    """Runs and page sessions in one server: what is left of them."""
    runs, sessions = number("RUNS", 300), number("SESSIONS", 2000)
    studio = start_studio(tmp_path, (sys.executable, "-c", SOAK), seconds=120)
    root = studio.workspace.root
    (root / "recipe.toml").write_text(tiny(pictures(each=8)).to_toml())
    mine = Path("/proc", str(studio.process.pid))
    places = ["data", "check", "augment", "model", "train", "results", "try_it", "runs", ""]

    def done() -> int:
        return int(told) if (root / "done.txt").exists() and (told := (root / "done.txt").read_text()) else 0

    def live(share: float) -> None:
        began = done()
        (root / "asked.txt").write_text(str(began + int(runs * share)))
        with ThreadPoolExecutor(4) as many:
            list(many.map(lambda n: loaded(studio.url, places[n % len(places)], ""), range(int(sessions * share))))
        while done() < began + int(runs * share):
            time.sleep(0.5)
        time.sleep(150)  # Streamlit keeps a closed session for two minutes

    def state() -> tuple[float, int, int, int]:
        told = dict(line.split(":", 1) for line in (mine / "status").read_text().splitlines())
        children = [path.read_text().split() for path in mine.glob("task/*/children")]
        files = len(list((mine / "fd").iterdir()))
        return int(told["VmRSS"].split()[0]) / 1024, int(told["Threads"]), files, sum(map(len, children))

    live(0.5)  # then what is remembered of runs, 128 of them, has all it may hold
    warm = state()
    live(0.5)
    end = state()
    began = time.monotonic()
    studio.process.terminate()
    studio.process.wait(timeout=30)
    print(
        f"\n{machine()}\nafter half: {warm[0]:.0f} MB, {warm[1]} threads, {warm[2]} files, {warm[3]} processes; "
        f"after all of {runs} runs and {sessions} sessions: {end[0]:.0f} MB ({100 * (end[0] / warm[0] - 1):+.1f} %), "
        f"{end[1]} threads, {end[2]} files, {end[3]} processes; ended in {time.monotonic() - began:.1f} s"
    )
    assert Run(next((root / "runs").iterdir())).has_ended()
