"""What a person decides about pictures holds wherever they are opened, can be undone, and never touches a file."""

import csv
import io
import json
import random
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.data import library as libraries
from studio.data import record
from studio.data.dataset import BY_YOU, Dataset
from studio.data.decided import decide, under
from studio.data.decisions import Decision, Decisions, alike, save_alike
from studio.data.identity import home
from studio.data.intake import open_data, read_folder
from studio.data.library import Library
from studio.errors import DataError
from studio.workspace import Workspace

Pictures = Callable[..., Path]
CHECKOUT = Path(__file__).resolve().parents[2]
HOSTILE = ("=1+1.png", "@SUM(A1).png", " +3.png", "<b>x.png", 'a"b,c;d.png', "new\nline.png", "\u202egnp.png", "'.png")


def labels(dataset: Dataset) -> dict[str, str]:
    return {sample.path: sample.label for sample in dataset.samples}


def contents(root: Path) -> dict[str, tuple[bytes, int]]:
    files = (path for path in [root, *sorted(root.rglob("*"))] if path.is_file())
    return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def kept(source: Path, workspace: Workspace) -> Decisions:
    return Decisions(home(source, workspace))


def as_source(kind: str, root: Path, workspace: Workspace) -> Path:
    """The pictures in `root`, whose paths have two parts, as another kind of source with the same paths."""
    if kind == "zip":
        with zipfile.ZipFile(root.with_suffix(".zip"), "w") as target:
            for path in root.rglob("*.*"):
                target.write(path, path.relative_to(root))
        return root.with_suffix(".zip")
    if kind == "table":
        rows = "".join(f"{path.relative_to(root)},{path.parent.name}\n" for path in root.rglob("*.*"))
        (root / "t.csv").write_text("path,label\n" + rows)
        return root / "t.csv"
    if kind == "upload":
        upload = workspace.uploads / "u1" / "pets"
        upload.parent.mkdir()
        return root.rename(upload)
    return root


@pytest.mark.parametrize("kind", ["folder", "zip", "table", "upload"])
def test_decisions_hold_for_every_kind_of_source(kind: str, workspace: Workspace, pictures: Pictures) -> None:
    source = as_source(kind, pictures(classes=("cat", "dog", "fox")), workspace)
    theirs = source.parent if kind == "table" else source
    before, read = contents(theirs), open_data(source, workspace)
    kept(source, workspace).add(
        [
            *decide(read, ["cat/cat-000.png"], "set-aside", check="blurry"),
            *decide(read, ["cat/cat-002.png"], "move", "dog"),
            *decide(read, ["dog/dog-000.png"], "keep", check="dark"),
        ]
    )
    entry = Library(workspace).add(source)
    for now in (open_data(source, workspace), Library(workspace).open(entry.id)):
        assert set(labels(read)) - set(labels(now)) == {"cat/cat-000.png"}
        assert labels(now)["cat/cat-002.png"] == "dog" and labels(now)["cat/cat-001.jpg"] == "cat"
        assert [(one.path, one.action) for one in now.decided] == [
            ("cat/cat-000.png", "set-aside"),
            ("cat/cat-002.png", "move"),
            ("dog/dog-000.png", "keep"),
        ]
        (aside,) = [item for item in now.set_aside if item.reason == BY_YOU]
        assert aside.path == "cat/cat-000.png" and not aside.unreadable
        assert now.as_read == read and now.root == read.root
    assert contents(theirs) == before


def test_a_class_that_loses_all_its_pictures_is_gone_and_can_be_moved_to_again(
    workspace: Workspace, pictures: Pictures
) -> None:
    source = pictures(each=2)
    cats = [path for path in labels(read_folder(source)) if path.startswith("cat")]
    kept(source, workspace).add(decide(open_data(source, workspace), cats, "move", "dog"))
    assert open_data(source, workspace).classes == ("dog",)
    kept(source, workspace).add(decide(open_data(source, workspace), ["dog/dog-000.png"], "move", "cat"))
    assert open_data(source, workspace).counts() == {"cat": 1, "dog": 3}
    everything = [*cats, "dog/dog-000.png", "dog/dog-001.jpg"]
    kept(source, workspace).add(decide(open_data(source, workspace), everything, "set-aside"))
    assert open_data(source, workspace).samples == ()


