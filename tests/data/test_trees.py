"""Whatever a folder looks like, each file in it is used or named as set aside, or a sentence says why it cannot be."""

import csv
import io
import tempfile
import unicodedata
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as some
from hypothesis.strategies import SearchStrategy

from studio.data.intake import read_folder
from studio.data.table import read_table
from studio.errors import DataError

GIF = b"GIF89a" + bytes(20)
LETTERS = some.characters(exclude_categories=("Cs",), exclude_characters="/\0")
NAME = some.one_of(
    some.sampled_from(("cat", "dog", "train", "val", "TEST", "Validation", ".hid", "con", "=1+1", "<b>", "*a*", " ")),
    some.text(LETTERS, min_size=1, max_size=12).filter(lambda name: name not in (".", "..")),
)
FILE: SearchStrategy[str] = some.builds(
    lambda stem, end: stem + end, NAME, some.sampled_from((".png", ".PNG", ".jpg", "", ".txt", ".zip", ".csv"))
)
TREE = some.lists(
    some.tuples(some.lists(NAME, max_size=3), FILE, some.sampled_from((GIF, GIF, GIF, b"", b"<html>"))), max_size=12
)


def laid_out(root: Path, tree: list[tuple[list[str], str, bytes]]) -> set[str]:
    """Write the tree, but for what clashes with what is there; returns the paths of its files."""
    for folders, name, content in tree:
        try:
            root.joinpath(*folders).mkdir(parents=True, exist_ok=True)
            root.joinpath(*folders, name).write_bytes(content)
        except OSError:
            continue  # a folder where a file is, or a name too long for this disk
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}


@settings(deadline=None)
@given(TREE)
def test_every_file_is_used_or_named_or_all_is_refused(tree: list[tuple[list[str], str, bytes]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        files = laid_out(Path(folder), tree)
        try:
            dataset = read_folder(folder)
        except DataError as error:
            assert error.what.endswith(".") and error.remedy
            return
        used, aside = {sample.path for sample in dataset.samples}, {item.path for item in dataset.set_aside}
        assert used <= files and not used & aside and len(dataset.classes) >= 2
        for path in files - used:
            assert path in aside or any(path.startswith(f"{left}/") for left in aside), path
        for sample in dataset.samples:
            assert sample.label in {unicodedata.normalize("NFC", part) for part in sample.path.split("/")[:-1]}
        assert dataset == read_folder(folder), "the same folder is the same dataset"


CELL = some.one_of(
    some.sampled_from(("a.gif", "b.gif", "a/../b.gif", "../a.gif", "/a.gif", "train", "val")), some.text()
)


@settings(deadline=None)
@given(some.lists(some.lists(CELL, min_size=2, max_size=4), max_size=8), some.booleans())
def test_a_table_is_read_or_refused_and_never_leaves_its_folder(rows: list[list[str]], with_split: bool) -> None:
    text = io.StringIO()
    written = csv.writer(text)
    written.writerow(["path", "label", "split"] if with_split else ["path", "label"])
    written.writerows([["a.gif", "a", "train"], ["b.gif", "b", "val"], *rows])
    with tempfile.TemporaryDirectory() as folder:
        for name in ("a.gif", "b.gif"):
            Path(folder, name).write_bytes(GIF)
        table = Path(folder, "t.csv")
        table.write_bytes(text.getvalue().encode("utf-8", "replace"))
        try:
            dataset = read_table(table)
        except DataError as error:
            assert error.what.endswith(".") and (error.remedy or "table" in str(error))
            return
        assert {sample.path for sample in dataset.samples} <= {"a.gif", "b.gif"}
