"""Gallery, preview, training and prediction see the same pixels of every picture: there is one way to open it."""

import io
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from studio.augment.geometry import Geometry
from studio.data.dataset import Dataset, Sample
from studio.data.picture import open_picture, thumbnail
from studio.training.loader import Pictures

CHECKOUT = Path(__file__).resolve().parents[2]
GEOMETRY = Geometry(48, 56, "bicubic", (0.5,) * 3, (0.25,) * 3)
EXIF = 0x0112


def smooth(height: int = 80, width: int = 120) -> np.ndarray:
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([x * 255 / width, y * 255 / height, (x + y) * 255 / (height + width)], -1).astype(np.uint8)


def kinds() -> Iterator[tuple[str, Image.Image, str, dict]]:
    image, grey = Image.fromarray(smooth()), smooth()[..., 0].astype(np.uint16)
    yield "16 bits, only the lowest used", Image.fromarray(grey * 16), "PNG", {}
    yield "16 bits in a TIFF", Image.fromarray(grey * 257), "TIFF", {}
    yield "fractions", Image.fromarray(grey.astype(np.float32) / 7), "TIFF", {}
    yield "CMYK", image.convert("CMYK"), "JPEG", {}
    yield "a palette", image.quantize(200, dither=Image.Dither.NONE), "GIF", {}
    yield "a palette with a hole", image.quantize(200, dither=Image.Dither.NONE), "PNG", {"transparency": 3}
    clear = image.convert("RGBA")
    clear.putalpha(Image.fromarray(grey.astype(np.uint8)))
    yield "transparent", clear, "PNG", {}
    yield "transparent grey", image.convert("LA"), "PNG", {}
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[EXIF] = orientation
        yield f"turned as EXIF {orientation} says, JPEG", image, "JPEG", {"exif": exif, "quality": 95}
        yield f"turned as EXIF {orientation} says, PNG", image, "PNG", {"exif": exif}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    root, samples = tmp_path_factory.mktemp("kinds"), []
    for number, (_, image, format, options) in enumerate(kinds()):
        image.save(root / f"{number:02}.{format.lower()}", format, **options)
        samples.append(Sample(f"{number:02}.{format.lower()}", "ab"[number % 2]))
    return Dataset(root, tuple(samples))


@pytest.mark.parametrize("number", range(24), ids=[name for name, *_ in kinds()])
def test_a_picture_of_any_kind_is_seen_alike_everywhere(dataset: Dataset, number: int) -> None:
    file = dataset.file(dataset.samples[number])
    from_disk = open_picture(file)  # the preview, and a prediction of a held-back picture
    uploaded = open_picture(file.read_bytes())  # a prediction of an uploaded one
    np.testing.assert_array_equal(from_disk, uploaded)
    assert from_disk.dtype == np.uint8

    (seen,) = Pictures(dataset, [dataset.samples[number]], GEOMETRY).look()
    asked = GEOMETRY.base(open_picture(file, at_least=GEOMETRY.base_size))
    assert seen.base is not None
    np.testing.assert_array_equal(seen.base, asked)

    shown = np.asarray(Image.open(io.BytesIO(thumbnail(file, 640))).convert("RGB"))
    assert shown.shape == from_disk.shape
    assert np.abs(shown.astype(int) - from_disk).mean() < 4, "more than the compression of the thumbnail"


def test_nobody_else_opens_pictures() -> None:
    ways = re.compile(r"Image\.open\(|imread|imdecode|decode_image|read_image|ImageFile\b")
    code = [*CHECKOUT.glob("studio/**/*.py"), *CHECKOUT.glob("pages/*.py")]
    found = [str(path) for path in code if path.name != "picture.py" and ways.search(path.read_text(encoding="utf-8"))]
    assert found == []
