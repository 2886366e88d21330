"""A run's curves as event files, for those who look at all their runs in TensorBoard."""

from pathlib import Path
from typing import Any

from studio.errors import RunError, StudioError
from studio.runs.run import Run
from studio.training.events import Resumed, Stepped
from studio.workspace import replace_file

NAME = "events.out.tfevents.thaw"
Scalar = tuple[float, int, str, float]  # when it was (seconds since 1970), after how many updates, its name, its value

_OF_AN_EPOCH = ("train_loss", "val_loss", "train_accuracy", "val_accuracy", "lr", "images_per_second")
_OF_A_MOMENT = ("train_loss", "train_accuracy", "lr", "images_per_second")


def write_events(run: Run, folder: Path) -> Path:
    """Write what the run told so far into `folder`, and return the file; one that was written before is replaced.

    Raises RunError where the folder takes no file, StudioError where the package that writes them is not installed.
    """
    events = _packed(run)

    def write(path: Path) -> None:
        from tensorboardX.record_writer import RecordWriter

        records = RecordWriter(str(path))
        for event in events:
            records.write(event)
        records.close()

    try:
        folder.mkdir(parents=True, exist_ok=True)
        replace_file(folder / NAME, write)
    except OSError as error:
        raise RunError(
            f"The event file cannot be written: {error.strerror}.", "Choose another folder with --out.", folder
        ) from error
    return folder / NAME


def scalars(run: Run) -> list[Scalar]:
    """Every number of a run that makes a curve, in the order in which it happened."""
    progress = run.progress()
    classes = progress.started.classes if progress.started else []
    found: list[tuple[float, int, str, float | None]] = []
    for event in progress.validated:
        found += [(event.at, event.step, f"epoch/{name}", getattr(event, name)) for name in _OF_AN_EPOCH]
        each = zip(classes, event.class_accuracy or (), strict=False)
        found += [(event.at, event.step, f"class_accuracy/{label}", share) for label, share in each]
    for event in _moments(run):
        found += [(event.at, event.step, f"step/{name}", getattr(event, name)) for name in _OF_A_MOMENT]
    return [(at, step, name, value) for at, step, name, value in sorted(found, key=_when) if value is not None]


def _moments(run: Run) -> list[Stepped]:
    """All moments within epochs, but for those that an interruption undid."""
    kept: list[Stepped] = []
    for event in run.events():
        if isinstance(event, Stepped):
            kept.append(event)
        elif isinstance(event, Resumed) and event.again:
            kept = [moment for moment in kept if moment.step <= event.step]
    return kept


def _when(scalar: tuple[float, int, str, float | None]) -> tuple[float, int, str]:
    return scalar[:3]


def _packed(run: Run) -> list[bytes]:
    """The scalars as TensorBoard's own records. Raises StudioError where tensorboardX is not installed."""
    try:
        from tensorboardX.proto import event_pb2, summary_pb2
    except ImportError as error:
        raise StudioError(
            "Event files are written by the package tensorboardX, which is not installed.",
            'pip install "thaw-studio[tensorboard]"',
        ) from error
    event_of: Any = getattr(event_pb2, "Event")  # noqa: B009  (protobuf makes its classes when it is imported)
    summary_of: Any = getattr(summary_pb2, "Summary")  # noqa: B009
    records = [event_of(wall_time=0.0, file_version="brain.Event:2")]
    for at, step, name, value in scalars(run):
        summary = summary_of(value=[summary_of.Value(tag=name, simple_value=value)])
        records.append(event_of(wall_time=at, step=step, summary=summary))
    return [record.SerializeToString() for record in records]
