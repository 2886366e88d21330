"""Work in threads that stays only a little ahead of whoever reads its results."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

THREADS = min(8, os.cpu_count() or 1)
Item = TypeVar("Item")
Result = TypeVar("Result")


def ahead(
    work: Callable[[Item], Result], items: Iterable[Item], threads: int = THREADS
) -> Iterator[tuple[Item, Result]]:
    """`(item, work(item))` in order. At most 16 items a thread are begun beyond the one that is read.

    So memory stays flat over any number of items, and a reader who leaves early leaves little undone work behind.
    """
    waiting: deque[tuple[Item, Future[Result]]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        try:
            for item in items:
                waiting.append((item, pool.submit(work, item)))
                if len(waiting) > 16 * threads:
                    item, future = waiting.popleft()
                    yield item, future.result()
            for item, future in waiting:
                yield item, future.result()
        finally:
            for _, future in waiting:
                future.cancel()
