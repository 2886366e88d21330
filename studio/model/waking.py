"""torch and timm, imported by one thread at a time: two that import timm at once find it half made."""

import threading

_one_at_a_time = threading.Lock()


def wake() -> None:
    """Import them whole, before a thread in the background imports what needs them."""
    with _one_at_a_time:
        import timm  # noqa: F401  (timm itself: who begins with a part of it may meet another thread half way)
        import torch  # noqa: F401
