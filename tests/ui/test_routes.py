"""The studio's own addresses, without a browser: what comes in, what goes out, and who is turned away."""

import heapq
import io
import json
import os
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient

from studio.checks import kept
from studio.checks.report import Finding, Report
from studio.data.called import called
from studio.data.decided import decide
from studio.data.decisions import Decisions
from studio.data.library import Library
from studio.errors import PictureError, RunError
from studio.recipe import Recipe
from studio.runs import pins
from studio.runs.progress import Progress
from studio.runs.store import Store
from studio.training.events import Stepped
from studio.ui import uploads
from studio.ui.receiver import Receiver
from studio.ui.routes import routes
from studio.ui.routes.gate import TOKEN_HEADER, token
from studio.ui.routes.report import decisions_address, report_address
from studio.ui.routes.run import Crowd
from studio.workspace import Workspace

OURS = {TOKEN_HEADER: token(), "Sec-Fetch-Site": "same-origin", "Origin": "http://testserver"}


@pytest.fixture
def client(workspace: Workspace) -> Iterator[TestClient]:
    with TestClient(Starlette(routes=routes(workspace))) as client:
        yield client


@pytest.fixture
def dataset(workspace: Workspace, pictures: Callable[..., Path]) -> str:
    return Library(workspace).add(pictures(each=3, side=300)).id


def framed(*files: tuple[int, str, bytes]) -> bytes:
    body = b""
    for n, path, content in files:
        head = json.dumps({"n": n, "path": path, "size": len(content)}).encode()
        body += len(head).to_bytes(4, "big") + head + content
    return body


def png(shade: int = 0) -> bytes:
    target = io.BytesIO()
    Image.new("RGB", (20, 20), (shade % 256, 80, 120)).save(target, "PNG")
    return target.getvalue()


def begin(client: TestClient, kind: str = "folder", name: str = "pets", size: int = 1000) -> str:
    answer = client.post("/thaw/upload/begin", headers=OURS, json={"kind": kind, "name": name, "bytes": size})
    assert answer.status_code == 200, answer.text
    return answer.json()["upload"]


def send(client: TestClient, upload: str, body: bytes) -> Any:
    return client.post(f"/thaw/upload/{upload}/files", headers=OURS, content=body)


def finish(client: TestClient, upload: str, files: int) -> Any:
    return client.post(f"/thaw/upload/{upload}/finish", headers=OURS, json={"files": files})


def left(workspace: Workspace) -> list[str]:
    return sorted(str(path.relative_to(workspace.uploads)) for path in workspace.uploads.rglob("*") if path.is_file())


# ---- uploads


def test_a_folder_arrives_complete_and_becomes_a_dataset(client: TestClient, workspace: Workspace) -> None:
    upload = begin(client)
    assert send(client, upload, framed((0, "cat/1.png", png(1)), (1, "cat/2.png", png(2)))).json()["files"] == 2
    assert send(client, upload, framed((2, "dog/1.png", png(3)), (3, "dog/2.png", png(4)))).json()["files"] == 4
    entry = Library(workspace).get(finish(client, upload, 4).json()["dataset"])
    assert (entry.name, entry.kind) == ("pets", "upload")
    assert Library(workspace).open(entry.id).counts() == {"cat": 2, "dog": 2}
    assert not list(workspace.uploads.glob("*.part"))


def test_a_name_that_was_made_safe_is_still_shown_as_it_was(client: TestClient, workspace: Workspace) -> None:
    upload = begin(client)
    odd = 'cat/<b>1</b> "a": b?.png'
    send(client, upload, framed((0, odd, png(1)), (1, "cat/2.png", png(2)), (2, "../dog/3.png", png(3))))
    dataset = Library(workspace).open(finish(client, upload, 3).json()["dataset"])
    known = called(dataset.root, workspace)
    shown = [known.get(sample.path, sample.path) for sample in dataset.samples]
    assert sorted(shown) == sorted([odd, "cat/2.png", "../dog/3.png"])
    assert all(set('<>:"?').isdisjoint(sample.path) and ".." not in sample.path for sample in dataset.samples)


