"""What one look at a picture tells: its header, its light, its sharpness, and a small square of what it shows.

A trait is a row of numbers of a fixed size, so that those of 60,000 pictures are one array, and lie on a shelf between
checks, found by the digest of the file they were taken from.
"""

import hashlib
from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np
from PIL import Image

from studio.data.facts import Facts

TILE = 24  # side of the small square that stands for a picture where pictures are compared
LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)  # what red, green and blue count for in it
SIDE = 90  # pixels on the short side at which light and sharpness are measured; smaller pictures as they are

TRAIT = np.dtype(
    [
        ("width", "<i4"),  # pixels, as the picture is seen (EXIF orientation applied)
        ("height", "<i4"),
        ("bytes", "<i8"),  # of the file
        ("format", "u1"),  # place in `FORMATS`
        ("mode", "u1"),  # place in `MODES`; Pillow's mode as it is stored
        ("orientation", "u1"),  # EXIF, 1 to 8; 1 where none is given
        ("frames", "<i4"),  # 1 for a still picture, 2 where there are more: they are not counted
        ("alpha", "?"),  # whether anything is transparent
        ("quality", "u1"),  # of a JPEG, 1 to 100, by its quantization tables; 0 for other formats
        ("camera", "<u4"),  # a hash of EXIF make and model; 0 where none is given
        ("taken", "<i8"),  # EXIF date, seconds since 1970; 0 where none is given
        ("mean", "<f4", 3),  # of each channel, 0 to 255
        ("light", "<f4", 5),  # percentiles 1, 5, 50, 95, 99 of luminance, 0 to 255; from here on, of the inside
        ("deviation", "<f4"),  # standard deviation of luminance, 0 to 255
        ("clipped", "<f4"),  # share of pixels with a channel at its end and another not; 0 where it is not bright
        ("sharpness", "<f4"),  # larger is sharper; comparable between pictures of any size
        ("colourfulness", "<f4"),  # mean difference between the channels of a pixel, 0 to 255; 0 for greys; of it all
        ("tile", "u1", (TILE, TILE, 3)),  # the whole picture, squeezed into a square, RGB
    ]
)
FORMATS = ("", "JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "JPEG2000", "PPM")
MODES = ("", "1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "HSV", "I", "I;16", "F")
# Changes whenever what is measured does, so that rows of an older studio are not taken for today's.
VERSION = hashlib.blake2b(repr((TRAIT.descr, "4")).encode(), digest_size=6).hexdigest()

_SQUARE = 4 * TILE  # side of the square in which light and colours are measured
_LONGEST = 6 * SIDE  # pixels; a picture that is longer when its edges are measured gets a canvas of its own
_NOBODY = 255  # in a canvas, what belongs to no picture
MOST = 128  # pictures that can be measured at once
_PERCENTILES = np.array((0.01, 0.05, 0.5, 0.95, 0.99))
_HIGH = np.array((0.99,))
_EDGE = 8  # an eighth of each side is left out where light and sharpness are measured: a frame says nothing of those
_EDGE_OF = _SQUARE // _EDGE
_POWERS = np.arange(256, dtype=np.float64)[:, None] ** (1, 2)
_BRIGHT = 128  # mean luminance below which nobody asks what is clipped
_END, _COLOUR = 253, 12  # a channel at its end; the least difference between channels that is a colour
_NEAR, _LEAST = 4, 2  # pixels between which contrast is measured; contrast without which nothing can be blurred
_ROUNDED = 2  # of a Laplacian, what comes of values being whole numbers


class Looks:
    """Up to `most` pictures that are measured together, each made small at once, while it lies in the cache.

    Together: a call of OpenCV hands over between threads, which costs more than its work on one picture.
    """

    def __init__(self, most: int = MOST) -> None:
        self._rows = np.zeros(most, TRAIT)
        self._squares = np.empty((most, _SQUARE, _SQUARE, 3), np.uint8)
        self._tiles: dict[int, np.ndarray] = {}  # of pictures so small that the square does not do
        self._insides: list[np.ndarray] = []

    def __len__(self) -> int:
        return len(self._insides)

    def add(self, facts: Facts, image: Image.Image, size: int) -> None:
        """One more: what `survey` gave, RGB, and the bytes of its file."""
        import cv2

        number, pixels = len(self), np.asarray(image)
        row = self._rows[number]
        kind = "JPEG" if facts.format == "MPO" else facts.format  # a camera's JPEG with a second picture behind it
        row["width"], row["height"], row["bytes"] = facts.width, facts.height, size
        row["format"], row["mode"] = _place(FORMATS, kind), _place(MODES, facts.mode)
        row["orientation"], row["frames"], row["alpha"] = facts.orientation, 1 + facts.animated, facts.alpha
        row["quality"], row["taken"], row["camera"] = facts.quality, facts.taken, _hashed(facts.camera)
        cv2.resize(pixels, (_SQUARE, _SQUARE), dst=self._squares[number], interpolation=cv2.INTER_LINEAR)
        if min(pixels.shape[:2]) < SIDE:  # enlarged on the way to the square, its points would run into each other
            self._tiles[number] = cv2.resize(pixels, (TILE, TILE), interpolation=cv2.INTER_AREA)
        self._insides.append(_drawn(pixels))

    def measured(self) -> np.ndarray:
        """Their traits, TRAIT (n,), in the order in which they came."""
        rows = self._rows[: len(self)]
        if len(rows):
            _light(rows, self._squares[: len(self)], self._tiles)
            _edges(rows, self._insides)
        return rows


def measured(looks: Sequence[tuple[Facts, Image.Image, int]]) -> np.ndarray:
    """The traits of up to MOST pictures, TRAIT (n,): of each what `survey` gave, RGB, and the bytes of its file."""
    together = Looks(len(looks))
    for look in looks:
        together.add(*look)
    return together.measured()


def _place(names: tuple[str, ...], name: str) -> int:
    """Where a name stands; modes such as "I;16B" count as the one that they begin with."""
    if name in names:
        return names.index(name)
    return next((number for number, one in enumerate(names) if one and name.startswith(one)), 0)


def _hashed(camera: str) -> int:
    if not camera:
        return 0
    return int.from_bytes(hashlib.blake2b(camera.encode("utf-8", "replace"), digest_size=4).digest()) or 1


def _light(rows: np.ndarray, squares: np.ndarray, small: Mapping[int, np.ndarray]) -> None:
    """Tile, light and colours, of every picture squeezed into a square; the tiles of `small` ones are there already."""
    import cv2

    count = len(squares)
    column = squares.reshape(-1, _SQUARE, 3)  # one below the other, as one picture
    tiles = cv2.resize(column, (TILE, TILE * count), interpolation=cv2.INTER_AREA)
    for number, tile in small.items():
        tiles[number * TILE : (number + 1) * TILE] = tile
    rows["tile"] = tiles.reshape(count, TILE, TILE, 3)
    points = tiles.reshape(count, -1, 3)
    rows["mean"] = points.reshape(count, -1) @ of_each_channel(points.shape[1]) / points.shape[1]
    most, least = _ends(tiles)
    rows["colourfulness"] = (most - least).reshape(count, -1).mean(axis=1)
    every_second = np.ascontiguousarray(squares[:, _EDGE_OF:-_EDGE_OF:2, _EDGE_OF:-_EDGE_OF])
    lines = cv2.cvtColor(every_second.reshape(-1, *every_second.shape[2:]), cv2.COLOR_RGB2GRAY)
    counts = _counts(_owners(count, *every_second.shape[1:3]), lines, count)
    total = counts.sum(axis=1)
    mean, square = (counts @ _POWERS / total[:, None]).T
    rows["deviation"] = np.sqrt(np.maximum(square - mean**2, 0))
    rows["light"] = _percentiles(counts, _PERCENTILES)
    bright = np.flatnonzero(mean > _BRIGHT)
    if len(bright):
        inside = squares[bright, _EDGE_OF:-_EDGE_OF, _EDGE_OF:-_EDGE_OF]
        rows["clipped"][bright] = _clipped(inside.reshape(-1, inside.shape[2], 3)).reshape(len(bright), -1).mean(axis=1)


@lru_cache(maxsize=4)
def of_each_channel(count: int) -> np.ndarray:
    """Sums each channel of so many points, as a matrix: numpy is slow over an axis of three. Exact below 2 ** 24."""
    return np.tile(np.eye(3, dtype=np.float32), (count, 1))


@lru_cache(maxsize=8)
def _owners(count: int, height: int, width: int) -> np.ndarray:
    """Which of so many pictures below one another a point is of, uint8."""
    return np.repeat(np.arange(count, dtype=np.uint8), height * width).reshape(-1, width)


def _ends(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The largest and the smallest channel of every pixel, uint8 (h, w) each."""
    import cv2

    red, green, blue = cv2.split(pixels)
    return cv2.max(cv2.max(red, green), blue), cv2.min(cv2.min(red, green), blue)


def _clipped(pixels: np.ndarray) -> np.ndarray:
    """Pixels whose colour went wrong as one channel reached its end, bool: bright things are white, not that."""
    most, least = _ends(pixels)
    return (most >= _END) & (most - least >= _COLOUR)


def _drawn(pixels: np.ndarray) -> np.ndarray:
    """The inside of a picture at the size at which sharpness is measured: if larger, where its short side is `SIDE`."""
    import cv2

    inside = pixels[_inside(pixels.shape[0]), _inside(pixels.shape[1])]
    share = min(1, SIDE / min(pixels.shape[:2]))
    height, width = (max(1, round(side * share)) for side in inside.shape[:2])
    if inside.shape[:2] == (height, width):
        return inside
    return cv2.resize(inside, (width, height), interpolation=cv2.INTER_LINEAR)


def _edges(rows: np.ndarray, pictures: Sequence[np.ndarray]) -> None:
    """Sharpness: how steep the steepest places are for their contrast, by the 99th percentiles of the Laplacian and of
    differences over four pixels, divided. An edge one pixel wide has about 1, a picture blurred by 2 % of its side
    less than 0.3. `pictures` are as `_drawn`.
    """
    lying = [n for n, one in enumerate(pictures) if one.shape[0] <= one.shape[1] <= _LONGEST]
    standing = [n for n, one in enumerate(pictures) if one.shape[1] < one.shape[0] <= _LONGEST]
    alone = [[n] for n, one in enumerate(pictures) if max(one.shape) > _LONGEST]
    for some, down in ((lying, True), (standing, False), *((one, True) for one in alone)):
        if some:
            rows["sharpness"][some] = _sharpness([pictures[n] for n in some], down)


def _inside(length: int) -> slice:
    return slice(length // _EDGE, length - length // _EDGE)


def _sharpness(pictures: Sequence[np.ndarray], down: bool) -> np.ndarray:
    """Of each picture, (n,), drawn on one canvas: below or else beside the one before."""
    import cv2

    sizes = [picture.shape[:2] for picture in pictures]
    starts = np.cumsum([0, *(size[0 if down else 1] for size in sizes)]).tolist()
    across = max(size[1 if down else 0] for size in sizes)
    shape = (starts[-1], across) if down else (across, starts[-1])
    canvas, owners = np.zeros((*shape, 3), np.uint8), np.full(shape, _NOBODY, np.uint8)
    for n, (pixels, (height, width), start) in enumerate(zip(pictures, sizes, starts, strict=False)):
        top, left = (start, 0) if down else (0, start)
        canvas[top : top + height, left : left + width] = pixels
        owners[top + 1 : top + max(1, height - _NEAR), left + 1 : left + max(1, width - _NEAR)] = n
    grey, count = cv2.cvtColor(canvas, cv2.COLOR_RGB2GRAY), len(pictures)
    steep = _counts(owners, cv2.convertScaleAbs(cv2.Laplacian(grey, cv2.CV_16S)), count)
    if min(shape) <= _NEAR:
        return np.ones(count)
    contrast = _counts(owners[:, :-_NEAR], cv2.absdiff(grey[:, _NEAR:], grey[:, :-_NEAR]), count)
    contrast += _counts(owners[:-_NEAR], cv2.absdiff(grey[_NEAR:], grey[:-_NEAR]), count)
    differs = _high(contrast)
    sharpness = np.maximum(_high(steep) - _ROUNDED, 0) / np.maximum(differs, 1)
    return np.where(steep.any(axis=1) & (differs > _LEAST), sharpness, 1)


def _counts(owners: np.ndarray, values: np.ndarray, count: int) -> np.ndarray:
    """How often each value 0 to 255 occurs in each of so many pictures, (count, 256); `owners` tells a point's."""
    import cv2

    both = [np.ascontiguousarray(owners), np.ascontiguousarray(values)]
    return cv2.calcHist(both, [0, 1], None, [count, 256], [0, count, 0, 256])


def _percentiles(counts: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """The values below which these shares lie, (n, shares)."""
    sums = np.cumsum(counts, axis=1)  # exact, as far as there are less than 2 ** 24 points
    total = sums[:, -1:].astype(np.float64)
    each = total.max(initial=0) + 1  # so that the sums of one picture after the other grow, and can be searched at once
    before = np.arange(len(counts), dtype=np.float64)[:, None] * each
    found = np.searchsorted((sums + before).ravel(), (before + total * shares).ravel())
    return found.reshape(len(counts), -1) % counts.shape[1]


def _high(counts: np.ndarray) -> np.ndarray:
    return _percentiles(counts, _HIGH)[:, 0]
