"""Words for a screen, a terminal and a log: what users named stays text, and a share is never more than it is."""

import logging
import traceback


def printable(text: str) -> str:
    """`text` without control characters: a file's name must not steer a terminal, nor begin a line of a log."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)


def percent(share: float | None, digits: int = 1) -> str:
    """A fraction as a percentage for the screen; a dash where there is none. Never rounds up to 100 %."""
    if share is None or share != share:
        return "–"
    rounded = round(share * 100, digits)
    if rounded >= 100 and share < 1:
        rounded = 100 - 10**-digits
    return "100 %" if share == 1 else f"{rounded:.{digits}f} %"


class PrintableRecord(logging.LogRecord):
    """A line of a log in which nothing steers the terminal that shows it."""

    def getMessage(self) -> str:
        """The message on one line."""
        return printable(super().getMessage())


def keep_logs_printable() -> None:
    """Write every message and traceback that this process logs from here on without control characters."""

    def record(*args: object, **more: object) -> logging.LogRecord:
        made = PrintableRecord(*args, **more)  # type: ignore[arg-type]
        if made.exc_info and made.exc_info[0]:
            lines = "".join(traceback.format_exception(*made.exc_info)).splitlines()
            made.exc_text = "\n".join(map(printable, lines))
        return made

    logging.setLogRecordFactory(record)
