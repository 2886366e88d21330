"""Facts in the past tense, each with the time it happened. A run's history is a list of these and nothing else.

Every number is finite or None, so that each record is valid JSON.
"""

import json
import time
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Event:
    at: float = field(default_factory=time.time, kw_only=True)


@dataclass(frozen=True)
class Started(Event):
    """The run began. `stages` are the backbone's stage names from the input; `frozen_stages` stay frozen throughout.

    Pictures and steps are counted as found in the folder; `Looked` says how many of them could be opened.
    """

    backbone: str
    device: str
    classes: list[str]
    stages: list[str]
    frozen_stages: int
    parameters: int
    trainable_parameters: int
    train_images: int
    val_images: int
    image_size: int
    epochs: int
    steps_per_epoch: int


@dataclass(frozen=True)
class Prepared(Event):
    """Some of the work before the first epoch was done: `done` of `total` pictures; `doing` says what in words."""

    doing: str
    done: int
    total: int


@dataclass(frozen=True)
class Looked(Event):
    """Every picture was opened once: so many can be used, and an epoch has so many steps."""

    train_images: int
    val_images: int
    steps_per_epoch: int


@dataclass(frozen=True)
class Thawed(Event):
    """From `epoch` (counted from 1) on, `depth` stages from the input stay frozen; the others learn."""

    epoch: int
    depth: int
    frozen: list[str]
    learning: list[str]
    trainable_parameters: int


@dataclass(frozen=True)
class Stepped(Event):
    """Training moved on to `step` (counted from 1 over the whole run); losses are means since the last such event."""

    epoch: int
    step: int
    train_loss: float | None
    train_accuracy: float | None
    lr: float
    images_per_second: float | None


@dataclass(frozen=True)
class Validated(Event):
    """An epoch ended and the whole validation split was looked at. Accuracies are fractions from 0 to 1."""

    epoch: int
    step: int
    train_loss: float | None
    train_accuracy: float | None
    val_loss: float | None
    val_accuracy: float
    lr: float
    images_per_second: float
    seconds: float


@dataclass(frozen=True)
class Saved(Event):
    """A checkpoint reached the disk: `which` is "best" or "last", `path` is relative to the run's folder."""

    which: str
    path: str
    epoch: int


@dataclass(frozen=True)
class Warned(Event):
    """Something a person should know that does not stop the run."""

    sentence: str
    pictures: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Noted(Event):
    """How the run saves time, in words for a person: what it reuses, and in which precision it computes."""

    sentence: str


@dataclass(frozen=True)
class Finished(Event):
    """The run ended by itself, or because it was asked to (`stopped`). The numbers are those of the best epoch.

    A run that was stopped before it could measure anything has no best epoch, no numbers and no checkpoint.
    """

    stopped: bool
    epochs: int
    best_epoch: int | None
    train_loss: float | None
    val_loss: float | None
    val_accuracy: float | None
    images_per_second: float | None
    seconds: float
    checkpoint: str | None


@dataclass(frozen=True)
class Failed(Event):
    """The run could not go on. `sentence` and `remedy` are for the person, `details` to copy into a report."""

    sentence: str
    remedy: str = ""
    details: str = ""
    checkpoint: str | None = None


KINDS: dict[str, type[Event]] = {
    kind.__name__: kind
    for kind in (Started, Prepared, Looked, Thawed, Stepped, Validated, Saved, Warned, Noted, Finished, Failed)
}
ENDS = (Finished, Failed)


def to_json(event: Event) -> str:
    """One line of ASCII JSON: the event's name under "event", then its fields. Any file's name can be written so."""
    return json.dumps({"event": type(event).__name__, **asdict(event)}, allow_nan=False)


def from_json(line: str) -> Event:
    """The event in a line of `to_json`, without fields of a newer studio. Raises ValueError for anything else."""
    record: Any = json.loads(line)
    if not isinstance(record, dict) or record.get("event") not in KINDS:
        raise ValueError(f"not an event: {line[:80]!r}")
    kind = KINDS[record["event"]]
    try:
        return kind(**{name: value for name, value in record.items() if name in kind.__dataclass_fields__})
    except TypeError as error:
        raise ValueError(f"not a whole event: {line[:80]!r}") from error
