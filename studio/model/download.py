"""Published weights, fetched from the Hugging Face hub into its own cache: told as it goes, and resumed after a break.

A file grows under a name of its own beside its place and is put there whole, once its size and checksum are right. The
hub's client starts over when a download was broken off, so this speaks the hub's protocol itself.
"""

import hashlib
import http.client
import os
import re
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import Timeout

from studio.errors import WeightsError
from studio.model.places import FILES, hub_cache, torch_cache
from studio.workspace import fsync_folder, lock, write_text

_PATIENCE = 3.0  # seconds to find out whether the hub can be reached
_SILENCE = 15.0  # seconds without a byte after which a connection counts as broken
_TRIES = 5  # breaks in a row with nothing new between them
_PIECE = 1 << 18  # bytes read at once
_TELL_EVERY = 0.1  # seconds between two words of progress at the least
_BREAKS = (urllib.error.URLError, TimeoutError, ConnectionError, http.client.HTTPException)
_GO_ON = "Start again: it goes on where it stopped."

Progress = Generator[tuple[int, int], None, None]  # bytes that are here, and of how many


@dataclass(frozen=True)
class _Found:
    """A file at the other end: where it is read from now, how large it is, and what its content is called."""

    url: str
    size: int
    etag: str
    commit: str
    headers: dict[str, str]


def from_hub(repository: str) -> Progress:
    """Fetch the weights in a repository of the hub, such as `timm/resnet18.a1_in1k`, into the hub's cache.

    Yields how far it is. Raises WeightsError where the hub refuses, the connection breaks or the disk takes no more;
    what has come stays, and the next call goes on there.
    """
    from huggingface_hub import constants, get_token

    token = get_token()
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    addresses = [f"{constants.ENDPOINT}/{repository}/resolve/main/{name}" for name in FILES]
    name, found = _first_there(list(zip(FILES, addresses, strict=True)), headers, repository)
    folder = hub_cache() / f"models--{repository.replace('/', '--')}"
    blob = folder / "blobs" / found.etag
    address = f"{constants.ENDPOINT}/{repository}/resolve/main/{name}"
    yield from _whole(lambda: _locate(address, headers), found, blob, repository)
    _link(folder, blob, found.commit, name)


def from_address(url: str) -> Progress:
    """Fetch weights from an address of their own into torch's cache; otherwise like `from_hub`."""
    name = url.rpartition("/")[2]
    _, found = _first_there([(name, url)], {}, name)
    yield from _whole(lambda: _locate(url, {}), found, torch_cache() / name, name)


def answers(seconds: float = _PATIENCE) -> bool:
    """Whether the Hugging Face hub answers at all. Gives up after `seconds`, even where looking up its name hangs."""
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        return False
    heard = threading.Event()

    def knock() -> None:
        try:
            urllib.request.urlopen(urllib.request.Request(constants.ENDPOINT, method="HEAD"), timeout=seconds).close()
        except urllib.error.HTTPError:
            heard.set()  # it answered, if only to complain
        except OSError:
            return
        heard.set()

    caller = threading.Thread(target=knock, daemon=True)
    caller.start()
    caller.join(seconds)
    return heard.is_set()


def _first_there(places: list[tuple[str, str]], headers: dict[str, str], what: str) -> tuple[str, _Found]:
    """The first of some files that is there, by its name."""
    for name, url in places:
        try:
            return name, _locate(url, headers)
        except urllib.error.HTTPError as error:
            if error.code in (401, 403):
                raise WeightsError(
                    f"{what} is only given to those who agreed to its terms.",
                    "Agree on its page on the Hugging Face hub, log in with `hf auth login`, and start again.",
                ) from error
            if error.code != 404:
                raise WeightsError(f"The weights {what} cannot be fetched (answer {error.code}).", _GO_ON) from error
        except _BREAKS as error:
            raise WeightsError(f"The connection broke before the weights {what} were found.", _GO_ON) from error
    raise WeightsError(f"There are no weights at {what} any more.", "Choose other weights or another backbone.")


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follows no redirection, so that it can be looked at."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def _locate(url: str, headers: dict[str, str]) -> _Found:
    """Where a file is read from, after the redirections on one host; what it is called stands on the first answers."""
    told: dict[str, str] = {}
    opener = urllib.request.build_opener(_Stay)
    for _ in range(5):
        request = urllib.request.Request(url, method="HEAD", headers=headers | {"Accept-Encoding": "identity"})
        try:
            answer = opener.open(request, timeout=_SILENCE)
        except urllib.error.HTTPError as error:
            if not 300 <= error.code < 400:
                raise
            answer = error
        with answer:
            told = {name.lower(): value for name, value in answer.headers.items()} | told
            onward = answer.headers.get("Location")
        if not onward:
            break
        before, url = url, urllib.parse.urljoin(url, onward)
        if urllib.parse.urlsplit(before).netloc != urllib.parse.urlsplit(url).netloc:
            headers = {}  # whoever keeps the files must not see the key to the hub
            if "x-linked-size" in told:
                break
        told = {name: value for name, value in told.items() if name not in ("location", "content-length")}
    etag = told.get("x-linked-etag") or told.get("etag", "")
    size = told.get("x-linked-size") or told.get("content-length", "")
    if not size.isdigit():
        raise ConnectionError(f"no size is told for {url}")
    called = re.sub(r"[^\w.-]", "", etag.removeprefix("W/")) or "unnamed"
    return _Found(url, int(size), called, told.get("x-repo-commit", "main"), headers)


