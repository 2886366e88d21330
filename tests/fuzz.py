"""Damaged and hostile files by the thousand, the same ones every time: what the tests and the bench throw at intake."""

import io
import random
import stat
import struct
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from studio.data.archive import unpack
from studio.data.intake import read_folder
from studio.data.picture import examine, header, open_picture, thumbnail
from studio.data.table import read_table
from studio.errors import StudioError
from studio.recipe import Recipe, fields

NAMES = (
    "cat/1.png", "../evil.png", "/abs.png", "C:\\x.png", "a/../../b.png", "con.png", "cat/A.PNG", "cat/a.png",
    "\x1b[2J.png", "=cmd|' /C calc'!A0.png", "<img src=x onerror=alert(1)>.png", "caf\u00e9.png", "cafe\u0301.png",
    "a" * 300 + ".png", "/".join("d" * 40) + "/x.png", "nul", "x.zip", "\u202egnp.exe", "  .png", "labels.csv", "-rf",
)  # fmt: skip
WORDS = ("path", "label", "split", "train", "val", *',;\t"\n\0', "\r\n", "=1+1", "..", "/", "é", "💥")
VALUES = ("1e999", "-1", "0", "nan", "true", '""', '"x"', "[]", "{}", "1979-05-27", "99999999999999999999", "0.5", "8")


@dataclass
class Toll:
    """What became of many attempts: how many were taken, why the others were refused, the longest one in seconds."""

    tried: int = 0
    taken: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0

    def attempt(self, deed: Callable[[], object]) -> None:
        """Do it. Whatever it raises but a StudioError with a sentence goes up, as a fault."""
        began = time.perf_counter()
        self.tried += 1
        try:
            deed()
            self.taken += 1
        except StudioError as error:
            assert error.what.strip(), "a refusal without a reason"
            self.reasons[" ".join(error.what.split()[:6])] += 1
        self.slowest = max(self.slowest, time.perf_counter() - began)


def pictures(count: int, folder: Path, seed: int = 1) -> Toll:
    """Damage to pictures of every format, opened in each of the four ways."""
    chance, toll, whole = random.Random(seed), Toll(), list(_whole_pictures())
    ways: tuple[Callable[[bytes], object], ...] = (open_picture, header, examine, lambda data: thumbnail(data, 96))
    for _ in range(count):
        data, way = _damaged(chance.choice(whole), chance), chance.choice(ways)
        toll.attempt(lambda data=data, way=way: way(data))
    return toll


def zips(count: int, folder: Path, seed: int = 2) -> Toll:
    """Hostile names, kinds and damage in zips. Nothing may lie outside the target, nor be left of what was refused."""
    chance, toll = random.Random(seed), Toll()
    for n in range(count):
        home = folder / f"{n}"
        home.mkdir()
        archive, target = home / "a.zip", home / "out"
        archive.write_bytes(_zip(chance))
        toll.attempt(lambda archive=archive, target=target: unpack(archive, target, most_entries=100))
        assert {path.name for path in home.iterdir()} <= {"a.zip", "out"}
    assert {path.name for path in folder.iterdir()} == {str(n) for n in range(count)}
    return toll


def tables(count: int, folder: Path, seed: int = 3) -> Toll:
    """CSV tables of odd words beside two pictures, and damage to a good one."""
    chance, toll = random.Random(seed), Toll()
    for label in ("cat", "dog"):
        (folder / f"{label}.png").write_bytes(next(_whole_pictures()))
    good = b"path,label,split\ncat.png,cat,train\ndog.png,dog,val\n"
    for n in range(count):
        odd = "".join(chance.choice(WORDS) for _ in range(chance.randrange(60))).encode()
        data = chance.choice((_damaged(good, chance), odd, good + odd, b"path,label\n" + odd))
        table = folder / f"{n % 8}.csv"
        table.write_bytes(data)
        toll.attempt(lambda table=table: read_table(table))
    return toll


def trees(count: int, folder: Path, seed: int = 4) -> Toll:
    """Folders of folders with odd names, links, empty files and pictures that are none."""
    chance, toll, whole = random.Random(seed), Toll(), list(_whole_pictures())
    usable = [name.replace("\\", "_").strip("/") for name in NAMES if ".." not in name and len(name) < 200]
    for n in range(count):
        root = folder / f"t{n}"
        for _ in range(chance.randrange(1, 8)):
            path = root.joinpath(*chance.choices(("cat", "dog", "train", "val", " ", ".git", "é"), k=2))
            path = path / chance.choice(usable)
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists() and not path.is_symlink():
                if chance.random() < 0.15:
                    path.symlink_to(chance.choice(("/etc/passwd", "..", "nowhere", ".")))
                else:
                    path.write_bytes(chance.choice((chance.choice(whole), b"", b"<html>", b"GIF89a")))
        toll.attempt(lambda root=root: read_folder(root))
    return toll


