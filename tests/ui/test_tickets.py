"""Streamlit's own way in takes the file that a page asked for, once, and nothing else."""

import urllib.error
import urllib.request
from types import SimpleNamespace

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFileRec
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from studio.ui import tickets
from studio.ui.tickets import Tickets
from tests.server import RunningStudio

BODY = b'--x\r\nContent-Disposition: form-data; name="f"; filename="a.png"\r\n\r\nhello\r\n--x--\r\n'


def put(address: str) -> tuple[int, str]:
    """The status and the text of the answer to a browser that shows the cookie it was given."""
    base = "/".join(address.split("/")[:3])
    with urllib.request.urlopen(f"{base}/_stcore/health", timeout=10) as answer:
        cookie = answer.headers["Set-Cookie"].partition(";")[0]
    heads = {"Content-Type": "multipart/form-data; boundary=x", "Cookie": cookie}
    heads["X-Xsrftoken"] = cookie.partition("=")[2]
    request = urllib.request.Request(address, BODY, heads, method="PUT")
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def told(session: ClientConnection, kind: str) -> ForwardMsg:
    while True:
        message = ForwardMsg.FromString(session.recv(timeout=30, decode=False))
        if message.WhichOneof("type") == kind:
            return message


def test_only_a_file_that_a_page_asked_for_is_taken_and_only_once(studio: RunningStudio) -> None:
    stream = studio.url.replace("http", "ws", 1) + "/_stcore/stream"
    with connect(stream, subprotocols=[Subprotocol("streamlit")], max_size=None) as session:
        message = BackMsg()
        message.rerun_script.page_name = "try_it"
        session.send(message.SerializeToString())
        id = told(session, "new_session").new_session.initialize.session_id
        refused = (403, "No page of the studio asked for this file.\n")
        assert put(f"{studio.url}/_stcore/upload_file/{id}/made-up") == refused
        assert put(f"{studio.url}/_stcore/upload_file/{id}/a/b")[0] == 403
        assert put(f"{studio.url}/anything")[0] == 403

        asking = BackMsg()
        asking.file_urls_request.file_names.append("a.png")
        session.send(asking.SerializeToString())
        (urls,) = told(session, "file_urls_response").file_urls_response.file_urls
        assert put(f"{studio.url}{urls.upload_url}") == (204, "")
        assert put(f"{studio.url}{urls.upload_url}") == refused


def test_there_is_only_so_much_room(monkeypatch: pytest.MonkeyPatch) -> None:
    manager, given = MemoryUploadedFileManager("/upload"), Tickets()
    given.watch(manager)
    first, second = manager.get_upload_urls("me", ["a", "b"])
    assert given.take(("me", first.file_id)) == ""
    manager.add_file("me", UploadedFileRec(first.file_id, "a", "image/png", b"12345"))
    monkeypatch.setattr(tickets, "ROOM", 4)
    assert "Too many" in given.take(("me", second.file_id))


def test_tickets_that_are_never_used_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tickets, "_MOST", 3)
    given = Tickets()
    issued = iter(range(99))
    manager = SimpleNamespace(
        get_upload_urls=lambda id, names: [SimpleNamespace(file_id=str(next(issued))) for _ in names], file_storage={}
    )
    given.watch(manager)
    manager.get_upload_urls("me", ["x"] * 5)
    assert [bool(given.take(("me", str(n)))) for n in range(5)] == [True, True, False, False, False]
