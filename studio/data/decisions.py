"""What a person decided about single pictures, kept in the workspace beside the dataset, never in the user's files.

`decisions.json` is a history of steps, so that the last one can always be undone; `alike.json` holds the groups of near
copies that a check found. What is not understood in them is refused with a sentence, and stays as it is.
"""

import csv
import io
import json
import math
import time
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args

from studio.data.record import Record, is_text
from studio.errors import DataError
from studio.workspace import lock

Action = Literal["set-aside", "move", "keep"]
Groups = tuple[tuple[str, ...], ...]

DECISIONS, ALIKE = "decisions.json", "alike.json"
_LATEST = 1e11  # seconds since 1970; later years have five digits, which no date is written with
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # how a cell begins that a sheet computes


@dataclass(frozen=True)
class Decision:
    """What is to become of the picture at `path` (in the dataset), decided at `at` (seconds since 1970).

    `move` gives it the class `label`. `keep` only keeps it out of what `check` finds; for the others `check` says what
    brought it up, if anything did. A decision holds while the file has `size` bytes.
    """

    path: str
    action: Action
    label: str = ""
    check: str = ""
    at: float = 0.0
    size: int = 0


_FIELDS = tuple(field.name for field in fields(Decision))
_ACTIONS = get_args(Action)


@dataclass(frozen=True)
class _Step:
    """What was done at once: pictures that were decided on, or whose decisions were withdrawn."""

    decided: tuple[Decision, ...] = ()
    withdrawn: tuple[str, ...] = ()

    def as_json(self) -> str:
        if self.withdrawn:
            return json.dumps({"withdrawn": self.withdrawn})
        rows = [{name: value for name, value in asdict(one).items() if value != ""} for one in self.decided]
        return json.dumps({"decided": rows})


