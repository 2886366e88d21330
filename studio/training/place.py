"""The files of a run that its training writes and reads, and where its checkpoint stands.

That is read from the head of the file: nothing of it is loaded, and torch is not needed.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from studio.training.events import Event, from_json

BEST = "best.safetensors"  # the weights of the best epoch
CHECKPOINT = "last.safetensors"  # the weights of the last step, and with them all that a run goes on from
PINS, MOST_PINS = "pins", 8  # the folder of the pictures that are tried while it trains, and how many they may be
_MOST = 100 << 20  # bytes that safetensors allows for the head of a file


@dataclass(frozen=True)
class Place:
    """After `step` updates, in `epoch`; `history` is what had happened until then, moments within epochs left out."""

    epoch: int
    step: int
    history: list[Event]


def place(folder: Path) -> Place | None:
    """Where the run in this folder can go on from; None where it has no checkpoint that can be read."""
    try:
        with (folder / CHECKPOINT).open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if not 0 < length <= _MOST:
                return None
            record = json.loads(json.loads(file.read(length))["__metadata__"]["thaw.state"])
        return Place(record["epoch"], record["step"], [from_json(line) for line in record["history"]])
    except (OSError, ValueError, KeyError, TypeError):
        return None
