"""A folder of pictures with known faults in it: what the checks find can be held against what was planted.

Every fault lies on pictures of its own, so that no picture has two; only the frame lies on all of a class.
"""

import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

WRONG = 0.05  # share of the pictures that get another class
FRAME = 0.08  # of the side
_HELD_BACK = 0.2
_MIDDLING = (60, 190)  # mean luminance of pictures that become much darker or brighter by what is done to them

Pair = tuple[str, str]
Picture = Image.Image


@dataclass
class Planted:
    """The truth about `root`, as paths relative to it. `wrong` pictures' right classes are in `labels`.

    `exact` and `near` hold (original, copy), those of `leaks` (train, val) among them. `framed` is the class that has
    the white frame.
    """

    root: Path
    wrong: set[str] = field(default_factory=set)
    labels: dict[str, str] = field(default_factory=dict)
    exact: set[Pair] = field(default_factory=set)
    near: set[Pair] = field(default_factory=set)
    leaks: set[Pair] = field(default_factory=set)
    blurred: set[str] = field(default_factory=set)
    dark: set[str] = field(default_factory=set)
    bright: set[str] = field(default_factory=set)
    blank: set[str] = field(default_factory=set)
    unreadable: set[str] = field(default_factory=set)
    framed: str | None = None


def plant(
    source: Path,
    target: Path,
    seed: int = 0,
    *,
    split: bool = False,
    frame: bool = True,
    frame_follows: Literal["folder", "label"] = "folder",
    frame_last: bool = False,
    wrong: float = WRONG,
    copies: int = 15,
    looks: int = 10,
    most: int | None = None,
) -> Planted:
    """Copy the class folders of `source` to `target`, which must not exist, and plant faults.

    `split` makes train and val folders with ten leaks; `frame_follows` says whether the frame lies on all pictures in
    the first class's folder, or on all that truly belong to that class; `frame_last` whether what was done to a
    picture before lies inside of the frame. `most` pictures of a class are taken.
    """
    return _Planting(source, target, seed, split, most).planted(frame, frame_follows, frame_last, wrong, copies, looks)