def recipes(count: int, folder: Path, seed: int = 5) -> Toll:
    """Recipes with damaged text, unknown fields and values of every kind."""
    chance, toll = random.Random(seed), Toll()
    good = Recipe(name="good").amended({"data.source": "x"}).to_toml().encode()
    names = [*fields(), "no.such", "name.name", ""]
    for _ in range(count):
        if chance.random() < 0.5:
            text = _damaged(good, chance).decode("utf-8", "replace")
            toll.attempt(lambda text=text: Recipe.from_toml(text).checked())
        elif chance.random() < 0.5:
            lines = "\n".join(f"{chance.choice(names)} = {chance.choice(VALUES)}" for _ in range(chance.randrange(5)))
            toll.attempt(lambda text=lines: Recipe.from_toml(text).checked())
        else:
            changes = {chance.choice(names): chance.choice(VALUES) for _ in range(chance.randrange(1, 4))}
            toll.attempt(lambda changes=changes: Recipe().amended(changes).checked())
    return toll


def weights(count: int, folder: Path, seed: int = 6) -> Toll:
    """Damage to files of weights in both formats, and pickles that ask for something to be called."""
    import timm
    import torch
    from safetensors.torch import save

    from studio.model.own_weights import load_own

    model = timm.create_model("test_vit", num_classes=2, img_size=32, embed_dim=8, num_heads=1, depth=1)
    target = io.BytesIO()
    torch.save({"state_dict": model.state_dict()}, target)
    called = f"cos\nsystem\n(S'touch {folder}/called'\ntR.".encode()
    with zipfile.ZipFile(target) as whole:
        pickled = whole.read(next(name for name in whole.namelist() if name.endswith("data.pkl")))
    chance, toll = random.Random(seed), Toll()
    for n in range(count):
        if chance.random() < 0.3:
            data, file = save(model.state_dict()), folder / f"{n % 8}.safetensors"
        else:
            inner = chance.choice((None, called, _damaged(pickled, chance), _damaged(pickled, chance)))
            data, file = _with_pickle(target.getvalue(), inner), folder / f"{n % 8}.pth"
        file.write_bytes(_damaged(data, chance) if chance.random() < 0.5 else data)
        toll.attempt(lambda file=file: load_own(model, file, "test_vit"))
    assert not (folder / "called").exists()
    return toll


def _with_pickle(data: bytes, pickled: bytes | None) -> bytes:
    """A file of torch with another pickle in it."""
    if pickled is None:
        return data
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as whole, zipfile.ZipFile(target, "w") as other:
        for name in whole.namelist():
            other.writestr(name, pickled if name.endswith("data.pkl") else whole.read(name))
    return target.getvalue()


ALL = {
    "pictures": pictures, "zips": zips, "tables": tables, "trees": trees, "recipes": recipes, "weights": weights,
}  # fmt: skip


def _whole_pictures() -> Iterator[bytes]:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 56, 3), dtype=np.uint8))
    deep = Image.fromarray(np.random.default_rng(1).integers(0, 65536, (24, 24), dtype=np.uint16))
    for image, format, options in (
        (noise, "PNG", {}), (noise.convert("RGBA"), "PNG", {}), (noise.convert("P"), "PNG", {}), (deep, "PNG", {}),
        (noise, "JPEG", {}), (noise, "JPEG", {"progressive": True}), (noise.convert("CMYK"), "JPEG", {}),
        (noise.convert("P"), "GIF", {"save_all": True, "append_images": [noise.convert("P")]}), (noise, "BMP", {}),
        (noise, "TIFF", {}), (noise, "TIFF", {"compression": "tiff_lzw"}), (deep, "TIFF", {}),
        (noise, "WEBP", {}), (noise.convert("RGBA"), "WEBP", {"lossless": True}), (noise, "AVIF", {}),
        (noise, "JPEG2000", {}), (noise, "PPM", {}),
    ):  # fmt: skip
        target = io.BytesIO()
        image.save(target, format, **options)
        yield target.getvalue()


def _damaged(data: bytes, chance: random.Random) -> bytes:
    """A few bytes changed (more often near the beginning), a stretch left out, doubled, or cut off."""
    broken = bytearray(data)
    for _ in range(chance.choice((1, 1, 3, 12))):
        if not broken:
            break
        at = chance.randrange(min(len(broken), chance.choice((32, 200, 10**6))))
        length = chance.randrange(1, 64)
        match chance.randrange(6):
            case 0:
                del broken[at : at + length]
            case 1:
                broken[at:at] = broken[at : at + length]
            case 2:
                del broken[at + length :]
            case 3:
                broken[at : at + 4] = struct.pack(">I", chance.choice((0, 0x7FFFFFFF, 0xFFFFFFFF, 65536)))
            case _:
                broken[at] = chance.randrange(256)
    return bytes(broken)


def _zip(chance: random.Random) -> bytes:
    target = io.BytesIO()
    png = next(_whole_pictures())
    with zipfile.ZipFile(target, "w") as packed:
        for name in chance.choices(NAMES, k=chance.randrange(1, 9)):
            entry = zipfile.ZipInfo(name)
            entry.compress_type = chance.choice((0, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA))
            if chance.random() < 0.1:
                entry.create_system, entry.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
            if name not in packed.NameToInfo:
                packed.writestr(entry, chance.choice((png, b"", b"path,label\n", bytes(5000), png[:30])))
    data = target.getvalue()
    return _damaged(data, chance) if chance.random() < 0.6 else data
