"""What looking at the files, the looks and the copies of a dataset costs: `make bench`.

THAW_BENCH_PICTURES names a folder of photographs in classes. cleanvision, which is only measured here, gets an
environment of its own, in the folder that THAW_BENCH_LABELS_ENV names or else in the user's cache folder.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

import numpy as np
import pytest
from PIL import Image

from studio.checks.evidence import Evidence
from studio.checks.near import near_pairs
from studio.checks.opening import opened
from studio.checks.traits import TRAIT
from studio.checks.walk import AT_ONCE
from studio.data.dataset import Dataset
from studio.data.intake import read_folder
from tests.bench.labels import oracles_python
from tests.bench.peers.turns import CHECKOUT, machine

ROUNDS = 15
PEER = "import sys; from cleanvision import Imagelab; Imagelab(data_path=sys.argv[1]).find_issues(verbose=False)"


@pytest.fixture(scope="module")
def photographs() -> Path:
    source = os.environ.get("THAW_BENCH_PICTURES")
    if not source:
        pytest.skip("THAW_BENCH_PICTURES names no folder of photographs.")
    return Path(source)


def bench_rate_against_merely_decoding(photographs: Path) -> None:
    print(f"\n{machine()}")
    dataset = read_folder(photographs)
    looked(dataset)  # OpenCV is imported, the files are in memory
    shares = []
    for _ in range(ROUNDS):
        decoding, looking = seconds(lambda: decoded(dataset)), seconds(lambda: looked(dataset))
        shares.append(decoding / looking)
        print(f"decoding {decoding:.2f} s, file, look and copy checks {looking:.2f} s")
    print(f"rate, as a share of merely decoding on two threads: {median(shares):.2f} (asked: 0.85)")


def bench_time_against_cleanvision(photographs: Path) -> None:
    python = oracles_python()
    whole = "import sys; from tests.bench.bench_checks import looked, read_folder, Path; "
    whole += "looked(read_folder(Path(sys.argv[1])))"
    shares = []
    for _ in range(3):
        ours = seconds(lambda: ran(sys.executable, whole, photographs))
        theirs = seconds(lambda: ran(str(python), PEER, photographs))
        shares.append(ours / theirs)
        print(f"\nours {ours:.2f} s, cleanvision {theirs:.2f} s, both from the start of the process")
    print(f"time, as a share of cleanvision's: {median(shares):.2f} (asked: at most 0.5)")


def bench_near_copies_grow_with_the_number_of_pictures() -> None:
    traits = np.zeros(60_000, TRAIT)
    chance = np.random.default_rng(0)
    traits["deviation"] = 50
    for row in range(len(traits)):
        small = Image.fromarray(chance.integers(0, 256, (6, 8, 3), np.uint8))
        traits["tile"][row] = np.asarray(small.resize((24, 24), Image.Resampling.BICUBIC))
    times = {}
    for count in (15_000, 30_000, 60_000):
        times[count] = median([seconds(lambda count=count: near_pairs(traits[:count])) for _ in range(3)])
        print(f"\n{count:,} pictures: {times[count]:.2f} s, {times[count] / times[15_000]:.1f} times 15,000's")


def bench_memory_at_sixty_thousand(tmp_path: Path) -> None:
    from tests.bench.bench_engine import many  # with the engine, which these checks do without

    source = many(tmp_path / "many", 60_000)
    done = ran(sys.executable, "from tests.bench.bench_checks import main; main()", source)
    told = json.loads(done.splitlines()[-1])
    print(f"\n60,000 pictures: {told['seconds']:.0f} s, peak memory {told['memory'] / 2**30:.2f} GiB (asked: 2)")


def main() -> None:
    """File, look and copy checks of one folder: seconds, and the process's peak memory in bytes."""
    taken = seconds(lambda: looked(read_folder(Path(sys.argv[1]))))
    print(json.dumps({"seconds": taken, "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}))


def looked(dataset: Dataset) -> None:
    """All checks that need no backbone, with nothing known beforehand."""
    dataset = Dataset(dataset.root, dataset.samples, dataset.set_aside)  # forgets which are copies
    with tempfile.TemporaryDirectory() as cache:
        looking = opened(Evidence(dataset, (), np.zeros(0, TRAIT)), dataset.samples, Path(cache))
        while True:
            try:
                next(looking)
            except StopIteration as end:
                evidence = end.value
                break
    for family in AT_ONCE:
        list(family(evidence))


def decoded(dataset: Dataset) -> None:
    def decode(path: Path) -> None:
        with Image.open(path) as image:
            image.load()

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(decode, [dataset.file(sample) for sample in dataset.samples]))


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def ran(python: str, code: str, source: Path) -> str:
    done = subprocess.run([python, "-c", code, str(source)], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    return done.stdout
