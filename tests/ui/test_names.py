"""Names that came from elsewhere never decide a path outside their folder."""

from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.ui.names import Names, safe_name, safe_path

HOSTILE = st.text(alphabet=st.one_of(st.characters(), st.sampled_from("./\\:\0\n ~")), max_size=300)


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("cat/1.jpg", "cat/1.jpg"),
        ("../../etc/passwd", "etc/passwd"),
        ("/etc/passwd", "etc/passwd"),
        ("C:\\Users\\cat.jpg", "C_/Users/cat.jpg"),
        ("a/./b//c.jpg", "a/b/c.jpg"),
        ("cat/ .. /1.jpg", "cat/1.jpg"),
        ("con.jpg", "_con.jpg"),
        ("cat/aux", "cat/_aux"),
        ("a\x00b\nc.jpg", "a_b_c.jpg"),
        ("gpj.\u202eexe", "gpj._exe"),
        ("Katze \U0001f431/ä ö.jpg", "Katze \U0001f431/ä ö.jpg"),
        ("trailing./dots. .", "trailing/dots"),
        ("", "unnamed"),
        ("..", "unnamed"),
    ],
)
def test_a_path_is_made_safe(said: str, kept: str) -> None:
    assert str(safe_path(said)) == kept


def test_a_long_name_keeps_its_suffix() -> None:
    name = safe_name("ä" * 400 + ".jpeg")
    assert name.endswith(".jpeg") and len(name.encode()) <= 150


@given(HOSTILE)
def test_no_path_leaves_its_folder(path: str) -> None:
    safe = safe_path(path)
    assert not safe.is_absolute() and ".." not in safe.parts and len(safe.parts) <= 16
    assert all(0 < len(part.encode()) < 256 and not set(part) & set("\0\n\\:") for part in safe.parts)
    assert Path("/root", safe).resolve().is_relative_to("/root")


@given(st.lists(HOSTILE, max_size=12))
def test_no_two_files_get_the_same_name(paths: list[str]) -> None:
    names = Names()
    claimed = [names.claim(path) for path in paths]
    folded = [str(path).casefold() for path in claimed]
    assert len(set(folded)) == len(folded)
    folders = {str(parent).casefold() for path in claimed for parent in path.parents if parent != PurePosixPath(".")}
    assert not folders & set(folded), "a file and a folder under one name"


def test_names_that_differ_only_in_case_are_told_apart() -> None:
    names = Names()
    assert [str(names.claim(path)) for path in ("cat/1.jpg", "cat/1.JPG", "Cat/1.jpg", "cat/1.jpg/x")] == [
        "cat/1.jpg",
        "cat/1 (2).JPG",
        "Cat/1 (3).jpg",
        "cat/1 (4).jpg/x",
    ]
