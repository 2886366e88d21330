"""A run in a process of its own: `python -m studio.runs.apart FOLDER [again]`. It goes on when the studio is closed."""

import signal
import sys
from pathlib import Path

from studio.errors import StudioError
from studio.runs.launch import execute
from studio.runs.run import Run
from studio.text import keep_logs_printable


def _leave(number: int, _frame: object) -> None:
    """Go down tidily when the system shuts down: the best weights so far are kept."""
    sys.exit(128 + number)


if __name__ == "__main__":
    keep_logs_printable()
    signal.signal(signal.SIGTERM, _leave)
    try:
        execute(Run(Path(sys.argv[1])), again="again" in sys.argv[2:])
    except StudioError as error:
        sys.exit(str(error))