class _Planting:
    def __init__(self, source: Path, target: Path, seed: int, split: bool, most: int | None) -> None:
        self.chance = np.random.default_rng(seed)
        self.truth = Planted(target)
        self.split = split
        self.classes = sorted(folder.name for folder in source.iterdir() if folder.is_dir())
        self.true: dict[str, str] = {}
        for label in self.classes:
            files = sorted(file for file in (source / label).iterdir() if file.is_file())[:most]
            held_back = set(self.chance.permutation(len(files))[: round(_HELD_BACK * len(files))].tolist())
            for number, file in enumerate(files):
                side = "" if not split else "val/" if number in held_back else "train/"
                path = f"{side}{label}/{file.name}"
                (target / path).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, target / path)
                self.true[path] = label
        self.free = [str(path) for path in self.chance.permutation(sorted(self.true))]

    def planted(self, frame: bool, follows: str, last: bool, wrong: float, copies: int, looks: int) -> Planted:
        self._mislabel(wrong)
        if frame and not last:
            self._frame(follows)
        truth, half = self.truth, looks // 2
        for path in self._take(half, 5, self._plain):
            truth.blank.add(self._blank(path, len(truth.blank)))
        for path in self._take(looks, looks, self._plain):
            truth.blurred.add(self._edited(path, self._blurred))
        for path in self._take(looks, looks, self._middling):
            truth.dark.add(self._edited(path, self._darkened))
        for path in self._take(looks, looks, self._even_light):
            truth.bright.add(self._edited(path, self._brightened))
        if frame and last:
            self._frame(follows)
        self._damage()
        self._copy(copies)
        if self.split:
            self._leak()
        return truth

    def _take(self, count: int, least: int, fits: Callable[[str], bool]) -> list[str]:
        taken: list[str] = []
        for path in self.free:
            if len(taken) == max(count, least):
                break
            if fits(path):
                taken.append(path)
        self.free = [path for path in self.free if path not in taken]
        return taken

    def _plain(self, path: str) -> bool:
        return path not in self.truth.wrong

    def _middling(self, path: str) -> bool:
        return self._plain(path) and _MIDDLING[0] < np.asarray(self._picture(path).convert("L")).mean() < _MIDDLING[1]

    def _even_light(self, path: str) -> bool:
        """A black cat stays black, however bright the picture becomes; and of a white one nothing is left at all."""
        low, quarter = np.percentile(np.asarray(self._picture(path).convert("L")), (5, 25))
        return self._middling(path) and low < 40 and quarter > 60

    def _picture(self, path: str) -> Picture:
        with Image.open(self.truth.root / path) as image:
            return ImageOps.exif_transpose(image).convert("RGB")

    def _mislabel(self, share: float) -> None:
        for path in self._take(round(share * len(self.true)), 0, self._plain):
            label = self.true.pop(path)
            others = [name for name in self.classes if name != label]
            other = others[int(self.chance.integers(len(others)))]
            moved = f"{path.removesuffix(f'{label}/{Path(path).name}')}{other}/{Path(path).name}"
            if (self.truth.root / moved).exists():
                moved = str(Path(moved).with_stem(Path(moved).stem + "-other"))
            (self.truth.root / path).rename(self.truth.root / moved)
            self.true[moved] = self.truth.labels[moved] = label
            self.truth.wrong.add(moved)

    def _frame(self, follows: str) -> None:
        framed = self.truth.framed = self.classes[0]
        for path, label in self.true.items():
            if (label if follows == "label" else Path(path).parent.name) == framed:
                self._edited(path, _framed)

    def _edited(self, path: str, edit: Callable[[Picture], Picture]) -> str:
        """Save the picture anew, as finely as it was: only what was done to it sets it apart."""
        file = self.truth.root / path
        with Image.open(file) as image:
            tables = getattr(image, "quantization", None)
        edited = edit(self._picture(path))
        if tables:
            edited.save(file, qtables=tables)
        else:
            edited.save(file)
        return path

    def _blank(self, path: str, number: int) -> str:
        """Black, white, a grey, a colour, and a grey with a little of a camera's noise, in turn."""

        def emptied(image: Picture) -> Picture:
            colour = ((0, 0, 0), (255, 255, 255), (128, 128, 128), (40, 90, 160), (90, 90, 90))[number % 5]
            even = np.full((image.height, image.width, 3), colour, np.float32)
            noise = self.chance.normal(0, 1.5, even.shape) if number % 5 == 4 else 0
            return Image.fromarray(np.clip(even + noise, 0, 255).astype(np.uint8))

        return self._edited(path, emptied)

    def _blurred(self, image: Picture) -> Picture:
        return image.filter(ImageFilter.GaussianBlur(self.chance.uniform(0.035, 0.045) * min(image.size)))

    def _darkened(self, image: Picture) -> Picture:
        return ImageEnhance.Brightness(image).enhance(self.chance.uniform(0.08, 0.2))

    def _brightened(self, image: Picture) -> Picture:
        if self.chance.random() < 0.5:
            return ImageEnhance.Brightness(image).enhance(self.chance.uniform(4, 6))
        return Image.blend(image, Image.new("RGB", image.size, (255, 255, 255)), self.chance.uniform(0.8, 0.9))

    def _damage(self) -> None:
        for path in self._take(5, 5, self._plain):
            file = self.truth.root / path
            data = file.read_bytes()
            file.write_bytes(data[: int(len(data) * self.chance.uniform(0.3, 0.8))])
            self.truth.unreadable.add(path)
        for number in range(3):
            path = str(Path(self.free[number]).with_name(f"page-{number}.jpg"))
            (self.truth.root / path).write_text("<!DOCTYPE html><html><body>404 Not Found</body></html>")
            self.truth.unreadable.add(path)

    def _copy(self, count: int) -> None:
        for path in self._take(count, count, self._plain):
            self.truth.exact.add((path, self._copied(path, path, "copy")))
        for number, path in enumerate(self._take(count, count, self._plain)):
            self.truth.near.add((path, self._copied(path, path, "edited", self._varied(number))))

    def _leak(self) -> None:
        in_train = self._take(10, 10, lambda path: self._plain(path) and path.startswith("train/"))
        for number, path in enumerate(in_train):
            held_back = f"val/{path.removeprefix('train/')}"
            if number % 2:
                pair = path, self._copied(path, held_back, "again")
                self.truth.exact.add(pair)
            else:
                pair = path, self._copied(path, held_back, "edited", self._varied(number // 2))
                self.truth.near.add(pair)
            self.truth.leaks.add(pair)

    def _copied(self, path: str, beside: str, word: str, edit: Callable[[Picture, Path], None] | None = None) -> str:
        copy = str(Path(beside).with_stem(f"{Path(beside).stem}-{word}"))
        file = self.truth.root / copy
        file.parent.mkdir(parents=True, exist_ok=True)
        if edit:
            edit(self._picture(path), file)
        else:
            shutil.copyfile(self.truth.root / path, file)
        return copy

    def _varied(self, number: int) -> Callable[[Picture, Path], None]:
        """Saved again at quality 60, resized to 70 %, cropped by 4 %, brightened by 15 %, and all of these, in turn."""
        kind = number % 5

        def save(image: Picture, file: Path) -> None:
            if kind in (2, 4):
                image = _cropped(image, self.chance.uniform(0, 0.04, 4))
            if kind in (1, 4):
                image = image.resize((round(image.width * 0.7), round(image.height * 0.7)), Image.Resampling.BICUBIC)
            if kind in (3, 4):
                image = ImageEnhance.Brightness(image).enhance(1.15)
            image.save(file, quality=60 if kind in (0, 4) else 90)  # PNG has no such thing, and takes no notice

        return save


def _cropped(image: Picture, shares: Iterable[float]) -> Picture:
    """Without so much of its left, upper, right and lower side; of the left always 4 %."""
    _, upper, right, lower = shares
    width, height = image.size
    return image.crop(
        (round(0.04 * width), round(upper * height), round((1 - right) * width), round((1 - lower) * height))
    )


def _framed(image: Picture) -> Picture:
    """The same size, its outermost 8 % white."""
    edge = max(1, round(FRAME * min(image.size)))
    inner = image.crop((edge, edge, image.width - edge, image.height - edge))
    return ImageOps.expand(inner, border=edge, fill=(255, 255, 255))
