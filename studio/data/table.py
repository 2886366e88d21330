"""A CSV table says which picture is of which class: `path,label[,split]`, paths relative to the table's folder."""

import csv
import io
import os
from collections.abc import Iterator
from pathlib import Path

from studio.data.dataset import Dataset, Sample, SetAside
from studio.data.layout import checked, label_of, split_named
from studio.data.listing import batched_faults, inside
from studio.data.sniff import fault_of_name
from studio.errors import DataError

EXPECTED = "The first line must be path,label or path,label,split; every other line names one picture and its class."
COLUMNS = ("path", "label", "split")


def read_table(table: str | Path) -> Dataset:
    """The dataset a table describes. `root` is the folder of the table.

    Files that are missing or no pictures are set aside. Raises DataError, naming the line, for a line that cannot be
    understood, a path that leaves the folder, or a picture with two labels.
    """
    table = Path(table).expanduser().absolute()
    root, real_root = table.parent, os.path.realpath(table.parent)
    samples: dict[str, Sample] = {}
    lines: dict[str, int] = {}
    set_aside: list[SetAside] = []
    for line, row in _rows(table):
        sample = _sample(row, root, table, line)
        known = samples.get(sample.path)
        if known and known != sample:
            raise DataError(
                f"Line {line} says something else about {sample.path!r} than line {lines[sample.path]}.",
                "Keep one line for each picture.",
                table,
            )
        if known:
            set_aside.append(SetAside(sample.path, f"Named twice, in line {lines[sample.path]} and in line {line}."))
        elif not inside(str(root / sample.path), real_root):
            raise DataError(
                f"Line {line}: {sample.path!r} leaves the folder of the table.",
                "Paths must stay below the folder in which the table lies.",
                table,
            )
        else:
            samples[sample.path], lines[sample.path] = sample, line
    good, faulty = _existing(root, samples, lines)
    return checked(root, good, [*set_aside, *faulty])


def is_table(file: Path) -> bool:
    """Whether a CSV file found beside pictures is meant as their table: it has the columns of one and no others."""
    try:
        with file.open("rb") as handle:
            first = handle.readline(1000).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return False
    names = {name.strip().strip('"').lower() for name in first.split(_delimiter(first))}
    return {"path", "label"} <= names <= set(COLUMNS)


def _delimiter(first_line: str) -> str:
    return max(",;\t", key=first_line.count)


def _rows(table: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Each line that is not blank, as (its number in the file, the columns this studio knows)."""
    try:
        text = table.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError("This table is not written in UTF-8.", "Save it as “CSV UTF-8”.", table) from error
    except OSError as error:
        raise DataError(f"This table cannot be read ({error.strerror}).", "Check the path.", table) from error
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text.partition("\n")[0]))
    try:
        names = [name.strip().lower() for name in next(reader, [])]
        for name in ("path", "label"):
            if names.count(name) != 1:
                raise DataError(f"Line 1 of this table must name one column {name!r}.", EXPECTED, table)
        columns = {name: names.index(name) for name in COLUMNS if name in names}
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) < len(names):
                raise DataError(
                    f"Line {reader.line_num} has {len(cells)} columns and not {len(names)}.", EXPECTED, table
                )
            yield reader.line_num, {name: cells[at].strip() for name, at in columns.items()}
    except csv.Error as error:
        raise DataError(f"Line {reader.line_num} cannot be read ({error}).", EXPECTED, table) from error


def _sample(row: dict[str, str], root: Path, table: Path, line: int) -> Sample:
    path = row["path"] if (root / row["path"]).is_file() else row["path"].replace("\\", "/")
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if not parts or not row["label"] or "\0" in path:
        empty = "label" if parts else "path"
        raise DataError(f"Line {line}: the {empty} is missing.", EXPECTED, table)
    if path.startswith("/") or ".." in parts or Path(path).drive or path[1:2] == ":":
        raise DataError(
            f"Line {line}: {path!r} leaves the folder of the table.",
            "Write paths relative to the folder in which the table lies.",
            table,
        )
    split = split_named(row.get("split", ""))
    if row.get("split") and split is None:
        raise DataError(f"Line {line}: {row['split']!r} is no split.", "Use train, val or test.", table)
    return Sample("/".join(parts), label_of(row["label"]), split)


def _existing(root: Path, samples: dict[str, Sample], lines: dict[str, int]) -> tuple[list[Sample], list[SetAside]]:
    """The samples whose files begin like a picture, and the others with the line that names them."""
    paths = list(samples)
    named = {path: fault_of_name(path.rpartition("/")[2]) for path in paths}
    looked = batched_faults([(path, str(root / path)) for path in paths if not named[path]])
    faults = {**named, **looked}
    good = [samples[path] for path in paths if not faults[path]]
    return good, [
        SetAside(path, f"{fault} (Line {lines[path]} of the table.)", unreadable=True)
        for path, fault in faults.items()
        if fault
    ]
