"""A JSON file with one list in it, which anybody may have edited: read with bounds, written whole or not at all."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from studio.errors import DataError
from studio.workspace import replace_file

MOST_BYTES = 64 << 20
LONGEST = 4096  # letters of a text in it
_EDITION = 1


@dataclass(frozen=True)
class Record:
    """The list called `name` in `file`. `called` says what the file is, `remedy` what to do about a damaged one."""

    file: Path
    name: str
    called: str
    remedy: str

    def read(self) -> list[Any]:
        """The list; empty where there is no file. Raises DataError, and leaves the file as it is."""
        try:
            with self.file.open("rb") as handle:
                data = handle.read(MOST_BYTES + 1)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise DataError(
                f"{self.called} cannot be read ({error.strerror}).", "Change the file's permissions.", self.file
            ) from error
        if len(data) > MOST_BYTES:
            raise self.damaged(f"the file is larger than {MOST_BYTES >> 20} MB")
        try:
            record = json.loads(data.decode("utf-8"))
        except (ValueError, RecursionError) as error:
            raise self.damaged("the file is no whole JSON") from error
        if not isinstance(record, dict) or not isinstance(record.get(self.name), list):
            raise self.damaged(f"the file has no list of {self.name}")
        if record.get("edition") != _EDITION:
            raise self.damaged("another edition of the studio wrote it")
        if unknown := record.keys() - {"edition", self.name}:
            raise self.damaged(f"the file has a field {min(unknown)[:60]!r}, which this studio does not know")
        return record[self.name]

    def write(self, items: Sequence[Any], as_json: Callable[[Any], str] = json.dumps) -> None:
        """Put these items, a line each, in place of what is there. Raises DataError; the file is then as it was."""
        body = ",\n".join(map(as_json, items))
        text = f'{{"edition": {_EDITION}, "{self.name}": [\n{body}\n]}}\n'
        if len(text) > MOST_BYTES:
            raise DataError(
                f"{self.called} would be larger than {MOST_BYTES >> 20} MB.", "Nothing was changed.", self.file
            )
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            replace_file(self.file, lambda temporary: temporary.write_bytes(text.encode("ascii")))
        except OSError as error:
            raise self.unwritable(error) from error

    def damaged(self, why: str) -> DataError:
        """The error for a file that cannot be understood."""
        return DataError(f"{self.called} cannot be understood: {why}.", self.remedy, self.file)

    def unwritable(self, error: OSError) -> DataError:
        """The error for a file that the disk does not take."""
        return DataError(
            f"{self.called} cannot be written ({error.strerror}).", "Make room on the disk, then try again.", self.file
        )


def is_text(text: Any) -> bool:
    """Whether this is text of a bearable length that can be written as UTF-8."""
    if not isinstance(text, str) or len(text) > LONGEST:
        return False
    return text.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in text)