@pytest.mark.parametrize(
    ("damaged", "shown"),
    [("", {}), ("[]", {}), ("[" * 5000, {}), ("\0", {}), ('{"pets/cat/2.png": 7}', {"cat/2.png": "7"})],
)
def test_damaged_names_harm_nobody(
    damaged: str, shown: dict[str, str], client: TestClient, workspace: Workspace
) -> None:
    upload = begin(client)
    send(client, upload, framed((0, "cat/1.png", png(1)), (1, "cat/2.png", png(2)), (2, "dog/3.png", png(3))))
    dataset = Library(workspace).open(finish(client, upload, 3).json()["dataset"])
    (dataset.root.parent / "names.json").write_text(damaged)
    assert called(dataset.root, workspace) == shown


def test_a_zip_is_unpacked_and_not_kept_twice(client: TestClient, workspace: Workspace) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for n in range(4):
            archive.writestr(f"{'cat' if n % 2 else 'dog'}/{n}.png", png(n))
    upload = begin(client, "zip", "my pets.zip")
    send(client, upload, framed((0, "my pets.zip", packed.getvalue())))
    entry = Library(workspace).get(finish(client, upload, 1).json()["dataset"])
    assert (entry.name, entry.kind) == ("my pets", "zip")
    assert Library(workspace).open(entry.id).counts() == {"cat": 2, "dog": 2}
    assert left(workspace) == []


def test_an_incomplete_upload_is_not_finished(client: TestClient) -> None:
    upload = begin(client)
    send(client, upload, framed((0, "cat/1.png", png())))
    answer = finish(client, upload, 3)
    assert answer.status_code == 409 and answer.json()["error"] == "2 of 3 files have not arrived."
    send(client, upload, framed((1, "cat/2.png", png(1)), (2, "dog/2.png", png(2))))
    assert finish(client, upload, 3).status_code == 200


def test_a_file_sent_again_replaces_itself(client: TestClient, workspace: Workspace) -> None:
    upload = begin(client)
    send(client, upload, framed((0, "cat/1.png", b"half")))
    answer = send(client, upload, framed((0, "cat/1.png", png())))
    assert answer.json() == {"files": 1}
    assert [path.read_bytes() for path in workspace.uploads.rglob("*.png")] == [png()]


def test_an_attempt_that_was_given_up_cannot_harm_the_next(workspace: Workspace) -> None:
    upload = uploads.Uploads(workspace).begin("folder", "pets", 10)
    body = framed((0, "cat/1.png", png()))
    late, next_one = Receiver(upload), Receiver(upload)
    late.feed(body[:-5])
    next_one.feed(body)
    next_one.finish()
    late.close()
    assert upload.files == 1
    assert [path.read_bytes() for path in workspace.uploads.rglob("*.png")] == [png()]


