"""What one step did to one picture, in words: the numbers that chance chose, as a person would say them."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from studio.augment.catalogue import transform
from studio.augment.pipeline import Moment
from studio.text import percent

Applied = Mapping[str, Any]
PASSED_OVER = "Passed over this time."
_COLOURS = ("red", "green", "blue")
_LAID = {
    "e": "left as it was",
    "r90": "turned by a quarter to the left",
    "r180": "turned upside down",
    "r270": "turned by a quarter to the right",
    "v": "mirrored top-bottom",
    "h": "mirrored left-right",
    "t": "mirrored along its diagonal",
    "hvt": "mirrored along its other diagonal",
}

_QUARTERS = ("e", "r90", "r180", "r270")


def applied(moment: Moment) -> str:
    """One or two short sentences; the catalogue's own where the numbers would say nothing to a person."""
    if not moment.was_applied:
        return PASSED_OVER
    words = _WORDS.get(moment.step.transform)
    return words(moment.applied) if words else transform(moment.step.transform).sentence


def _kept(told: Applied) -> str:
    (left, top, right, bottom), (height, width) = told["crop_coords"], told["shape"][:2]
    share = (right - left) * (bottom - top) / (height * width)
    return (
        f"Kept {percent(share, 0)} of the area: {right - left} × {bottom - top} pixels, which begin {left} from the "
        f"left and {top} from the top."
    )


def _turned(degrees: float) -> str:
    if round(abs(degrees), 1) == 0:
        return "Not turned"
    return f"Turned by {abs(degrees):.1f}° to the {'left' if degrees > 0 else 'right'}"


def _by_matrix(told: Applied) -> str:
    matrix = told["matrix"]
    return f"{_turned(math.degrees(math.atan2(matrix[0][1], matrix[0][0])))}."


def _moved(told: Applied) -> str:
    zoom = told["scale"]
    side = (zoom["x"] + zoom["y"]) / 2
    return f"{_turned(told['rotate'])}, drawn at {percent(side, 0)} of its size, moved and slanted."


def _times(name: str, factor: float) -> str:
    return f"{name} × {factor:.2f}"


def _signed(name: str, number: float, digits: int = 0) -> str:
    return f"{name} {number:+.{digits}f}".replace("-", "−")


def _jittered(told: Applied) -> str:
    parts = [
        _times("brightness", told["brightness"]),
        _times("contrast", told["contrast"]),
        _times("strength of colours", told["saturation"]),
        f"colour wheel turned by {_degrees(told['hue'] * 360)}",
    ]
    return _sentence(parts)


def _degrees(number: float) -> str:
    return f"{number:+.0f}°".replace("-", "−")


def _sentence(parts: list[str]) -> str:
    said = ", ".join(parts)
    return f"{said[:1].upper()}{said[1:]}."


def _light(contrast: float, brightness: float) -> str:
    """`brightness` as a share of all that there is from black to white."""
    return _sentence([_times("contrast", contrast), f"{_signed('brightness', brightness * 100)} %"])


def _hsv(told: Applied) -> str:
    return _sentence(
        [
            f"colour wheel turned by {_degrees(told['hue_shift'] * 2)}",
            _signed("strength of colours", told["sat_shift"]),
            f"{_signed('lightness', told['val_shift'])}, both of 255",
        ]
    )


def _cast(told: Applied) -> str:
    return _sentence(
        [_signed(name, part) for name, part in zip(_COLOURS, told["noise_map"], strict=False)] + ["of 255"]
    )


def _shuffled(told: Applied) -> str:
    return f"Red, green and blue now show {', '.join(_COLOURS[int(n)] for n in told['channels_shuffled'])}."


def _dropped(told: Applied) -> str:
    return f"Without {' and '.join(_COLOURS[int(n)] for n in told['channels_to_drop'])}."


def _window(told: Applied) -> str:
    kernel = told.get("kernel", told.get("ksize"))
    side = max(np.shape(kernel)) if np.ndim(kernel) else int(kernel)  # type: ignore[arg-type]
    return f"Each point is mixed with those around it, {side} pixels across."


def _grain(told: Applied) -> str:
    return f"Noise of about ±{float(np.std(told['noise_map'])):.0f} of 255."


def _holes(told: Applied) -> str:
    holes, (height, width) = np.asarray(told["holes"]), told["shape"][:2]
    hidden = np.zeros((height, width), bool)
    for left, top, right, bottom in holes.astype(int).tolist():
        hidden[max(top, 0) : bottom, max(left, 0) : right] = True
    spots = "1 spot hides" if len(holes) == 1 else f"{len(holes)} spots hide"
    return f"{spots} {percent(float(hidden.mean()), 0)} of the picture."


