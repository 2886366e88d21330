"""What tests of the command line share: see the fixture `thaw`."""

import json
from collections.abc import Callable
from typing import Any

Thaw = Callable[..., tuple[int, str, str]]


def document(result: tuple[int, str, str]) -> Any:
    """The one JSON document that a command printed."""
    status, out, err = result
    assert status == 0, err
    assert out.count("\n") == 1, "exactly one JSON document goes to stdout"
    return json.loads(out)
