"""Pictures that are no photographs, made here: drawings on white, icons, signs; and the evidence of a folder."""

import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from studio.checks.evidence import Evidence
from studio.checks.opening import opened
from studio.checks.traits import TRAIT
from studio.data.intake import read_folder


def evidence_of(root: Path, cache: Path | None = None) -> Evidence:
    """What is known of a folder's pictures once each of them was opened."""
    dataset = read_folder(root)
    with tempfile.TemporaryDirectory() as folder:
        looking = opened(Evidence(dataset, (), np.zeros(0, TRAIT)), dataset.samples, cache or Path(folder))
        while True:
            try:
                next(looking)
            except StopIteration as end:
                return end.value


def saved(image: Image.Image, root: Path, kind: int, number: int, ending: str = "png") -> Path:
    folder = root / f"kind-{kind}"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{number:04d}.{ending}"
    image.save(file)
    return file


def digits(root: Path, count: int = 900, side: int = 64) -> Path:
    """scikit-learn's handwritten digits, black on white, enlarged from 8 pixels to `side`."""
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    for number, (image, label) in enumerate(zip(pixels[:count], labels, strict=False)):
        grey = Image.fromarray((255 - image.reshape(8, 8) * 15.9).astype(np.uint8))
        saved(grey.resize((side, side), Image.Resampling.BICUBIC), root, int(label), number)
    return root


def drawings(root: Path, count: int = 120, side: int = 160) -> Path:
    """Wobbly outlines with dots in them, black on white."""
    chance = np.random.default_rng(5)
    for number in range(count):
        kind = number % 4
        image = Image.new("L", (2 * side, 2 * side), 255)
        pen = ImageDraw.Draw(image)
        centre, radius = chance.uniform(0.4, 0.6, 2) * 2 * side, chance.uniform(0.2, 0.35) * 2 * side
        turn = np.linspace(0, 2 * np.pi, 40)
        reach = radius * (1 + 0.15 * np.sin(turn * (kind + 2) + chance.uniform(0, 6)) + chance.normal(0, 0.02, 40))
        points = np.stack([centre[0] + reach * np.cos(turn), centre[1] + reach * np.sin(turn)], 1)
        pen.line([(float(x), float(y)) for x, y in points], fill=0, width=5)
        for _ in range(kind + 1):
            x, y = (centre + chance.uniform(-0.5, 0.5, 2) * radius).tolist()
            pen.ellipse((x - 12, y - 12, x + 12, y + 12), outline=0, width=4)
        saved(image.resize((side, side), Image.Resampling.LANCZOS), root, kind, number)
    return root


def icons(root: Path, count: int = 200, side: int = 32) -> Path:
    """A dark shape on a light ground, `side` pixels wide."""
    chance = np.random.default_rng(3)
    for number in range(count):
        kind = number % 4
        ground, ink = (tuple(chance.integers(low, low + 80, 3).tolist()) for low in (170, 20))
        image = Image.new("RGB", (4 * side, 4 * side), ground)
        pen = ImageDraw.Draw(image)
        x, y, width, height = (chance.uniform((0.1, 0.1, 0.3, 0.3), (0.35, 0.35, 0.6, 0.6)) * 4 * side).tolist()
        box = (x, y, x + width, y + height)
        if kind == 0:
            pen.ellipse(box, fill=ink)
        elif kind == 1:
            pen.rectangle(box, fill=ink)
        elif kind == 2:
            pen.polygon([(x, y + height), (x + width / 2, y), (x + width, y + height)], fill=ink)
        else:
            pen.ellipse(box, outline=ink, width=12)
        saved(image.resize((side, side), Image.Resampling.LANCZOS), root, kind, number)
    return root


def scenes(root: Path, count: int = 60, side: int = 120, ending: str = "jpg") -> Path:
    """Something like photographs: coloured patches large and small with sharp edges, no two alike."""
    for number in range(count):
        saved(scene(number, side), root, number % 2, number, ending)
    return root


def scene(number: int, side: int = 120) -> Image.Image:
    chance = np.random.default_rng([7, number])
    image = Image.new("RGB", (side, side), tuple(chance.integers(60, 180, 3).tolist()))
    pen = ImageDraw.Draw(image)
    for _ in range(40):
        x, y = chance.uniform(-0.1, 1, 2) * side
        width, height = chance.uniform(0.05, 0.4, 2) * side
        pen.rectangle((x, y, x + width, y + height), fill=tuple(chance.integers(10, 245, 3).tolist()))
    return image
