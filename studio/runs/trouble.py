"""A run whose disk takes nothing: it waits, says so in a file that needs no new room, and goes on when it can."""

import os
import time
from contextlib import suppress
from types import TracebackType
from typing import Self

from studio.runs.run import TROUBLE, Run
from studio.training.events import Event

_RESERVED = 1024  # bytes laid down when the run begins: they can be written over on a disk that is full
_TRY_AGAIN = 0.5  # seconds


class Trouble:
    """Writes a run's events down, patiently. While the disk takes nothing, the run's page says so."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._handle: int | None = None

    def __enter__(self) -> Self:
        with suppress(OSError):
            self._handle = os.open(self._run.folder / TROUBLE, os.O_RDWR | os.O_CREAT, 0o644)
            self._say("")
        return self

    def __exit__(self, _kind: type | None, _error: BaseException | None, _trace: TracebackType | None) -> None:
        if self._handle is not None:
            with suppress(OSError):
                self._say("")
            os.close(self._handle)

    def log(self, event: Event) -> None:
        """Write down that something happened, however long it takes the disk to take it.

        Raises OSError where the run's folder is gone: nothing can be kept any more.
        """
        waited = False
        while True:
            try:
                self._run.log(event)
                break
            except OSError as error:
                if not self._run.folder.is_dir():
                    raise
                with suppress(OSError):
                    self._say(
                        f"The run waits because its folder takes nothing ({error.strerror}). "
                        "Make room on the disk, or make the folder writable; then it goes on by itself."
                    )
                waited = True
            time.sleep(_TRY_AGAIN)
        if waited:
            with suppress(OSError):
                self._say("")

    def _say(self, words: str) -> None:
        if self._handle is not None:
            os.lseek(self._handle, 0, os.SEEK_SET)
            os.write(self._handle, words.encode()[:_RESERVED].ljust(_RESERVED))
            os.fsync(self._handle)
