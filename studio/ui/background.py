"""Work in the background beside a dataset: one thread that writes how far it is and how it ended, whoever looks on.

Truth lies in the dataset's folder: `NAME.lock` is held while the work goes, `NAME.json` tells of work that goes or came
to no end, `NAME.cancel` asks it to end, `NAME.again` to begin anew. What comes of it the work keeps itself.
"""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from filelock import Timeout

from studio.errors import StudioError
from studio.workspace import is_held, lock, write_text

_PAUSE = 0.4  # seconds between two looks at, or writings of, a file by the thread


@dataclass(frozen=True)
class Standing:
    """Work that goes, or that came to no end. `what` says what it is doing, or why it failed, then with `remedy`.

    `done` of `total` pieces are behind it; 0 of 0 where nobody can tell.
    """

    status: Literal["running", "cancelled", "failed", "interrupted"]
    done: int = 0
    total: int = 0
    what: str = ""
    remedy: str = ""


class _Cancelled(Exception):
    """Somebody asked the work to end."""


class _Outdated(Exception):
    """What is being worked on is no longer what there is."""


class Tell:
    """What work calls on its way. `again` says whether it begins anew, as what it works on has changed meanwhile."""

    def __init__(self, background: "Background", again: bool) -> None:
        self.again = again
        self._background = background
        self._written, self._looked, self._what = float("-inf"), float("-inf"), ""

    def __call__(self, what: str = "", done: int = 0, total: int = 0) -> None:
        """Write how far it is (nothing without words), and end here if that was asked: the work is left by this."""
        now = time.monotonic()
        if what and (what != self._what or now - self._written > _PAUSE):
            self._written, self._what = now, what
            self._background.write(Standing("running", done, total, what))
        if now - self._looked > _PAUSE:
            self._looked = now
            if self._background.is_cancelling:
                raise _Cancelled
            if self._background.again.exists():
                raise _Outdated


Work = Callable[[Tell], object]


@dataclass(frozen=True)
class Background:
    """One kind of work in a dataset's `folder`: `name` is that of its files, `noun` and `verb` are for a person.

    No second one begins where one goes already, in whatever tab or process.
    """

    folder: Path
    name: str
    noun: str = "measurement"
    verb: str = "Measure"

    @property
    def lock(self) -> Path:
        """What is held while it goes."""
        return self.folder / f"{self.name}.lock"

    @property
    def again(self) -> Path:
        """The wish that it begins anew."""
        return self.folder / f"{self.name}.again"

    @property
    def is_cancelling(self) -> bool:
        """Whether it was asked to end."""
        return self._cancel.exists()

    @property
    def is_running(self) -> bool:
        """Whether it goes now."""
        now = self.state()
        return now is not None and now.status == "running"

    def cancel(self) -> None:
        """Ask it to end. What an earlier one found stays."""
        self._cancel.touch()

    def state(self) -> Standing | None:
        """The work that goes now, or the last one if it came to no end; None where there is nothing to say."""
        if not self._file.is_file():
            return None
        held = is_held(self.lock)
        try:
            told = Standing(**json.loads(self._file.read_text(encoding="utf-8")))
        except FileNotFoundError:  # it ended well between the two looks
            return None
        except (ValueError, TypeError):
            told = Standing("running")
        return told if held or told.status != "running" else Standing("interrupted")

    def begin(self, work: Work, wait: float = 0.5, patience: float = 0.5) -> None:
        """Do `work` in a thread, unless it is being done. Waits a moment, so that what is quick is there at once.

        A StudioError or OSError that leaves it is written down as its end.
        """
        self._begin(work, wait, patience)

    def renew(self, work: Work, wait: float = 0.5) -> None:
        """Do it again, as what it works on has changed; work that goes begins anew."""
        self.again.touch()
        self._begin(work, wait, patience=0.1, only_if_wished=True)

    def write(self, now: Standing) -> None:
        """How it stands from here on."""
        write_text(self._file, json.dumps(asdict(now)))

    def _begin(self, work: Work, wait: float, patience: float, only_if_wished: bool = False) -> None:
        held = lock(self.lock)
        try:
            held.acquire(timeout=patience)  # whoever looks on holds it for a moment too
        except Timeout:
            return
        if only_if_wished and not self.again.exists():  # the work that went has granted it meanwhile
            held.release()
            return
        self._cancel.unlink(missing_ok=True)
        self.write(Standing("running"))

        def whole() -> None:
            try:
                self._carry_out(work, again=False)
                while self.again.exists():
                    self._carry_out(work, again=True)
            finally:
                held.release()
            if self.again.exists():  # asked for at the very end
                self._begin(lambda tell: work(_renewed(tell)), wait=0, patience=0.5, only_if_wished=True)

        thread = threading.Thread(target=whole, name=f"{self.name} {self.folder.name}", daemon=True)
        thread.start()
        thread.join(wait)

    def _carry_out(self, work: Work, again: bool) -> None:
        """The whole work of the thread; whatever comes of it is written down, a fault of the studio's own too."""
        self.again.unlink(missing_ok=True)
        broken = f"The {self.noun} broke off by a fault of the studio."
        ended: Standing | None = Standing("failed", what=broken, remedy="The terminal that it runs in says more.")
        try:
            work(Tell(self, again))
            ended = None
        except _Outdated:
            ended = Standing("running")
        except _Cancelled:
            self.again.unlink(missing_ok=True)
            ended = Standing("cancelled")
        except StudioError as error:
            ended = Standing("failed", what=str(error.what), remedy=str(error.remedy))
        except OSError as error:
            sentence = f"The {self.noun} could not go on ({error.strerror})."
            ended = Standing("failed", what=sentence, remedy=f"{self.verb} again.")
        finally:
            if ended is None:
                self._file.unlink(missing_ok=True)
            else:
                self.write(ended)

    @property
    def _file(self) -> Path:
        return self.folder / f"{self.name}.json"

    @property
    def _cancel(self) -> Path:
        return self.folder / f"{self.name}.cancel"


def _renewed(tell: Tell) -> Tell:
    tell.again = True
    return tell
