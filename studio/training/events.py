"""Facts in the past tense, each with the time it happened. A run's history is a list of these and nothing else.

Every number is finite or None, so that each record is valid JSON.
"""

import json
import time
from collections.abc import Sequence
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
    """Some of the work before the first epoch was done: `done` of `total`; `doing` says what in words.

    `unit` is what is counted: "pictures" or, of weights that are downloaded, "bytes".
    """

    doing: str
    done: int
    total: int
    unit: str = "pictures"


@dataclass(frozen=True)
class Looked(Event):
    """Every picture was opened once: so many can be used, and an epoch has so many steps."""

    train_images: int
    val_images: int
    steps_per_epoch: int


@dataclass(frozen=True)
class Thawed(Event):
    """From `epoch` (counted from 1) on, `depth` stages from the input stay frozen; the others learn.

    `step` is how many updates there were before.
    """

    epoch: int
    depth: int
    frozen: list[str]
    learning: list[str]
    trainable_parameters: int
    step: int = 0


@dataclass(frozen=True)
class Steered(Event):
    """A person, or the recipe's own `steering`, changed the run after `step` updates; what is None stayed.

    `depth` stages stay frozen from here on; `lr` is the highest rate from here on; the run now has `epochs` epochs.
    """

    epoch: int
    step: int
    depth: int | None = None
    lr: float | None = None
    epochs: int | None = None


@dataclass(frozen=True)
class Paused(Event):
    """The run waits, after `step` updates, until it is told to go on or to stop."""

    epoch: int
    step: int


@dataclass(frozen=True)
class Resumed(Event):
    """The run goes on after `step` updates: after a pause, or (`again`) from its checkpoint.

    What happened after that step, and any end, is undone by the latter.
    """

    epoch: int
    step: int
    again: bool = False


@dataclass(frozen=True)
class Hindered(Event):
    """Something from outside is in the way (a full disk, say); the run tries again until it is gone."""

    sentence: str
    remedy: str = ""


@dataclass(frozen=True)
class Measured(Event):
    """An epoch's vital signs, for the run doctor. Shares are fractions, sizes relative; None where not measured.

    `lr_low` and `lr_high` are the rates of the epoch's updates; `moved` is how far the weights that learn went in it,
    relative to their size, `drifted` the same of the frozen tensor that changed most, statistics included;
    `input_mean` and `input_std` are what the network was given, a number a channel, `wanted_mean` and `wanted_std`
    what the backbone's own normalization makes of the same pictures (looked at, as `drifted` is, in the first epoch
    and then every ten seconds at the most); `commonest` is the largest share of the validation pictures that one class
    was predicted for, `largest_class` the largest share that a class has of them; `waiting` is the share of the
    epoch's seconds that the device waited for pictures.
    """

    epoch: int
    step: int
    lr_low: float
    lr_high: float
    moved: float | None = None
    drifted: float | None = None
    input_mean: list[float] | None = None
    input_std: list[float] | None = None
    wanted_mean: list[float] | None = None
    wanted_std: list[float] | None = None
    commonest: float | None = None
    largest_class: float | None = None
    waiting: float | None = None


@dataclass(frozen=True)
class Tried(Event):
    """What the model said of a pinned picture after an epoch: each class's probability, in the order of the classes."""

    epoch: int
    picture: str
    probabilities: list[float]


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
    class_accuracy: list[float | None] | None = None  # in the order of the classes; None: no picture of it


@dataclass(frozen=True)
class Saved(Event):
    """A checkpoint reached the disk: `which` is "best", "last" or "state" (what a resumed run goes on from).

    `path` is relative to the run's folder.
    """

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
    """What the run was trained under, or how it saves time, in words for a person."""

    sentence: str


@dataclass(frozen=True)
class Proven(Event):
    """What was frozen was hashed when it froze, and again when it thawed or the run ended.

    `tensors` is how many parameters and statistics were frozen at any time, `changed` the names of those that were
    not the same to the last bit.
    """

    tensors: int
    changed: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Predicted(Event):
    """What the run will cost, by steps that were timed on this machine before: see `studio.training.cost`.

    `seconds_per_epoch` while so many stages are frozen, in the order of `depths`; `seconds` for the whole run, and
    `peak_bytes` the most memory that it adds, None where that was not measured.
    """

    depths: list[int]
    seconds_per_epoch: list[float]
    seconds: float
    peak_bytes: int | None = None


@dataclass(frozen=True)
class Spent(Event):
    """The most memory that the run had added to what its process held before, in bytes: on the device, if there is one.

    None where the system does not tell.
    """

    peak_bytes: int | None


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
    early: bool = False  # it ended by itself because nothing had got better for the recipe's patience


@dataclass(frozen=True)
class Failed(Event):
    """The run could not go on. `sentence` and `remedy` are for the person, `details` to copy into a report."""

    sentence: str
    remedy: str = ""
    details: str = ""
    checkpoint: str | None = None


KINDS: dict[str, type[Event]] = {
    kind.__name__: kind
    for kind in (
        *(Started, Prepared, Looked, Thawed, Steered, Paused, Resumed, Stepped, Validated, Measured, Tried, Saved),
        *(Hindered, Warned, Noted, Predicted, Spent, Proven, Finished, Failed),
    )
}
ENDS = (Finished, Failed)


def has_ended(events: Sequence[Event]) -> bool:
    """Whether the last life of a run, as told by its events, came to an end."""
    for event in reversed(events):
        if isinstance(event, ENDS):
            return True
        if isinstance(event, Resumed) and event.again:
            return False
    return False


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
