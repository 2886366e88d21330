"""torch and timm, imported by one thread at a time: two that import timm at once find it half made. And then spared."""

import atexit
import gc
import threading
from functools import cache

_one_at_a_time = threading.Lock()


def wake() -> None:
    """Import them whole, before a thread in the background imports what needs them."""
    with _one_at_a_time:
        import timm  # noqa: F401  (timm itself: who begins with a part of it may meet another thread half way)
        import torch  # noqa: F401


@cache
def spare_engine() -> None:
    """Once a process, when the engine is imported and no network is built yet: that may become garbage."""
    spare_the_collector()


def spare_the_collector() -> None:
    """Have Python's garbage collector pass over all that is there now, which is what was imported.

    Streamlit collects all garbage each time it has drawn a page. Looking through the half a million objects of torch
    took 0.1 to 0.3 s each time, in which a training stands still. When Python ends it looks at all once more: else what
    was imported stays, and a library counts line by line what was never let go of.
    """
    gc.collect()
    gc.freeze()
    atexit.register(gc.unfreeze)