@given(st.lists(st.tuples(st.text(max_size=20), st.binary(max_size=300)), max_size=6), st.integers(1, 400))
def test_files_arrive_whole_however_the_body_is_cut(files: list[tuple[str, bytes]], size: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        upload = uploads.Uploads(Workspace.at(folder)).begin("folder", "pets", 10)
        body = framed(*((n, path, content) for n, (path, content) in enumerate(files)))
        receiver = Receiver(upload)
        for start in range(0, len(body), size):
            receiver.feed(body[start : start + size])
        receiver.finish()
        found = sorted(path.read_bytes() for path in upload.folder.rglob("*") if path.is_file())
        assert found == sorted(content for _, content in files) and upload.files == len(files)


def test_a_file_that_ends_early_is_not_kept(client: TestClient, workspace: Workspace) -> None:
    upload = begin(client)
    answer = send(client, upload, framed((0, "cat/1.png", png()))[:-3])
    assert answer.status_code == 400 and "in part" in answer.json()["error"]
    assert left(workspace) == [] and finish(client, upload, 1).status_code == 409


@pytest.mark.parametrize(
    "body",
    [
        b"\xff\xff\xff\xff",
        b"\0\0\0\2hi",
        b"\0\0\0\2{}",
        b"\0\0\0\0",
        b"\0\0",
        b'\0\0\0\x22{"n": 0, "path": "a", "size": -12}',
        b"\0\0\0\4null",
    ],
)
def test_a_body_that_is_not_framed_is_refused(client: TestClient, workspace: Workspace, body: bytes) -> None:
    answer = send(client, begin(client), body)
    assert answer.status_code == 400 and answer.json()["error"]
    assert left(workspace) == []


@pytest.mark.parametrize(
    "path",
    [
        "../../../evil.png",
        "/tmp/evil.png",
        "C:\\evil.png",
        "a/../../../evil.png",
        "..\\..\\evil.png",
        "\0evil.png",
        "~/evil.png",
    ],
)
def test_a_name_never_leaves_the_upload_folder(client: TestClient, workspace: Workspace, path: str) -> None:
    upload = begin(client, name=path)
    assert send(client, upload, framed((0, path, b"x"))).status_code == 200
    [found] = left(workspace)
    assert found.startswith(f"{upload}.part/")
    assert [item for item in workspace.root.parent.rglob("*evil.png") if item.is_file()] == [workspace.uploads / found]


def test_cancel_deletes_what_arrived(client: TestClient, workspace: Workspace) -> None:
    upload = begin(client)
    send(client, upload, framed((0, "cat/1.png", png())))
    assert client.post(f"/thaw/upload/{upload}/cancel", headers=OURS).status_code == 200
    assert list(workspace.uploads.iterdir()) == []
    assert send(client, upload, framed((0, "cat/1.png", png()))).status_code == 404
    assert client.post(f"/thaw/upload/{upload}/cancel", headers=OURS).status_code == 200


def test_what_is_no_dataset_is_explained_and_deleted(client: TestClient, workspace: Workspace) -> None:
    upload = begin(client)
    send(client, upload, framed((0, "notes.txt", b"hello")))
    answer = finish(client, upload, 1)
    assert answer.status_code == 422 and answer.json()["error"].endswith(".") and answer.json()["remedy"]
    assert str(workspace.root) not in answer.text
    assert left(workspace) == []


def test_a_damaged_zip_is_explained_and_deleted(client: TestClient, workspace: Workspace) -> None:
    upload = begin(client, "zip", "a.zip")
    send(client, upload, framed((0, "a.zip", b"PK\3\4 not really")))
    answer = finish(client, upload, 1)
    assert answer.status_code == 422 and "zip" in answer.json()["error"]
    assert left(workspace) == []


def test_too_much_is_refused_before_it_is_sent(client: TestClient, workspace: Workspace) -> None:
    answer = client.post("/thaw/upload/begin", headers=OURS, json={"kind": "folder", "bytes": uploads.QUOTA + 1})
    assert answer.status_code == 413 and "20 GB" in answer.json()["error"]
    assert list(workspace.uploads.iterdir()) == []


def test_more_than_the_quota_is_refused_on_the_way(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    upload = begin(client, size=1)
    monkeypatch.setattr(uploads, "QUOTA", 2_000)
    assert send(client, upload, framed((0, "cat/1.png", bytes(1_500)))).status_code == 200
    assert send(client, upload, framed((1, "cat/2.png", bytes(1_500)))).status_code == 413
    assert send(client, upload, framed((0, "cat/1.png", bytes(1_900)))).status_code == 200, "it replaces itself"


def test_a_full_disk_is_said(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "SPARE", 10**18)
    answer = client.post("/thaw/upload/begin", headers=OURS, json={"kind": "folder", "bytes": 1})
    assert answer.status_code == 413 and "disk" in answer.json()["error"] and "--workspace" in answer.json()["remedy"]


def big(size: int = 3_000_000) -> bytes:
    return bytes(range(256)) * (size // 256 + 1)


def arrived(client: TestClient, upload: str) -> Any:
    return client.get(f"/thaw/upload/{upload}/arrived", headers=OURS).json()


def broken_off(client: TestClient, upload: str, content: bytes, at: int, n: int = 0) -> Any:
    """Send a file whose body ends `at` its byte."""
    return send(client, upload, framed((n, "cat/1.png", content))[: at - len(content)])


def going_on(client: TestClient, upload: str, content: bytes, start: int, n: int = 0) -> Any:
    head = json.dumps({"n": n, "path": "cat/1.png", "size": len(content), "from": start}).encode()
    return send(client, upload, len(head).to_bytes(4, "big") + head + content[start:])


def test_a_file_that_broke_off_goes_on_where_it_was(client: TestClient, workspace: Workspace) -> None:
    upload, content = begin(client), big()
    send(client, upload, framed((1, "cat/2.png", png())))
    assert broken_off(client, upload, content, at=2_000_000).status_code == 400
    assert arrived(client, upload) == {"complete": [1], "parts": {"0": 2_000_000}}
    assert going_on(client, upload, content, 2_000_000).json() == {"files": 2}
    assert arrived(client, upload) == {"complete": [0, 1], "parts": {}}
    assert (workspace.uploads / f"{upload}.part" / "files" / "pets" / "cat" / "1.png").read_bytes() == content
    assert len(left(workspace)) == 2


def test_it_may_break_off_many_times_and_the_longest_part_counts(client: TestClient, workspace: Workspace) -> None:
    upload, content = begin(client), big(6_000_000)
    broken_off(client, upload, content, at=4_000_000)
    broken_off(client, upload, content, at=2_000_000)
    assert arrived(client, upload)["parts"] == {"0": 4_000_000} and len(left(workspace)) == 1
    head = json.dumps({"n": 0, "path": "cat/1.png", "size": len(content), "from": 3_000_000}).encode()
    send(client, upload, len(head).to_bytes(4, "big") + head + content[3_000_000:5_000_000])
    assert arrived(client, upload)["parts"] == {"0": 5_000_000}
    assert going_on(client, upload, content, 5_000_000).json() == {"files": 1}
    assert [path.read_bytes() for path in workspace.uploads.rglob("*.png")] == [content]


def test_what_is_not_here_cannot_be_gone_on_with(client: TestClient, workspace: Workspace) -> None:
    upload, content = begin(client), big()
    assert going_on(client, upload, content, 2_000_000).status_code == 409
    broken_off(client, upload, content, at=2_000_000)
    assert going_on(client, upload, content + b"another file", 1_500_000).status_code == 409
    assert going_on(client, upload, content, 2_000_001).status_code == 409
    assert going_on(client, upload, content, len(content) + 1).status_code == 400
    assert broken_off(client, upload, content, at=500_000, n=2).status_code == 400
    assert arrived(client, upload) == {"complete": [], "parts": {"0": 2_000_000}}, "little is not worth keeping"
    send(client, upload, framed((0, "cat/1.png", content)))
    assert arrived(client, upload) == {"complete": [0], "parts": {}} and len(left(workspace)) == 1


def test_nobody_else_may_ask_what_arrived(client: TestClient) -> None:
    upload = begin(client)
    assert client.get(f"/thaw/upload/{upload}/arrived").status_code == 403
    assert client.get("/thaw/upload/nobody/arrived", headers=OURS).status_code == 404


@settings(deadline=None)
@given(st.lists(st.integers(0, 200), max_size=6), st.integers(1, 200))
def test_a_file_arrives_whole_however_often_it_breaks_off(ends: list[int], size: int) -> None:
    content = bytes(range(200))[:size]
    with pytest.MonkeyPatch.context() as patched, tempfile.TemporaryDirectory() as folder:
        patched.setattr(uploads, "WORTH_KEEPING", 1)
        upload = uploads.Uploads(Workspace.at(folder)).begin("folder", "pets", 10)
        for end in [*ends, size]:
            start = upload.arrived()[1].get(0, 0)
            head = json.dumps({"n": 0, "path": "a.png", "size": size, "from": start}).encode()
            receiver = Receiver(upload)
            receiver.feed(len(head).to_bytes(4, "big") + head + content[start : max(start, end)])
            receiver.close()
        assert [path.read_bytes() for path in upload.folder.rglob("*.png")] == [content] and upload.files == 1


def test_abandoned_uploads_go_by_themselves(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "SWEPT", 0.1)
    monkeypatch.setattr(uploads, "ABANDONED", 1.0)
    under_way = uploads.Uploads(workspace)
    gone, asked = under_way.begin("folder", "gone", 10), under_way.begin("folder", "asked", 10)
    receiver = Receiver(gone)
    receiver.feed(framed((0, "cat/1.png", png()))[:-5])
    deadline = time.monotonic() + 20
    while gone.part.exists() and time.monotonic() < deadline:
        time.sleep(0.3)
        asked._touched = 0.0
        asked.touch()
    assert not gone.part.exists() and asked.part.exists()
    with pytest.raises(uploads.UploadError):
        receiver.feed(png()[-5:])
    receiver.close()
    with pytest.raises(uploads.UploadError):
        under_way.get(gone.id)
    while asked.part.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not list(workspace.uploads.iterdir())


def test_what_a_killed_studio_left_behind_goes_too(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "SWEPT", 0.05)
    left_behind = workspace.uploads / "20200101-000000-killed.part"
    (left_behind / "incoming").mkdir(parents=True)
    os.utime(left_behind, (1, 1))
    uploads.Uploads(workspace)
    deadline = time.monotonic() + 10
    while left_behind.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not left_behind.exists()


def test_an_abandoned_upload_is_gone_within_a_minute() -> None:
    assert uploads.ABANDONED + uploads.SWEPT < 60


def test_an_upload_of_more_files_than_there_may_be_is_refused(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "MOST_FILES", 2)
    upload = begin(client)
    assert send(client, upload, framed((0, "a/1.png", png()), (1, "a/2.png", png()))).status_code == 200
    assert send(client, upload, framed((2, "a/3.png", png()))).status_code == 413
    assert send(client, upload, framed((1, "a/2.png", png()))).status_code == 200, "it replaces itself"


def test_abandoned_uploads_are_removed_when_a_new_one_begins(client: TestClient, workspace: Workspace) -> None:
    old, busy = begin(client), begin(client)
    send(client, old, framed((0, "cat/1.png", png())))
    done = workspace.uploads / "20200101-000000-finished"
    done.mkdir()
    long_ago = time.time() - uploads.ABANDONED - 10
    os.utime(workspace.uploads / f"{old}.part", (long_ago, long_ago))
    os.utime(done, (long_ago, long_ago))
    begin(client)
    assert not (workspace.uploads / f"{old}.part").exists()
    assert (workspace.uploads / f"{busy}.part").exists() and done.exists()
    assert finish(client, old, 1).status_code == 404


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {TOKEN_HEADER: "wrong"},
        {**OURS, "Sec-Fetch-Site": "cross-site"},
        {**OURS, "Sec-Fetch-Site": "same-site"},
        {**OURS, "Origin": "http://evil.example"},
        {**OURS, "Origin": "null"},
        {"Sec-Fetch-Site": "same-origin", "Origin": "http://testserver"},
    ],
)
def test_strangers_cannot_write(client: TestClient, workspace: Workspace, headers: dict[str, str]) -> None:
    for address in ("begin", "x/files", "x/finish", "x/cancel"):
        answer = client.post(f"/thaw/upload/{address}", headers=headers, json={"kind": "folder", "bytes": 1})
        assert answer.status_code == 403 and answer.json()["error"] and answer.json()["remedy"]
    assert list(workspace.uploads.iterdir()) == []


@pytest.mark.parametrize(
    "said", [b"", b"[]", b"{", b'{"kind": "folder"}', b'{"bytes": -1}', b'{"bytes": "many"}', b"[" * 60_000, b"\xff"]
)
def test_a_request_that_makes_no_sense_is_refused(client: TestClient, said: bytes) -> None:
    answer = client.post("/thaw/upload/begin", headers=OURS, content=said)
    assert answer.status_code == 400 and answer.json()["error"].endswith(".")


def test_a_request_that_talks_on_and_on_is_refused(client: TestClient) -> None:
    answer = client.post("/thaw/upload/begin", headers=OURS, content=b" " * 10_000_000)
    assert answer.status_code == 413 and answer.json()["error"]


def test_a_name_that_is_no_text_is_no_obstacle(client: TestClient) -> None:
    said = b'{"kind": "folder", "bytes": 10, "name": "\\ud800\\u0000 pets"}'
    upload = client.post("/thaw/upload/begin", headers=OURS, content=said).json()["upload"]
    send(client, upload, framed(*((n, f"{n % 2}/{n}.png", png(n)) for n in range(4))))
    assert finish(client, upload, 4).status_code == 200


# ---- pictures


def test_a_thumbnail_is_small_and_kept(client: TestClient, dataset: str, workspace: Workspace) -> None:
    first = client.get(f"/thaw/picture/{dataset}/0?side=96")
    assert first.status_code == 200 and first.headers["content-type"] in ("image/webp", "image/jpeg")
    assert max(Image.open(io.BytesIO(first.content)).size) == 96
    [kept] = [path for path in (workspace.cache / "thumbnails").rglob("*") if path.is_file()]
    assert kept.read_bytes() == first.content
    kept.write_bytes(b"")  # as a power cut may leave it
    assert client.get(f"/thaw/picture/{dataset}/0?side=96").content == first.content


def test_a_known_thumbnail_costs_no_bytes(client: TestClient, dataset: str) -> None:
    etag = client.get(f"/thaw/picture/{dataset}/0").headers["etag"]
    again = client.get(f"/thaw/picture/{dataset}/0", headers={"If-None-Match": etag})
    assert again.status_code == 304 and again.content == b""


def test_only_a_fingerprint_in_the_address_makes_it_last(
    client: TestClient, dataset: str, workspace: Workspace
) -> None:
    state = Library(workspace).open(dataset).fingerprint[:12]
    assert "immutable" in client.get(f"/thaw/picture/{dataset}/0?v={state}").headers["cache-control"]
    assert client.get(f"/thaw/picture/{dataset}/0").headers["cache-control"] == "private, max-age=60"


@pytest.mark.parametrize("address", ["{}/6", "{}/0?side=161", "{}/0?side=x", "nobody-123456/0", "%2E%2E/0", ".hid/0"])
def test_whatever_is_not_there_is_a_grey_square(client: TestClient, dataset: str, address: str) -> None:
    answer = client.get(f"/thaw/picture/{address.format(dataset)}")
    assert answer.status_code == 404 and answer.headers["content-type"] == "image/svg+xml"
    assert answer.headers["cache-control"] == "no-store"


def test_a_damaged_or_vanished_picture_is_a_grey_square(client: TestClient, dataset: str, workspace: Workspace) -> None:
    loaded = Library(workspace).open(dataset)
    file = loaded.file(loaded.samples[0])
    file.write_bytes(file.read_bytes()[:60])
    assert client.get(f"/thaw/picture/{dataset}/0").headers["content-type"] == "image/svg+xml"
    file.unlink()
    assert client.get(f"/thaw/picture/{dataset}/0").status_code == 404


def test_a_picture_that_has_become_a_link_is_not_followed(
    client: TestClient, dataset: str, workspace: Workspace, tmp_path: Path
) -> None:
    loaded = Library(workspace).open(dataset)
    file = loaded.file(loaded.samples[0])
    (tmp_path / "elsewhere.png").write_bytes(png())
    assert client.get(f"/thaw/picture/{dataset}/1").status_code == 200  # the dataset is known from here on
    file.unlink()
    file.symlink_to(tmp_path / "elsewhere.png")
    assert client.get(f"/thaw/picture/{dataset}/0").headers["content-type"] == "image/svg+xml"


# ---- runs


@pytest.fixture
def run(workspace: Workspace) -> Any:
    return Store(workspace).create(Recipe.from_toml("[data]\nsource = '/somewhere'"))


def test_a_run_is_told_as_its_progress(client: TestClient, run: Any) -> None:
    answer = client.get(f"/thaw/run/{run.id}")
    assert answer.json()["status"] == "created" and answer.json()["sentence"]
    again = client.get(f"/thaw/run/{run.id}", headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304 and again.content == b""


def test_an_answer_is_never_older_than_a_quarter_second(client: TestClient, run: Any) -> None:
    with run.lock():
        etag = client.get(f"/thaw/run/{run.id}").headers["etag"]
        run.log(Stepped(1, 1, 0.5, 0.5, 1e-3, 10.0))
        time.sleep(0.3)
        answer = client.get(f"/thaw/run/{run.id}", headers={"If-None-Match": etag})
    assert answer.status_code == 200 and answer.json()["is_live"] and answer.json()["curve"]["train_loss"] == [0.5]


@pytest.mark.parametrize(("pages", "seconds"), [(1, 0.5), (12, 0.5), (100, 4.0), (5000, 10.0)])
def test_where_many_watch_each_is_told_to_ask_less_often(pages: int, seconds: float) -> None:
    now = [0.0]
    crowd = Crowd(lambda: now[0])
    due = [number / pages for number in range(pages)]
    while now[0] < 60:
        now[0] = due[0]
        heapq.heapreplace(due, now[0] + crowd.again())
    assert crowd.again() == pytest.approx(seconds, rel=0.1)
    while now[0] < 100:  # all but one have gone
        now[0] += crowd.again()
    assert crowd.again() == 0.5


def test_many_watchers_cost_one_computation(client: TestClient, run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[float] = []
    fold = Progress.as_dict

    def slow(progress: Progress) -> dict[str, Any]:
        counted.append(time.monotonic())
        time.sleep(0.1)
        return fold(progress)

    monkeypatch.setattr(Progress, "as_dict", slow)
    watchers = [threading.Thread(target=client.get, args=(f"/thaw/run/{run.id}",)) for _ in range(20)]
    for watcher in watchers:
        watcher.start()
    for watcher in watchers:
        watcher.join()
    assert len(counted) <= 2


def test_an_unknown_run_is_said(client: TestClient) -> None:
    answer = client.get("/thaw/run/nobody")
    assert answer.status_code == 404 and "nobody" in answer.json()["error"]


def test_what_is_told_beside_the_progress_is_small_too(client: TestClient, run: Any) -> None:
    with run.lock():
        run.log(Stepped(1, 1, 0.5, 0.5, 1e-3, 10.0))
        run.request("lr", 1e-4)
        answer = client.get(f"/thaw/run/{run.id}").json()
    assert answer["asked"] == {"lr": 1e-4} and answer["doctor"] == []


# ---- steering


def ask(client: TestClient, run: Any, **said: Any) -> Any:
    return client.post(f"/thaw/run/{run.id}/ask", headers=OURS, json=said)


def test_what_is_asked_is_passed_on_and_can_be_withdrawn(client: TestClient, run: Any) -> None:
    with run.lock():
        run.log(Stepped(2, 11, 0.5, 0.5, 1e-3, 10.0))
        client.get(f"/thaw/run/{run.id}")
        for what, value in (("pause", None), ("depth", 2), ("lr", 1e-4), ("epochs", 12)):
            assert ask(client, run, what=what, value=value).json() == {}
        told = client.get(f"/thaw/run/{run.id}").json()["asked"]
        assert told == {"pause": True, "depth": 2, "lr": 1e-4, "epochs": 12}, "at once, not a quarter second later"
        assert ask(client, run, what="go on").json() == {} and not run.requested("pause")
        assert ask(client, run, what="stop").json() == {} and run.requested("stop")


@pytest.mark.parametrize(
    ("said", "status", "sentence"),
    [
        ({"what": "lr", "value": 100}, 422, "lr must be a number from"),
        ({"what": "lr", "value": 0}, 422, "lr must be a number from"),
        ({"what": "depth"}, 422, "depth must be a number from"),
        ({"what": "epochs", "value": 1}, 422, "The run is in epoch 2 already"),
        ({"what": "explode", "value": 1}, 400, "does not say"),
        ({"what": "lr", "value": "many"}, 400, "does not say"),
        ({"what": "stop", "more": "x" * 2000}, 413, "more than"),
        ({}, 400, "does not say"),
        ([], 400, "does not say"),
    ],
)
def test_what_cannot_be_asked_is_answered_with_a_sentence(
    client: TestClient, run: Any, said: Any, status: int, sentence: str
) -> None:
    with run.lock():
        run.log(Stepped(2, 11, 0.5, 0.5, 1e-3, 10.0))
        answer = client.post(f"/thaw/run/{run.id}/ask", headers=OURS, json=said)
    assert answer.status_code == status and sentence in answer.json()["error"]
    assert list(run.folder.glob("request.*")) == []


def test_a_run_that_nobody_trains_is_not_steered(client: TestClient, run: Any) -> None:
    answer = ask(client, run, what="stop")
    assert answer.status_code == 409 and "not being trained" in answer.json()["error"]
    assert not run.requested("stop")
    answer = client.post("/thaw/run/nobody/ask", headers=OURS, json={"what": "stop"})
    assert answer.status_code == 404 and "nobody" in answer.json()["error"]


@pytest.mark.parametrize(
    "headers",
    [{}, {TOKEN_HEADER: "wrong"}, {**OURS, "Sec-Fetch-Site": "cross-site"}, {**OURS, "Origin": "http://evil.example"}],
)
def test_strangers_cannot_steer(client: TestClient, run: Any, headers: dict[str, str]) -> None:
    with run.lock():
        answer = client.post(f"/thaw/run/{run.id}/ask", headers=headers, json={"what": "stop"})
    assert answer.status_code == 403 and not run.requested("stop")


# ---- pinned pictures


def test_a_pinned_picture_is_shown_small(client: TestClient, run: Any) -> None:
    path = pins.pin(run, "My dog.PNG", png(7))
    assert path.parent == run.folder / "pins" and path.name.startswith("my-dog-") and path.suffix == ".png"
    assert pins.pin(run, "My dog.PNG", png(7)) == path and pins.pinned(run) == [path]
    answer = client.get(f"/thaw/run/{run.id}/pin/{path.name}")
    assert answer.headers["content-type"] == "image/webp"
    assert Image.open(io.BytesIO(answer.content)).size == (20, 20)


@pytest.mark.parametrize(
    "name", ["..%2Frecipe.toml", "%2E%2E", "recipe.toml", "link.png", "folder.png", "nothing.png", ".x.png"]
)
def test_nothing_but_a_pinned_picture_is_shown(client: TestClient, run: Any, name: str, workspace: Workspace) -> None:
    (run.folder / "pins" / "folder.png").mkdir(parents=True)
    (run.folder / "pins" / ".x.png").write_bytes(png())
    (workspace.root / "secret.png").write_bytes(png())
    (run.folder / "pins" / "link.png").symlink_to(workspace.root / "secret.png")
    assert client.get(f"/thaw/run/{run.id}/pin/{name}").status_code == 404


def test_only_pictures_are_pinned_and_not_without_end(run: Any) -> None:
    with pytest.raises(PictureError):
        pins.pin(run, "x.png", b"no picture")
    for shade in range(8):
        pins.pin(run, "x.png", png(shade))
    with pytest.raises(RunError, match="8 pictures"):
        pins.pin(run, "x.png", png(99))
    assert len(pins.pinned(run)) == 8
    pins.unpin(run, "../../recipe.toml")
    pins.unpin(run, pins.pinned(run)[0].name)
    assert len(pins.pinned(run)) == 7 and (run.folder / "recipe.toml").exists()


# ---- the chart library


def test_the_chart_library_comes_packed_and_is_kept_for_good(client: TestClient) -> None:
    answer = client.get("/thaw/asset/plotly.js", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip" and "immutable" in answer.headers["cache-control"]
    assert b"Plotly" in answer.content and len(answer.content) > 1_000_000
    plain = client.get("/thaw/asset/plotly.js", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers and plain.content == answer.content


def test_addresses_answer_only_to_what_they_are_for(client: TestClient, dataset: str) -> None:
    assert client.post(f"/thaw/picture/{dataset}/0").status_code == 405
    assert client.get("/thaw/upload/begin").status_code == 405
    assert client.get("/thaw/asset/other.js").status_code == 404


# ---- what a check found, to take along


def test_a_report_and_the_decisions_are_fetched_as_files(
    client: TestClient, dataset: str, workspace: Workspace
) -> None:
    entry = Library(workspace).get(dataset)
    at_hand = Library(workspace).open(entry.id)
    refused = client.get(report_address(entry))
    assert refused.status_code == 404 and refused.json()["error"] == "These pictures have not been checked yet."
    paths = [sample.path for sample in at_hand.samples]
    finding = Finding("blurry", "attention", "2 pictures are blurred.", images=tuple(paths[:2]))
    kept.keep(entry.folder, Report((finding,), 6, at_hand.counts(), 1.0, 6), at_hand.fingerprint, time.time())
    report = client.get(report_address(entry))
    assert "attachment" in report.headers["content-disposition"] and "2 pictures are blurred." in report.text
    assert report.text.startswith("<!doctype html>") and report.text.count("data:image/webp") == 2

    Decisions(entry.folder).add(decide(at_hand, paths[:1], "set-aside", "", "blurry"))
    table = client.get(decisions_address(entry))
    assert "attachment" in table.headers["content-disposition"]
    assert paths[0] in table.content.decode("utf-8-sig").splitlines()[1]
    assert client.get(report_address(entry)).text.count("data:image/webp") == 1, "without what was set aside since"


@pytest.mark.parametrize("name", ["report.html", "decisions.csv"])
def test_there_is_no_file_of_a_dataset_that_is_not_there(client: TestClient, name: str) -> None:
    assert client.get(f"/thaw/check/nobody/{name}").status_code == 404
    assert client.get(f"/thaw/check/%2e%2e/{name}").status_code == 404
