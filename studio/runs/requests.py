"""What is asked of a run, as files in its folder: any tab, any process, any rank can ask, and the training looks."""

import math
import os
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal, get_args

from studio.errors import RunError
from studio.training.events import Event, Steered
from studio.training.wishes import Wishes
from studio.workspace import write_text

Request = Literal["stop", "pause", "depth", "lr", "epochs"]
_BOUNDS = {"depth": (0, 99), "lr": (1e-12, 10.0), "epochs": (1, 10_000)}
_JUST_NOW = 0.1  # seconds: a folder's time is only so exact
_AT_LEAST = 1.0  # seconds: a file may go a moment after its folder's time has changed


def ask(folder: Path, what: Request, value: float | None = None) -> None:
    """Leave a request. Raises RunError for a value out of bounds, or where the folder takes no file."""
    if what not in get_args(Request):
        raise RunError(f"A run cannot be asked for {what!r}.", f"It can for {', '.join(get_args(Request))}.")
    try:
        if what not in _BOUNDS:
            (folder / f"request.{what}").touch()
            return
        low, high = _BOUNDS[what]
        if value is None or not low <= value <= high:  # this is also how a NaN is refused
            raise RunError(f"{what} must be a number from {low:g} to {high:g}, not {value}.", "Choose another one.")
        write_text(folder / f"request.{what}", repr(value if what == "lr" else int(value)))
    except OSError as error:
        raise RunError(
            f"The run cannot be asked: its folder takes no file ({error.strerror}).", "Make room on the disk.", folder
        ) from error


def withdraw(folder: Path, what: Request) -> None:
    """Forget a request that was met, or that came too late."""
    (folder / f"request.{what}").unlink(missing_ok=True)


def is_asked(folder: Path, what: Request) -> bool:
    return (folder / f"request.{what}").exists()


class Desk:
    """Where a training looks for requests, after every update: as long as its folder has not changed, that is one look
    at the folder's time; each second the files themselves are looked for, whatever it says."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._seen = -1
        self._read_at = 0.0
        self._wishes = Wishes()

    def wishes(self) -> Wishes:
        """What is asked now."""
        try:
            changed = self.folder.stat().st_mtime_ns
        except OSError:
            return self._wishes
        just_now = time.time() - changed / 1e9 < _JUST_NOW
        if changed != self._seen or just_now or time.monotonic() - self._read_at >= _AT_LEAST:
            self._seen, self._read_at = changed, time.monotonic()
            self._wishes = self._read()
        return self._wishes

    def met(self, event: Event) -> None:
        """Take away the requests that this change fulfils, as they were last heard; one that was made anew stays."""
        if isinstance(event, Steered):
            for what, value in (("depth", event.depth), ("lr", event.lr), ("epochs", event.epochs)):
                if value is not None and self._number(what) == getattr(self._wishes, what):
                    withdraw(self.folder, what)  # type: ignore[arg-type]

    def catch_up(self, events: Sequence[Event]) -> None:
        """Take away what the last of an earlier life's events fulfilled, if it died before it could do so itself."""
        self._wishes = self._read()
        for event in events[-1:]:
            self.met(event)

    def close(self) -> None:
        """Take away what nobody will hear any more."""
        for what in get_args(Request):
            withdraw(self.folder, what)

    def _read(self) -> Wishes:
        with suppress(OSError):
            if not any(name.startswith("request.") for name in os.listdir(self.folder)):
                return Wishes()
        depth, lr, epochs = (self._number(what) for what in ("depth", "lr", "epochs"))
        return Wishes(
            is_asked(self.folder, "stop"),
            is_asked(self.folder, "pause"),
            None if depth is None else int(depth),
            lr,
            None if epochs is None else int(epochs),
        )

    def _number(self, what: str) -> float | None:
        with suppress(OSError, ValueError):
            value = float((self.folder / f"request.{what}").read_text(encoding="utf-8"))
            low, high = _BOUNDS[what]
            if math.isfinite(value) and low <= value <= high:
                return value
        return None
