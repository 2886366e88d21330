"""What one look at a picture tells: its header, its light, its sharpness, and a small square of what it shows.

A trait is a row of numbers of a fixed size, so that those of 60,000 pictures are one array, and lie on a shelf between
checks, found by the digest of the file they were taken from.
"""

import hashlib

import numpy as np
from PIL import Image

from studio.data.facts import Facts

TILE = 24  # side of the small square that stands for a picture where pictures are compared
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
VERSION = hashlib.blake2b(repr((TRAIT.descr, "1")).encode(), digest_size=6).hexdigest()

_PERCENTILES = np.array((0.01, 0.05, 0.5, 0.95, 0.99))
_EDGE = 8  # an eighth of each side is left out where light and sharpness are measured: a frame says nothing of those
_POWERS = np.arange(256, dtype=np.float64)[:, None] ** (0, 1, 2)
_BRIGHT = 128  # mean luminance below which nobody asks what is clipped
_END, _COLOUR = 253, 12  # a channel at its end; the least difference between channels that is a colour
_NEAR, _LEAST = 4, 2  # pixels between which contrast is measured; the least contrast that counts
_ROUNDED = 2  # of a Laplacian, what comes of values being whole numbers


def measured(facts: Facts, image: Image.Image, size: int) -> np.ndarray:
    """The traits of a picture, TRAIT (1,): `image` is what `survey` gave, RGB, `size` the bytes of its file."""
    import cv2

    row = np.zeros(1, TRAIT)
    row["width"], row["height"], row["bytes"] = facts.width, facts.height, size
    kind = "JPEG" if facts.format == "MPO" else facts.format  # a camera's JPEG with a second picture behind it
    row["format"], row["mode"] = _place(FORMATS, kind), _place(MODES, facts.mode)
    row["orientation"], row["frames"], row["alpha"] = facts.orientation, 1 + facts.animated, facts.alpha
    row["quality"], row["taken"], row["camera"] = facts.quality, facts.taken, _hashed(facts.camera)
    pixels = np.asarray(image)
    inside = pixels[_inside(image.height), _inside(image.width)]
    grey = cv2.cvtColor(inside, cv2.COLOR_RGB2GRAY)
    counts = cv2.calcHist([grey], [0], None, [256], [0, 256]).ravel()
    mean, deviation = _moments(counts)
    row["light"], row["deviation"] = _percentiles(counts, _PERCENTILES), deviation
    row["mean"] = cv2.mean(pixels)[:3]
    row["clipped"] = _clipped(inside) if mean > _BRIGHT else 0
    row["sharpness"] = _sharpness(grey, SIDE / min(image.size))
    row["tile"] = tile = _tile(pixels)
    row["colourfulness"] = _colourfulness(tile)
    return row


def _inside(length: int) -> slice:
    return slice(length // _EDGE, length - length // _EDGE)


def _place(names: tuple[str, ...], name: str) -> int:
    """Where a name stands; modes such as "I;16B" count as the one that they begin with."""
    if name in names:
        return names.index(name)
    return next((number for number, one in enumerate(names) if one and name.startswith(one)), 0)


def _hashed(camera: str) -> int:
    if not camera:
        return 0
    return int.from_bytes(hashlib.blake2b(camera.encode("utf-8", "replace"), digest_size=4).digest()) or 1


def _moments(counts: np.ndarray) -> tuple[float, float]:
    """Mean and standard deviation of values 0 to 255 that occur so often."""
    total, mean, square = (counts @ _POWERS).tolist()
    mean, square = mean / total, square / total
    return mean, max(square - mean**2, 0) ** 0.5


def _percentiles(counts: np.ndarray, shares: np.ndarray) -> np.ndarray:
    sums = np.cumsum(counts, dtype=np.float64)
    return np.searchsorted(sums, shares * sums[-1])


def _tile(pixels: np.ndarray) -> np.ndarray:
    """The means of 24 × 24 areas, uint8; by way of four times as many points, which takes half as long."""
    import cv2

    if min(pixels.shape[:2]) >= SIDE:
        pixels = cv2.resize(pixels, (4 * TILE, 4 * TILE), interpolation=cv2.INTER_LINEAR)
    return cv2.resize(pixels, (TILE, TILE), interpolation=cv2.INTER_AREA)


def _colourfulness(tile: np.ndarray) -> float:
    import cv2

    most, least = _ends(tile)
    return cv2.mean(most)[0] - cv2.mean(least)[0]


def _ends(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The largest and the smallest channel of every pixel, uint8 (h, w) each."""
    import cv2

    red, green, blue = cv2.split(pixels)
    return cv2.max(cv2.max(red, green), blue), cv2.min(cv2.min(red, green), blue)


def _clipped(pixels: np.ndarray) -> float:
    """Share of pixels whose colour went wrong as one channel reached its end: bright things are white, not that."""
    import cv2

    most, least = _ends(pixels)
    wrong = (most >= _END) & (cv2.subtract(most, least) >= _COLOUR)
    return float(np.count_nonzero(wrong)) / wrong.size


def _sharpness(grey: np.ndarray, scale: float) -> float:
    """How steep the steepest places are for their contrast: the 99th percentiles of the Laplacian and of differences
    over four pixels, divided. An edge one pixel wide has about 1, a picture blurred by 2 % of its side less than 0.3.
    Larger pictures are measured at `scale`.
    """
    import cv2

    if scale < 1:
        height, width = grey.shape
        size = max(1, round(width * scale)), max(1, round(height * scale))
        grey = cv2.resize(grey, size, interpolation=cv2.INTER_LINEAR)
    if min(grey.shape) <= _NEAR:
        return 1.0
    steep = cv2.convertScaleAbs(cv2.Laplacian(grey, cv2.CV_16S))[1:-1, 1:-1]
    across, down = cv2.absdiff(grey[:, _NEAR:], grey[:, :-_NEAR]), cv2.absdiff(grey[_NEAR:], grey[:-_NEAR])
    return max(_high(_counts(steep)) - _ROUNDED, 0) / max(_high(_counts(across) + _counts(down)), _LEAST)


def _counts(values: np.ndarray) -> np.ndarray:
    import cv2

    return cv2.calcHist([np.ascontiguousarray(values)], [0], None, [256], [0, 256]).ravel()


def _high(counts: np.ndarray) -> int:
    sums = np.cumsum(counts, dtype=np.float64)
    return int(np.searchsorted(sums, 0.99 * sums[-1]))