class Decisions:
    """The decisions in a dataset's folder of the workspace. Any number of processes may write at once.

    Every method raises DataError where the file is damaged or cannot be used; it is then left as it is.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._record = Record(
            folder / DECISIONS,
            "steps",
            "The list of decisions",
            "Mend it, or give it another name to begin without any decisions.",
        )

    def all(self) -> tuple[Decision, ...]:
        """Those that stand, by path: for each picture what becomes of it, and which checks it is kept out of.

        Whether they hold for the files as they are now is not asked here.
        """
        return _standing(self._steps())

    def add(self, decisions: Sequence[Decision]) -> None:
        """Decide, as one step. What a picture becomes replaces what was decided before, until this is undone."""
        now = time.time()
        dated = tuple(one if one.at else replace(one, at=now) for one in decisions)
        for one in dated:
            if fault := _fault(one):
                raise DataError(f"This cannot be decided: {fault}.", where=str(one.path)[:200])
        if dated:
            with self._writing():
                self._save([*self._steps(), _Step(decided=dated)])

    def undo(self) -> int:
        """Take the last step back; returns how many pictures it was about, 0 where there was no step."""
        with self._writing():
            steps = self._steps()
            if not steps:
                return 0
            self._save(steps[:-1])
        last = steps[-1]
        return len({one.path for one in last.decided} | set(last.withdrawn))

    def withdraw(self, paths: Iterable[str]) -> int:
        """Forget all decisions about these pictures, as one step; returns how many pictures had any."""
        with self._writing():
            steps = self._steps()
            some = {one.path for one in _standing(steps)} & set(paths)
            if some:
                self._save([*steps, _Step(withdrawn=tuple(sorted(some)))])
        return len(some)

    def as_csv(self) -> str:
        """A table for a spreadsheet, one line a decision, every cell quoted, none of them a formula; `at` is in UTC."""
        table = io.StringIO(newline="")
        writer = csv.writer(table, quoting=csv.QUOTE_ALL)
        writer.writerow(_FIELDS)
        for one in self.all():
            when = datetime.fromtimestamp(one.at, UTC).isoformat(timespec="seconds") if one.at else ""
            writer.writerow([*map(_cell, (one.path, one.action, one.label, one.check)), when, one.size])
        return table.getvalue()

    def write_down(self, decisions: Sequence[Decision]) -> None:
        """Put these in place of all that is there."""
        self._save([_Step(decided=tuple(decisions))] if decisions else [])

    def _steps(self) -> list[_Step]:
        return [self._step(number, step) for number, step in enumerate(self._record.read(), 1)]

    def _step(self, number: int, step: Any) -> _Step:
        if isinstance(step, dict) and len(step) == 1:
            if isinstance(rows := step.get("decided"), list):
                return _Step(decided=tuple(self._decision(number, row) for row in rows))
            if isinstance(paths := step.get("withdrawn"), list) and all(map(is_text, paths)):
                return _Step(withdrawn=tuple(paths))
        raise self._record.damaged(f"step {number} is none")

    def _decision(self, number: int, row: Any) -> Decision:
        if not isinstance(row, dict) or not row.keys() >= {"path", "action"}:
            raise self._record.damaged(f"step {number} holds something that is no decision")
        if unknown := row.keys() - _FIELDS:
            field = min(unknown)[:60]
            raise self._record.damaged(f"step {number} has a field {field!r}, which this studio does not know")
        one = Decision(**row)
        if fault := _fault(one):
            raise self._record.damaged(f"in step {number}, {fault}")
        return one

    def _save(self, steps: Sequence[_Step]) -> None:
        self._record.write(steps, _Step.as_json)

    def _writing(self) -> AbstractContextManager[object]:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            return lock(self.folder / "decisions.lock").acquire()
        except OSError as error:
            raise self._record.unwritable(error) from error


def save_alike(folder: Path, groups: Iterable[Iterable[str]]) -> None:
    """Write down which pictures are near copies of each other, by path; nothing is touched where that is known already.

    Raises DataError where it cannot be written.
    """
    record = _alike(folder)
    wanted = sorted(sorted(group) for group in map(set, groups) if len(group) > 1)
    if _groups(record) != tuple(map(tuple, wanted)):
        record.write(wanted)


def alike(folder: Path) -> Groups:
    """The groups of near copies that the last check found, by path. Raises DataError for a damaged file."""
    return _groups(_alike(folder))


def _alike(folder: Path) -> Record:
    remedy = "Delete the file: the next check writes it anew."
    return Record(folder / ALIKE, "groups", "The list of near copies", remedy)


def _groups(record: Record) -> Groups:
    groups = record.read()
    if not all(isinstance(group, list) and all(map(is_text, group)) for group in groups):
        raise record.damaged("a group in it is none")
    return tuple(tuple(group) for group in groups)


def _standing(steps: Iterable[_Step]) -> tuple[Decision, ...]:
    """What is left of these steps when each has replaced what it is about."""
    known: dict[str, dict[str, Decision]] = {}
    for step in steps:
        for path in step.withdrawn:
            known.pop(path, None)
        for one in step.decided:
            known.setdefault(one.path, {})[one.check if one.action == "keep" else ""] = one
    return tuple(known[path][check] for path in sorted(known) for check in sorted(known[path]))


def _fault(one: Decision) -> str:
    """Why this can be no decision, whoever wrote it; empty if it can."""
    if not all(map(is_text, (one.path, one.label, one.check))) or not one.path:
        return "its path, class or check is no text"
    if one.action not in _ACTIONS:
        return f"{str(one.action)[:60]!r} is nothing that can be done with a picture"
    if one.action == "move" and not one.label:
        return "the class to move to is missing"
    if one.action != "move" and one.label:
        return "only a picture that is moved gets a class"
    if one.action == "keep" and not one.check:
        return "the check is missing whose finding the picture is to be kept out of"
    if type(one.size) is not int or not 0 <= one.size < 1 << 63:
        return "its size is no number of bytes"
    if type(one.at) not in (int, float) or not math.isfinite(one.at) or not 0 <= one.at < _LATEST:
        return "its time is none"
    return ""


def _cell(text: str) -> str:
    """`text` as a cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text
