"""Put on a server's PYTHONPATH, this writes down every connection and look-up that would leave the machine."""

import os
import sys
from typing import Any

LOG = os.environ.get("THAW_TEST_NETWORK_LOG")
HERE = ("127.", "localhost", "::1", "0.0.0.0")


def watch(event: str, details: tuple[Any, ...]) -> None:
    if event == "socket.connect":
        address = details[1]
        host = address[0] if isinstance(address, tuple) else "localhost"
    elif event == "socket.getaddrinfo":
        host = details[0] or "localhost"
    else:
        return
    host = host.decode() if isinstance(host, bytes) else str(host)
    if LOG and not host.startswith(HERE):
        with open(LOG, "a", encoding="utf-8") as log:
            log.write(f"{event} {host}\n")


sys.addaudithook(watch)
