"""Attempts to get at files outside the folders that a studio may open: by address, by typed path, by table."""

import http.client
import io
import os
import random
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from urllib.parse import quote

import numpy as np
from PIL import Image, PngImagePlugin

from studio.data.library import Library
from studio.data.roots import Roots
from studio.data.table import read_table
from studio.errors import StudioError
from studio.workspace import Workspace
from tests.server import start_studio

CANARY = "thaw-canary-5d1f6c"
MAGENTA = (255, 0, 255)
SERVE = """
import sys
from pathlib import Path
from studio.ui.server import serve
from studio.workspace import Workspace
said = dict(zip(sys.argv, sys.argv[1:]))
serve(Workspace.at(said["--workspace"]), port=int(said["--port"]), browser=False, allow=[Path(said["--root"])])
"""
ADDRESSES = (
    "/thaw/picture/{}/0", "/thaw/picture/{id}/{}", "/thaw/picture/{id}/0?side={}", "/thaw/picture/{id}/{n}?v={}",
    "/thaw/run/{}", "/thaw/asset/{}", "/thaw/upload/{}/arrived", "/{}", "/data/{}", "/media/{}", "/static/{}",
    "/app/static/{}", "/component/{}", "/_stcore/{}", "/_stcore/component/{}", "/_stcore/bidi-components/{}",
)  # fmt: skip
STEPS = (
    "..", "../", "..\\", "/", "//", "./", "%2e%2e/", "%2e%2e%2f", "..%2f", "..%5c", "%252e%252e%252f", "..;/", "%00",
    "....//", "%c0%ae%c0%ae/", "\uff0e\uff0e/", "~", "file://", "link/", "link/../", "pets/", "cat/", "%2f",
)  # fmt: skip
GOALS = ("outside", "outside/secret.txt", "outside/pets", "outside/pets.csv", "secret.png", "etc/passwd", "passwd", "")


class Traversal(AbstractContextManager["Traversal"]):
    """A studio that may open `folder/allowed`, with what it must not show in `folder/outside`."""

    def __init__(self, folder: Path, seed: int = 6) -> None:
        self.chance = random.Random(seed)
        self.folder, self.allowed, self.outside = folder, folder / "allowed", folder / "outside"
        _pictures(self.allowed / "pets", (20, 90, 30))
        _pictures(self.outside / "pets", MAGENTA)
        (self.outside / "secret.txt").write_text(CANARY)
        (self.outside / "pets.csv").write_text(f"path,label\npets/cat/0.png,{CANARY}\npets/dog/0.png,b\n")
        (self.allowed / "link").symlink_to(self.outside)
        (self.allowed / "pets" / "cat" / "link.png").symlink_to(self.outside / "pets" / "cat" / "0.png")
        self.before = os.environ.get("THAW_ALLOW")
        Roots.chosen([self.allowed]).tell()
        self.library = Library(Workspace.at(folder / "workspace"))
        self.known = self.library.add(self.allowed / "pets")

    def __exit__(self, *_: object) -> None:
        os.environ.pop("THAW_ALLOW")
        if self.before is not None:
            os.environ["THAW_ALLOW"] = self.before

    def of_routes(self, count: int) -> int:
        """Ask a running studio for addresses that lead elsewhere, and look at every byte of every answer."""
        studio = start_studio(self.folder, (sys.executable, "-c", SERVE, "--root", str(self.allowed)))
        port = int(studio.url.rsplit(":", 1)[1])
        addresses = [self.address() for _ in range(count)]
        try:
            with ThreadPoolExecutor(16) as askers:
                return sum(askers.map(lambda first: self.ask(port, addresses[first::16]), range(16)))
        finally:
            studio.stop()

    def ask(self, port: int, addresses: list[str]) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        for address in addresses:
            connection.request("GET", address)
            self.look(address, connection.getresponse().read())
        return len(addresses)

    def address(self) -> str:
        address = self.chance.choice(ADDRESSES).replace("{id}", self.known.id).replace("{n}", "0")
        return address.replace("{}", quote(self.somewhere(), safe="/%.;:~\\"))

    def of_openers(self, count: int) -> int:
        """Open paths and tables that lead elsewhere, and look at where every picture of every dataset lies."""
        for n in range(count):
            with suppress(StudioError):
                if n % 4:
                    said = self.chance.choice(("", f"{self.allowed}/", f"{self.folder}/", "file://", '"'))
                    entry = self.library.add(said + self.somewhere())
                    dataset = self.library.open(entry.id)
                else:
                    table = self.allowed / "table.csv"
                    rows = [f'"{self.somewhere()}",{label}\n' for label in "ab"]
                    table.write_text("".join(["path,label\n", *rows, "pets/cat/0.png,a\npets/dog/0.png,b\n"]))
                    dataset = read_table(table)
                for sample in dataset.samples:
                    real = Path(os.path.realpath(dataset.file(sample)))
                    assert real.is_relative_to(self.allowed.resolve()), (sample, real)
        return count

    def somewhere(self) -> str:
        """A path that means to leave."""
        steps = "".join(self.chance.choices(STEPS, k=self.chance.randrange(7)))
        start = self.chance.choice(("", "", self.known.id, str(self.outside), str(self.allowed / "link"), "/proc/self"))
        return start + steps + self.chance.choice(GOALS)

    def look(self, address: str, body: bytes) -> None:
        assert CANARY.encode() not in body and b"root:x:0" not in body, address
        if body[:4] == b"RIFF" or body[:2] == b"\xff\xd8":
            mean = np.asarray(Image.open(io.BytesIO(body)).convert("RGB")).mean(axis=(0, 1))
            assert abs(mean - np.array(MAGENTA)).max() > 60, address


def _pictures(root: Path, colour: tuple[int, int, int]) -> None:
    noted = PngImagePlugin.PngInfo()
    if colour == MAGENTA:
        noted.add_text("Comment", CANARY)
    for label in ("cat", "dog"):
        (root / label).mkdir(parents=True)
        for n in range(2):
            Image.new("RGB", (40, 40), colour).save(root / label / f"{n}.png", pnginfo=noted)
