"""What users named stays text, in a terminal and in a log."""

import subprocess
import sys

import pytest

from studio.text import percent, printable

LOGS = r"""
import logging
from studio.text import keep_logs_printable
keep_logs_printable()
logging.warning("a picture named %s", "\x1b[2Jcat\nWARNING:root:forged\r.png")
try:
    raise ValueError("\x1b]0;owned\x07")
except ValueError:
    logging.exception("no \x9b31m")
"""


def test_a_log_holds_no_control_characters_and_no_forged_lines() -> None:
    done = subprocess.run([sys.executable, "-c", LOGS], capture_output=True, text=True, check=True, encoding="utf-8")
    assert all(letter.isprintable() or letter == "\n" for letter in done.stderr)
    lines = done.stderr.splitlines()
    assert "cat" in lines[0] and "forged" in lines[0] and lines[1].startswith("ERROR:root:no")
    assert "ValueError" in lines[-1] and "owned" in lines[-1] and any("Traceback" in line for line in lines)


def test_a_name_cannot_steer_the_terminal() -> None:
    assert printable("caf\u00e9 \x1b[31m\u202e\r\n") == "caf\u00e9 \ufffd[31m\ufffd\ufffd\ufffd"


@pytest.mark.parametrize(
    ("share", "said"),
    [(None, "–"), (float("nan"), "–"), (0.0, "0.0 %"), (0.5, "50.0 %"), (0.99996, "99.9 %"), (1.0, "100 %")],
)
def test_a_share_is_never_more_than_it_is(share: float | None, said: str) -> None:
    assert percent(share) == said
