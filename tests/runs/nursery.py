"""A process that trains runs in children of its own, so that each can be killed and none has to import torch anew.

`python -m tests.runs.nursery`: a line of JSON in (folder, again, the seconds between two checkpoints, the most bytes in
a file), the child's process id out, and its end once it has ended. Forking is safe here: nothing has computed in this
process yet.
"""

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]


@dataclass
class Nursery:
    process: subprocess.Popen[str]

    def begin(self, folder: Path, *, again: bool = False, interval: float = 0.0, most: int | None = None) -> int:
        """Train the run in `folder`, where no file may have more than `most` bytes; returns the process id."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps([str(folder), again, interval, most]) + "\n")
        self.process.stdin.flush()
        return self._number()

    def end(self) -> int:
        """Wait for the child's end; returns its exit status, or less than 0 where a signal ended it."""
        return self._number()

    def _number(self) -> int:
        assert self.process.stdout is not None
        return int(self.process.stdout.readline())


@contextmanager
def nursery() -> Iterator[Nursery]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.runs.nursery"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=CHECKOUT,
        start_new_session=True,
    )
    try:
        yield Nursery(process)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _train(folder: str, again: bool, interval: float, most: int | None) -> None:
    from studio.runs.launch import execute
    from studio.runs.run import Run
    from studio.training import keeper

    keeper.INTERVAL = interval
    if most is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))
    execute(Run(Path(folder)), again=again)


def _serve() -> None:
    import timm  # noqa: F401
    import torch  # noqa: F401

    import studio.training.train  # noqa: F401

    for line in sys.stdin:
        child = os.fork()
        if not child:
            os.dup2(2, 1)
            status = 1
            try:
                _train(*json.loads(line))
                status = 0
            finally:
                os._exit(status)
        print(child, flush=True)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    _serve()
