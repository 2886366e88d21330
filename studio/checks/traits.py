"""What one look at a picture tells: its header, its light, its sharpness, its border, and two hashes of what it shows.

A trait is a row of numbers of a fixed size, so that those of 60,000 pictures are one array, and lie on a shelf between
checks, found by the digest of the file they were taken from.
"""

import numpy as np

TILE = 24  # side of the small square that stands for a picture where pictures are compared

TRAIT = np.dtype(
    [
        ("width", "<i4"),  # pixels, as the picture is seen (EXIF orientation applied)
        ("height", "<i4"),
        ("bytes", "<i8"),  # of the file
        ("format", "u1"),  # place in `FORMATS`
        ("mode", "u1"),  # place in `MODES`; Pillow's mode as it is stored
        ("orientation", "u1"),  # EXIF, 1 to 8; 1 where none is given
        ("frames", "<i4"),  # of an animation; 1 for a still picture
        ("alpha", "?"),  # whether anything is transparent
        ("quality", "u1"),  # of a JPEG, 1 to 100, by its quantization tables; 0 for other formats
        ("camera", "<u4"),  # a hash of EXIF make and model; 0 where none is given
        ("taken", "<i8"),  # EXIF date, seconds since 1970; 0 where none is given
        ("mean", "<f4", 3),  # of each channel, 0 to 255
        ("light", "<f4", 5),  # percentiles 1, 5, 50, 95, 99 of luminance, 0 to 255
        ("deviation", "<f4"),  # standard deviation of luminance, 0 to 255
        ("colourfulness", "<f4"),  # mean difference between the channels of a pixel, 0 to 255; 0 for greys
        ("sharpness", "<f4"),  # larger is sharper; comparable between pictures of any size
        ("hash", "<u8"),  # perceptual, 64 bits: near copies differ in few
        ("tile", "u1", (TILE, TILE, 3)),  # the whole picture, squeezed into a square, RGB
    ]
)
FORMATS = ("", "JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "JPEG2000", "PPM")
MODES = ("", "1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "HSV", "I", "I;16", "F")
