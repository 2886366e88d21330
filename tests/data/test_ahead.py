"""Threads that work ahead keep the order and do not run away."""

import threading
import time

import pytest

from studio.data.ahead import ahead, in_turns


def test_results_come_in_order_with_their_items() -> None:
    assert list(ahead(lambda n: n * n, range(500), threads=3)) == [(n, n * n) for n in range(500)]


def test_only_a_little_is_begun_beyond_what_is_read() -> None:
    begun, lock = [], threading.Lock()

    def work(n: int) -> int:
        with lock:
            begun.append(n)
        return n

    reader = ahead(work, range(100_000), threads=2)
    for _ in range(10):
        next(reader)
    reader.close()
    assert len(begun) <= 10 + 16 * 2 + 1


def test_an_error_reaches_whoever_reads() -> None:
    with pytest.raises(ZeroDivisionError):
        list(ahead(lambda n: 1 // n, [1, 0, 1]))


def test_in_turns_nobody_works_while_results_are_read() -> None:
    working: list[int] = []

    def work(item: int) -> int:
        working.append(item)
        time.sleep(0.001)
        working.remove(item)
        return item * item

    for place, (item, result) in enumerate(in_turns(work, range(40), threads=2, most=3)):
        assert (item, result) == (place, place * place) and not working