def test_what_is_not_there_is_not_decided_on(workspace: Workspace, pictures: Pictures) -> None:
    read = open_data(pictures(), workspace)
    with pytest.raises(DataError, match="no class 'bird'"):
        decide(read, ["cat/cat-000.png"], "move", "bird")
    with pytest.raises(DataError, match="no picture 'cat/gone.png'"):
        decide(read, ["cat/cat-000.png", "cat/gone.png"], "set-aside")
    for wrong in (
        Decision("", "set-aside"),
        Decision("a", "move"),
        Decision("a", "keep"),
        Decision("a", "set-aside", "dog"),
        Decision("a", "delete"),  # type: ignore[arg-type]
        Decision("a\ud800", "set-aside"),
        Decision("a", "set-aside", size=-1),
        Decision("a", "set-aside", at=float("nan")),
    ):
        with pytest.raises(DataError, match="cannot be decided"):
            kept(read.root, workspace).add([Decision("b", "set-aside"), wrong])
    assert kept(read.root, workspace).all() == () and not home(read.root, workspace).exists()


def test_the_last_step_is_undone_whole_and_what_stood_before_stands_again(tmp_path: Path) -> None:
    decisions = Decisions(tmp_path / "new")
    assert decisions.undo() == 0
    decisions.add([Decision("a", "move", "x", at=1.0), Decision("b", "set-aside", at=1.0)])
    decisions.add([Decision("a", "set-aside", at=2.0), Decision("a", "keep", check="dark", at=2.0)])
    assert [(one.path, one.action) for one in decisions.all()] == [
        ("a", "set-aside"),
        ("a", "keep"),
        ("b", "set-aside"),
    ]
    assert decisions.withdraw(["a", "unknown"]) == 1 and [one.path for one in decisions.all()] == ["b"]
    assert decisions.withdraw(["a"]) == 0
    assert decisions.undo() == 1 and len(decisions.all()) == 3
    assert decisions.undo() == 1
    assert decisions.all() == (Decision("a", "move", "x", at=1.0), Decision("b", "set-aside", at=1.0))
    assert decisions.undo() == 2 and decisions.all() == () and decisions.undo() == 0


def test_a_decision_is_dated_and_nothing_decided_is_no_step(tmp_path: Path) -> None:
    decisions, began = Decisions(tmp_path), time.time()
    decisions.add([Decision("a", "set-aside")])
    decisions.add([])
    assert began <= decisions.all()[0].at <= time.time()
    assert decisions.undo() == 1 and decisions.all() == ()


def test_a_file_that_cannot_be_read_can_be_set_aside_and_is_then_no_fault(
    workspace: Workspace, pictures: Pictures
) -> None:
    source = pictures()
    (source / "cat" / "page.jpg").write_text("<html>")
    read = open_data(source, workspace)
    assert [item.path for item in read.set_aside if item.unreadable] == ["cat/page.jpg"]
    kept(source, workspace).add(decide(read, ["cat/page.jpg"], "set-aside", check="unreadable"))
    assert [(item.reason, item.unreadable) for item in open_data(source, workspace).set_aside] == [(BY_YOU, False)]


def test_a_decision_is_about_the_file_of_that_size_and_no_other(workspace: Workspace, pictures: Pictures) -> None:
    source, path = pictures(), "cat/cat-000.png"
    kept(source, workspace).add(decide(open_data(source, workspace), [path], "set-aside"))
    old = (source / path).read_bytes()
    (source / path).write_bytes(old + b"x")
    now = open_data(source, workspace)
    assert path in labels(now) and now.decided == () and now.as_read is None
    (source / path).write_bytes(old)
    assert path not in labels(open_data(source, workspace))
    (source / path).unlink()
    assert open_data(source, workspace).decided == () and len(kept(source, workspace).all()) == 1


def test_pinned_decisions_hold_whatever_became_of_the_file(pictures: Pictures) -> None:
    read = read_folder(pictures())
    some = [Decision("cat/cat-000.png", "set-aside", size=1), Decision("cat/gone.png", "set-aside", size=1)]
    assert under(read, some) is read
    assert [one.path for one in under(read, some, pinned=True).decided] == ["cat/cat-000.png"]


