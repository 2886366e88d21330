"""Work in the background: one at a time, whoever looks on; ended, begun anew, and told of when it fails."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import BaseFileLock

from studio.errors import DataError
from studio.ui import background
from studio.ui.background import Background, Tell
from studio.workspace import is_held, lock


@pytest.fixture
def work(tmp_path: Path) -> Background:
    return Background(tmp_path, "sums", "counting", "Count")


def until(condition: Callable[[], object], seconds: float = 10) -> None:
    ended = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ended, f"not within {seconds} s"
        time.sleep(0.02)


def test_what_is_quick_is_there_at_once_and_leaves_nothing_to_say(work: Background) -> None:
    found: list[int] = []
    work.begin(lambda tell: found.append(1), wait=5)
    assert found == [1] and work.state() is None and not work.is_running


def test_it_says_what_it_does_and_no_second_one_begins(work: Background) -> None:
    going, begun = threading.Event(), []

    def slow(tell: Tell) -> None:
        begun.append(1)
        tell("Counting", 3, 12)
        going.wait(10)

    work.begin(slow, wait=0)
    until(lambda: (now := work.state()) is not None and now.what == "Counting")
    work.begin(slow, wait=0, patience=0)
    now = work.state()
    assert now is not None and (now.status, now.done, now.total) == ("running", 3, 12) and work.is_running
    going.set()
    until(lambda: work.state() is None)
    assert begun == [1]


def steady(tell: Tell) -> None:
    """Work without an end of its own."""
    while True:
        tell("Counting")
        time.sleep(0.02)


def test_it_ends_when_it_is_asked_to_and_can_begin_once_more(work: Background) -> None:
    work.begin(steady, wait=0)
    work.cancel()
    assert work.is_cancelling
    until(lambda: (now := work.state()) is not None and now.status == "cancelled")
    until(lambda: not (work.lock.exists() and work.is_running))
    found: list[int] = []
    until(lambda: work.begin(lambda tell: found.append(1), wait=1) or found)
    assert work.state() is None


def test_it_begins_anew_when_what_it_works_on_has_changed(work: Background) -> None:
    told: list[bool] = []

    def whole(tell: Tell) -> None:
        told.append(tell.again)
        if not tell.again:
            steady(tell)

    work.begin(whole, wait=0)
    until(lambda: told)
    work.renew(whole, wait=0)
    until(lambda: work.state() is None)
    assert told == [False, True] and not work.again.exists()


def test_a_wish_that_is_granted_before_its_own_work_could_begin_is_granted_once(
    work: Background, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[bool] = []

    def whole(tell: Tell) -> None:
        told.append(tell.again)
        if not tell.again:
            steady(tell)

    def late(path: Path) -> BaseFileLock:
        until(lambda: told == [False, True] and not is_held(work.lock))
        return lock(path)

    work.begin(whole, wait=0)
    until(lambda: told)
    monkeypatch.setattr(background, "lock", late)
    work.renew(whole, wait=0)
    until(lambda: not is_held(work.lock))
    assert told == [False, True] and work.state() is None


@pytest.mark.parametrize(
    ("fault", "what", "remedy"),
    [
        (DataError("There are no pictures.", "Add some."), "There are no pictures.", "Add some."),
        (OSError(28, "No space left on device"), "The counting could not go on (No space left on device).",
         "Count again."),
    ],
)  # fmt: skip
def test_why_it_failed_is_told(work: Background, fault: Exception, what: str, remedy: str) -> None:
    def broken(tell: Tell) -> None:
        raise fault

    work.begin(broken, wait=5)
    now = work.state()
    assert now is not None and (now.status, now.what, now.remedy) == ("failed", what, remedy)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_fault_of_the_studios_own_is_not_taken_for_a_studio_that_was_closed(work: Background) -> None:
    def broken(tell: Tell) -> None:
        raise RuntimeError("nobody thought of this")

    work.begin(broken, wait=5)
    now = work.state()
    assert now is not None and now.status == "failed" and "broke off by a fault of the studio" in now.what


def test_work_whose_process_is_gone_was_interrupted(work: Background, tmp_path: Path) -> None:
    (tmp_path / "sums.json").write_text('{"status": "running", "what": "Counting"}')
    assert (now := work.state()) is not None and now.status == "interrupted"
    with lock(work.lock):
        assert (now := work.state()) is not None and now.status == "running"
    (tmp_path / "sums.json").write_text("{half")
    assert (now := work.state()) is not None and now.status == "interrupted"