def _whole(locate: Callable[[], _Found], found: _Found, target: Path, what: str) -> Progress:
    """Fetch a file to `target`, alone among all processes; whoever comes second looks on."""
    partial = target.with_name(f"{target.name}.thaw-part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        held = lock(partial.with_name(f"{partial.name}.lock"))
        while not target.is_file():
            try:
                held.acquire(timeout=1)
            except Timeout:
                yield _length(partial), found.size
                continue
            try:
                yield from _grow(locate, found, partial, what)
                _check(partial, found, what)
                with partial.open("rb+") as file:
                    os.fsync(file.fileno())
                os.replace(partial, target)
                fsync_folder(target.parent)
            finally:
                held.release()
        yield found.size, found.size
    except _BREAKS as error:
        raise WeightsError(
            f"The connection broke after {_mb(_length(partial))} of {_mb(found.size)} MB of {what}.", _GO_ON
        ) from error
    except OSError as error:
        raise WeightsError(
            f"The weights {what} cannot be kept ({error.strerror}).", "See that the disk has room.", target.parent
        ) from error


def _grow(locate: Callable[[], _Found], found: _Found, partial: Path, what: str) -> Progress:
    """Let the part of a file that is here grow until it is whole. Raises one of `_BREAKS` where it does not."""
    tries, told, now = 0, 0.0, found
    yield _length(partial), found.size
    while (had := _length(partial)) < found.size:
        try:
            for here in _read_on(now, partial):
                if time.monotonic() - told >= _TELL_EVERY:
                    told = time.monotonic()
                    yield here, found.size
            broke: Exception | None = None
        except _BREAKS as error:
            broke = error
        if _length(partial) > had:
            tries = 0
            continue
        tries += 1
        if tries >= _TRIES:
            raise broke or ConnectionError("nothing more comes")
        time.sleep(0.25 * 2**tries)
        now = locate()  # an address that holds for a while only may have run out
        if now.etag != found.etag:
            raise WeightsError(f"The weights {what} were exchanged meanwhile.", "Start again.")


def _read_on(found: _Found, partial: Path) -> Iterator[int]:
    """Read on from where the part ends, until the connection does; yields how many bytes are here."""
    had = _length(partial)
    asked = found.headers | {"Accept-Encoding": "identity"} | ({"Range": f"bytes={had}-"} if had else {})
    with urllib.request.urlopen(urllib.request.Request(found.url, headers=asked), timeout=_SILENCE) as answer:
        goes_on = answer.status == 206  # else it begins at the beginning, whatever was asked
        with partial.open("ab" if goes_on else "wb") as file:
            while piece := answer.read(_PIECE):
                file.write(piece)
                yield file.tell()


def _check(partial: Path, found: _Found, what: str) -> None:
    """Whether the file is what the hub says it is: where its name is a checksum, that must be right."""
    right = _length(partial) == found.size
    if right and re.fullmatch(r"[0-9a-f]{64}", found.etag):
        with partial.open("rb") as file:
            right = hashlib.file_digest(file, "sha256").hexdigest() == found.etag
    if not right:
        partial.unlink(missing_ok=True)
        raise WeightsError(f"What came of the weights {what} is damaged.", "Start again; they are fetched anew.")


def _link(folder: Path, blob: Path, commit: str, name: str) -> None:
    """Put a fetched file where the hub's client looks for it: a snapshot of the commit that `main` points to."""
    snapshot = folder / "snapshots" / commit
    try:
        snapshot.mkdir(parents=True, exist_ok=True)
        (folder / "refs").mkdir(exist_ok=True)
        place = snapshot / name
        if not place.is_file():
            place.unlink(missing_ok=True)
            try:
                place.symlink_to(Path("..") / ".." / "blobs" / blob.name)
            except OSError:  # a system without links keeps the file itself there
                os.replace(blob, place)
        write_text(folder / "refs" / "main", commit)
    except OSError as error:
        raise WeightsError(
            f"The weights cannot be put in their place ({error.strerror}).",
            "See that the folder can be written.",
            folder,
        ) from error


def _length(file: Path) -> int:
    return file.stat().st_size if file.is_file() else 0


def _mb(size: int) -> str:
    return f"{size / 1e6:,.0f}"