def _dots(*names: str) -> Callable[[Applied], str]:
    return lambda told: f"{percent(sum(float(np.mean(told[name])) for name in names))} of the points changed."


def _framed(told: Applied) -> str:
    before, after = told["shape"][:2], told["result_shape"]
    return f"{after[1]} × {after[0]} pixels of {before[1]} × {before[0]}, brought back to that size."


def _number(sentence: str, name: str) -> Callable[[Applied], str]:
    """Words with one number of the transform in them, such as "Gamma {:.2f}."."""
    return lambda told: sentence.format(float(told[name])).replace("-", "−").replace("%", " %")


_WORDS: dict[str, Callable[[Applied], str]] = {
    "RandomResizedCrop": _kept,
    "RandomCrop": _kept,
    "CenterCrop": lambda told: f"Kept the middle: {_kept(told)[5:]}",
    "RandomRotate90": lambda told: f"Was {_LAID[_QUARTERS[int(told['factor'])]]}.",
    "D4": lambda told: f"Was {_LAID[str(told['group_element'])]}.",
    "Rotate": _by_matrix,
    "SafeRotate": _by_matrix,
    "Affine": _moved,
    "CropAndPad": _framed,
    "RandomGridShuffle": lambda told: f"{len(told['tiles'])} tiles were shuffled.",
    "Morphological": lambda told: "The pen was {} × {} pixels.".format(*np.shape(told["kernel"])[::-1]),
    "RandomBrightnessContrast": lambda told: _light(told["alpha"], told["beta"] / 255),
    "ColorJitter": _jittered,
    "HueSaturationValue": _hsv,
    "RGBShift": _cast,
    "AdditiveNoise": _cast,
    "RandomGamma": _number("Gamma {:.2f}: below 1 is lighter, above it darker.", "gamma"),
    "CLAHE": _number("Contrast raised at most {:.1f} times.", "clip_limit"),
    "ChannelShuffle": _shuffled,
    "ChannelDropout": _dropped,
    "Posterize": lambda told: f"{2 ** int(np.max(told['num_bits']))} shades of each colour are left.",
    "Solarize": _number("What is brighter than {:.0%} became its negative.", "threshold"),
    "PlanckianJitter": _number("Light of {:,.0f} kelvin: below 6,500 is warmer, above it colder.", "temperature"),
    "Illumination": _number("Light changed by up to {:+.0%}.", "intensity"),
    "PlasmaBrightnessContrast": lambda told: _light(1 + told["contrast_factor"], told["brightness_factor"]),
    "PlasmaShadow": _number("Shadows up to {:.0%} dark.", "intensity"),
    "Sharpen": _number("{:.0%} of the sharpened picture shows.", "alpha"),
    "UnsharpMask": _number("{:.0%} of the sharpened picture shows.", "alpha"),
    "Blur": _window,
    "GaussianBlur": _window,
    "MedianBlur": _window,
    "MotionBlur": _window,
    "AdvancedBlur": _window,
    "RingingOvershoot": _window,
    "Defocus": _number("Out of focus by a radius of {:.0f}.", "radius"),
    "GaussNoise": _grain,
    "ISONoise": _number("Noise of strength {:.2f}.", "intensity"),
    "ShotNoise": _number("Noise of strength {:.2f}.", "scale"),
    "MultiplicativeNoise": lambda told: f"Light × {float(np.mean(told['multiplier'])):.2f} on average.",
    "SaltAndPepper": _dots("salt_mask", "pepper_mask"),
    "PixelDropout": _dots("drop_mask"),
    "RandomRain": lambda told: f"Drops: {len(told['rain_drops'])}.",
    "RandomFog": _number("Fog of strength {:.2f}.", "intensity"),
    "RandomSnow": _number("Snow of strength {:.2f}.", "snow_point"),
    "RandomShadow": lambda told: f"Shadows: {len(told['vertices_list'])}.",
    "RandomGravel": lambda told: f"Patches of gravel: {len(told['gravels_infos'])}.",
    "CoarseDropout": _holes,
    "GridDropout": _holes,
    "Erasing": _holes,
    "XYMasking": _holes,
    "ImageCompression": _number("Saved at a quality of {:.0f} of 100.", "quality"),
    "Downscale": _number("Shrunk to {:.0%} of its side and blown up again.", "scale"),
    "Superpixels": _number("Cut into {:.0f} patches, some of them filled with one colour.", "n_segments"),
}