STEP = '{"edition": 1, "steps": [{"decided": [%s]}]}'
DAMAGED = {
    "empty": "",
    "cut off": '{"edition": 1, "steps": [{"decided": [',
    "no text": b"\xff\xfe\x00",
    "deep": "[" * 200_000,
    "another thing": "[]",
    "no steps": '{"edition": 1}',
    "steps of another kind": '{"edition": 1, "steps": {}}',
    "newer": '{"edition": 2, "steps": []}',
    "more": '{"edition": 1, "steps": [], "author": "me"}',
    "a step of two": '{"edition": 1, "steps": [{"decided": [], "withdrawn": []}]}',
    "withdrawn numbers": '{"edition": 1, "steps": [{"withdrawn": [1]}]}',
    "a row": STEP % '["a"]',
    "no path": STEP % '{"action": "set-aside"}',
    "a field": STEP % '{"path": "a", "action": "set-aside", "by": "me"}',
    "an action": STEP % '{"path": "a", "action": "delete"}',
    "a list": STEP % '{"path": "a", "action": ["move"]}',
    "a long path": STEP % json.dumps({"path": "a" * 5000, "action": "set-aside"}),
    "half a letter": STEP % r'{"path": "\ud800", "action": "set-aside"}',
    "a size": STEP % '{"path": "a", "action": "set-aside", "size": true}',
    "a large size": STEP % '{"path": "a", "action": "set-aside", "size": 1e400}',
    "many digits": STEP % ('{"path": "a", "action": "set-aside", "size": ' + "9" * 9999 + "}"),
    "a time": STEP % '{"path": "a", "action": "set-aside", "at": NaN}',
    "a class without a move": STEP % '{"path": "a", "action": "keep", "check": "dark", "label": "b"}',
}


