"""`thaw`: the studio from the command line. It calls the functions that the pages call.

With --json exactly one JSON document goes to stdout; progress goes to stderr. The exit status says how it went:

- 0: done; a run that was trained here finished (or the request was left with a run that is trained elsewhere).
- 1: a user's error, or a run that failed or was interrupted; one sentence on stderr says which.
- 2: wrong usage.
- 3: the run that was trained here was stopped before its end, by Ctrl-C or by whoever asked; its document is printed
  all the same. Under torchrun, which would call that a failure, it is 0.
- 130: a second Ctrl-C ended it at once; `thaw resume RUN` takes it up.
"""

import sys

from studio.cli import (
    advising,
    augmenting,
    browsing,
    deciding,
    frame,
    learning,
    looking,
    queueing,
    serving,
    steering,
    training,
)
from studio.errors import StudioError
from studio.text import printable

# Importing them makes the commands known.
__all__ = [
    "advising",
    "augmenting",
    "browsing",
    "deciding",
    "learning",
    "looking",
    "main",
    "queueing",
    "serving",
    "steering",
    "training",
]


def main() -> None:
    """The console script."""
    try:
        frame.app()
    except StudioError as error:
        print(printable(str(error)), file=sys.stderr)
        sys.exit(1)
