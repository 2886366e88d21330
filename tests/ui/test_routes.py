"""The studio's own addresses, without a browser: what comes in, what goes out, and who is turned away."""

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
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient

from studio.data.library import Library
from studio.recipe import Recipe
from studio.runs.progress import Progress
from studio.runs.store import Store
from studio.training.events import Stepped
from studio.ui import uploads
from studio.ui.receiver import Receiver
from studio.ui.routes import routes
from studio.ui.routes.gate import TOKEN_HEADER, token
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


@pytest.mark.parametrize("said", [b"", b"[]", b"{", b'{"kind": "folder"}', b'{"bytes": -1}', b'{"bytes": "many"}'])
def test_a_request_that_makes_no_sense_is_refused(client: TestClient, said: bytes) -> None:
    answer = client.post("/thaw/upload/begin", headers=OURS, content=said)
    assert answer.status_code == 400 and answer.json()["error"].endswith(".")


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


def test_only_a_fingerprint_in_the_address_makes_it_last(client: TestClient, dataset: str) -> None:
    assert "immutable" in client.get(f"/thaw/picture/{dataset}/0?v=abc").headers["cache-control"]
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