@pytest.mark.parametrize("text", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_file_is_told_of_and_left_as_it_is(
    text: str | bytes, workspace: Workspace, pictures: Pictures
) -> None:
    source = pictures(each=2)
    folder = home(source, workspace)
    folder.mkdir()
    data = text.encode() if isinstance(text, str) else text
    (folder / "decisions.json").write_bytes(data)
    decisions = Decisions(folder)
    for attempt in (
        lambda: open_data(source, workspace),
        lambda: Library(workspace).add(source),
        lambda: decisions.add([Decision("a", "set-aside")]),
        decisions.undo,
        lambda: decisions.withdraw(["a"]),
        decisions.as_csv,
    ):
        with pytest.raises(DataError, match=r"decisions\.json: The list of decisions cannot be understood") as told:
            attempt()
        assert "another name" in told.value.remedy and len(str(told.value)) < 400
    assert (folder / "decisions.json").read_bytes() == data


def test_whatever_happens_to_the_bytes_it_is_read_or_refused(tmp_path: Path) -> None:
    decisions, chance, refused = Decisions(tmp_path), random.Random(5), 0
    decisions.add([Decision("a/1.png", "move", "b", "dark", 5.0, 7), Decision("a/2.png", "keep", check="dark")])
    decisions.withdraw(["a/2.png"])
    file = tmp_path / "decisions.json"
    sound = file.read_bytes()
    for _ in range(1500):
        data = bytearray(sound)
        for _ in range(chance.randint(1, 3)):
            at = chance.randrange(len(data))
            data[at : at + chance.randint(0, 3)] = chance.choice(
                [b"", b'"', b"9", b"]", b"null", b"\\u0000", b"\xff", b"-1"]
            )
        file.write_bytes(data)
        try:
            decisions.as_csv()
        except DataError as error:
            refused += 1
            assert error.remedy and len(error.what) < 300
    assert 0 < refused < 1500


def test_a_damaged_list_of_near_copies_says_what_to_do(workspace: Workspace, pictures: Pictures) -> None:
    source = pictures(each=2)
    folder = home(source, workspace)
    save_alike(folder, [["cat/cat-000.png", "cat/cat-001.jpg"]])
    for text in ("{", '{"edition": 1, "groups": [[1]]}', '{"edition": 1, "groups": ["ab"]}'):
        (folder / "alike.json").write_text(text)
        with pytest.raises(DataError, match=r"alike\.json: The list of near copies") as told:
            open_data(source, workspace)
        assert "next check" in told.value.remedy


def test_what_would_be_too_large_is_refused_and_what_is_there_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decisions = Decisions(tmp_path)
    decisions.add([Decision("a", "set-aside")])
    with monkeypatch.context() as small:
        small.setattr(record, "MOST_BYTES", 500)
        with pytest.raises(DataError, match="larger"):
            decisions.add([Decision(f"{n:0100}", "set-aside") for n in range(9)])
        assert [one.path for one in decisions.all()] == ["a"]
        small.setattr(record, "MOST_BYTES", 20)
        with pytest.raises(DataError, match="larger than"):
            decisions.all()
    assert [one.path for one in decisions.all()] == ["a"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["decisions.json", "decisions.lock"]


WRITER = """
import sys
from pathlib import Path
from studio.data.decisions import Decision, Decisions
for n in range(20):
    Decisions(Path(sys.argv[1])).add([Decision(f"{sys.argv[2]}-{n}", "set-aside")])
"""


def test_nothing_is_lost_where_many_decide_at_once(tmp_path: Path) -> None:
    others = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), name], cwd=CHECKOUT) for name in ("one", "two")
    ]
    threads = [
        threading.Thread(target=lambda k=k: Decisions(tmp_path).add([Decision(f"thread-{k}", "set-aside")]))
        for k in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [other.wait(60) for other in others] == [0, 0]
    assert len(Decisions(tmp_path).all()) == 48
    assert sum(iter(Decisions(tmp_path).undo, 0)) == 48


PATHS = [f"{label}/{n}.png" for label in ("a", "b") for n in range(3)]
ONE = st.one_of(
    st.tuples(st.just("set-aside"), st.sampled_from(PATHS), st.just(""), st.sampled_from(["", "dark"])),
    st.tuples(st.just("move"), st.sampled_from(PATHS), st.sampled_from(["a", "b"]), st.just("")),
    st.tuples(st.just("keep"), st.sampled_from(PATHS), st.just(""), st.sampled_from(["dark", "blurry"])),
)
DEED = st.one_of(
    st.tuples(st.just("add"), st.lists(ONE, min_size=1, max_size=4)),
    st.tuples(st.just("withdraw"), st.lists(st.sampled_from(PATHS), max_size=3)),
    st.tuples(st.just("undo"), st.just([])),
)


@settings(deadline=None, max_examples=40)
@given(st.lists(DEED, max_size=12))
def test_whatever_is_done_and_undone_is_what_a_plain_model_says(deeds: list) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        root, folder = Path(scratch, "pictures"), Path(scratch, "kept")
        for path in PATHS:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(b"\x89PNG\r\n\x1a\n" + path.encode())
        before, read = contents(root), read_folder(root)
        states: list[tuple[dict[str, tuple[str, str]], set[tuple[str, str]]]] = [({}, set())]
        for what, given_ in deeds:
            places, keeps = dict(states[-1][0]), set(states[-1][1])
            if what == "undo":
                assert bool(Decisions(folder).undo()) == (len(states) > 1)
                states = states[:-1] or states
                continue
            if what == "withdraw":
                if Decisions(folder).withdraw(given_):
                    places = {path: place for path, place in places.items() if path not in given_}
                    states.append((places, {one for one in keeps if one[0] not in given_}))
                continue
            size = (root / PATHS[0]).stat().st_size
            Decisions(folder).add(
                [Decision(path, action, label, check, 0.0, size) for action, path, label, check in given_]
            )
            for action, path, label, check in given_:
                if action == "keep":
                    keeps.add((path, check))
                else:
                    places[path] = (action, label)
            states.append((places, keeps))
        places, keeps = states[-1]
        now = under(read, Decisions(folder).all())
        expected = {path: label for path, label in labels(read).items() if places.get(path, ("", ""))[0] != "set-aside"}
        expected |= {path: label for path, (action, label) in places.items() if action == "move"}
        assert labels(now) == expected
        assert {(one.path, one.check) for one in now.decided if one.action == "keep"} == keeps
        assert {item.path for item in now.set_aside} == {
            p for p, (action, _) in places.items() if action == "set-aside"
        }
        assert contents(root) == before


def test_the_library_sees_a_decision_at_once_and_reads_no_picture_again_for_it(
    workspace: Workspace, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = pictures()
    time.sleep(0.06)
    library = Library(workspace)
    entry = library.add(source)
    first = library.open(entry.id)
    monkeypatch.setattr(libraries, "open_watched", lambda *_: pytest.fail("read again"))
    decisions = Decisions(entry.folder)
    for _ in range(3):
        decisions.add(decide(first, ["cat/cat-000.png"], "set-aside"))
        assert len(library.open(entry.id).samples) == len(first.samples) - 1
        decisions.undo()
        assert library.open(entry.id) == first
    save_alike(entry.folder, [["cat/cat-000.png", "cat/cat-001.jpg", "elsewhere.png"], ["dog/dog-000.png", "gone"]])
    assert library.open(entry.id).alike == (("cat/cat-000.png", "cat/cat-001.jpg"),)
    time.sleep(0.06)
    assert library.open(entry.id) is library.open(entry.id)
    (entry.folder / "alike.json").unlink()
    assert library.open(entry.id).alike == ()


def test_decisions_are_part_of_the_fingerprint_whenever_they_were_made(
    workspace: Workspace, pictures: Pictures
) -> None:
    source = pictures()
    decisions, plain = kept(source, workspace), open_data(source, workspace).fingerprint
    seen = {plain}
    for action, label, check in (("set-aside", "", ""), ("move", "dog", ""), ("keep", "", "dark")):
        for at in (5.0, 6.0):
            made = decide(open_data(source, workspace), ["cat/cat-000.png"], action, label, check)  # type: ignore[arg-type]
            decisions.add([Decision(one.path, one.action, one.label, one.check, at, one.size) for one in made])
            seen.add(open_data(source, workspace).fingerprint)
            decisions.undo()
    assert len(seen) == 4 and open_data(source, workspace).fingerprint == plain
    save_alike(home(source, workspace), [["cat/cat-000.png", "cat/cat-001.jpg"]])
    assert open_data(source, workspace).fingerprint == plain


def test_copies_are_those_of_what_is_left_with_their_new_labels(workspace: Workspace, pictures: Pictures) -> None:
    source = pictures()
    for name in ("cat/x.png", "dog/y.png", "dog/z.png"):
        (source / name).write_bytes((source / "cat/cat-000.png").read_bytes())
    read = open_data(source, workspace)
    kept(source, workspace).add(
        [*decide(read, ["cat/cat-000.png"], "set-aside"), *decide(read, ["dog/y.png"], "move", "cat")]
    )
    (group,) = open_data(source, workspace).copies
    assert [(sample.path, sample.label) for sample in group] == [
        ("cat/x.png", "cat"),
        ("dog/y.png", "cat"),
        ("dog/z.png", "dog"),
    ]


def test_near_copies_are_kept_as_groups_and_not_written_twice(tmp_path: Path) -> None:
    assert alike(tmp_path) == ()
    save_alike(tmp_path, [["b", "a", "b"], ["alone"], ["d", "c"]])
    assert alike(tmp_path) == (("a", "b"), ("c", "d"))
    at = (tmp_path / "alike.json").stat().st_mtime_ns
    save_alike(tmp_path, [["c", "d"], ["a", "b"]])
    assert (tmp_path / "alike.json").stat().st_mtime_ns == at
    save_alike(tmp_path, [])
    assert alike(tmp_path) == ()


def test_names_are_kept_to_the_letter_and_are_no_formulas_in_the_table(
    tmp_path: Path, workspace: Workspace, pictures: Pictures
) -> None:
    source = pictures(each=2)
    for name in HOSTILE:
        (source / "cat" / name).write_bytes((source / "cat/cat-000.png").read_bytes())
    paths = [f"cat/{name}" for name in HOSTILE]
    decisions = kept(source, workspace)
    decisions.add(decide(open_data(source, workspace), paths, "set-aside"))
    assert {one.path for one in decisions.all()} == set(paths)
    assert not set(paths) & set(labels(open_data(source, workspace)))
    loose = Decisions(tmp_path / "loose")
    loose.add([Decision(name, "move", "=cmd|' /C calc'!A0", size=3, at=0.5) for name in HOSTILE])
    head, *rows = csv.reader(io.StringIO(loose.as_csv(), newline=""))
    assert head == ["path", "action", "label", "check", "at", "size"]
    assert not [cell for row in rows for cell in row if cell.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\n"))]
    assert {row[0].removeprefix("'") for row in rows} == {name.removeprefix("'") for name in HOSTILE}
    assert {tuple(row[1:]) for row in rows} == {("move", "'=cmd|' /C calc'!A0", "", "1970-01-01T00:00:00+00:00", "3")}
