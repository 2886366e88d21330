"""The presets: how much each picture is varied, in words and as the steps that anybody could have chosen."""

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from typing import Any

from studio.errors import StudioError
from studio.recipe import StepChoice


@dataclass(frozen=True)
class Preset:
    """A named choice. `sentence` says what it does and what for."""

    name: str
    title: str
    sentence: str
    steps: tuple[StepChoice, ...] = ()


def _step(transform: str, p: float = 1.0, **params: Any) -> StepChoice:
    return StepChoice(transform=transform, p=p, params=params)


def _crop(smallest: float, ratio: float) -> StepChoice:
    return _step("RandomResizedCrop", scale=(smallest, 1.0), ratio=(1 / ratio, ratio))


def _light(reach: float, p: float = 0.5) -> StepChoice:
    return _step("RandomBrightnessContrast", p, brightness_limit=(-reach, reach), contrast_limit=(-reach, reach))


def _colours(lower: float, upper: float, hue: float, p: float) -> StepChoice:
    ends = (lower, upper)
    return _step("ColorJitter", p, brightness=ends, contrast=ends, saturation=ends, hue=(-hue, hue))


def _turn(degrees: float, p: float = 0.5, border_mode: int = 4) -> StepChoice:
    return _step("Rotate", p, limit=(-degrees, degrees), border_mode=border_mode)


def _patches(most: int, largest: float, p: float) -> StepChoice:
    sides = (0.1, largest)
    return _step("CoarseDropout", p, num_holes_range=(1, most), hole_height_range=sides, hole_width_range=sides)


PRESETS: dict[str, Preset] = {
    preset.name: preset
    for preset in (
        Preset(
            "none",
            "None",
            "The model sees every picture as it is, every time. Fastest: the frozen part looks at "
            "each picture only once.",
        ),
        Preset(
            "gentle",
            "Gentle",
            "Small shifts, zooms and changes of light; nothing is mirrored. Safe for text, "
            "digits and signs, where a mirror image means something else.",
            (_crop(0.75, 1.1), _light(0.1)),
        ),
        Preset(
            "standard",
            "Standard",
            "Random crops, left-right mirroring and changes of light and colour. A good "
            "start for photographs of things and animals.",
            (_crop(0.5, 4 / 3), _step("HorizontalFlip", 0.5), _colours(0.8, 1.2, 0.03, 0.5)),
        ),
        Preset(
            "strong",
            "Strong",
            "Tight crops, mirroring, rotation, strong colour changes and blanked-out patches. "
            "For small datasets that the model would otherwise learn by heart.",
            (
                _turn(20),
                _crop(0.3, 4 / 3),
                _step("HorizontalFlip", 0.5),
                _colours(0.6, 1.4, 0.06, 0.8),
                _patches(3, 0.25, 0.4),
            ),
        ),
        Preset(
            "documents",
            "Documents and signs",
            "Slightly crooked, seen from aside, unevenly lit, compressed and a little blurred, as scans and telephone "
            "pictures are; never mirrored, as letters would no longer be letters.",
            (
                _turn(4, border_mode=1),
                _step("Perspective", 0.4, scale=(0.01, 0.05), border_mode=1),
                _crop(0.85, 1.1),
                _light(0.2),
                _step("Illumination", 0.3, intensity_range=(0.02, 0.15)),
                _step("GaussianBlur", 0.2, sigma_limit=(0.1, 1.0)),
                _step("ImageCompression", 0.3, quality_range=(45, 95)),
            ),
        ),
        Preset(
            "microscopy",
            "Microscopy and aerial",
            "All eight turns and mirror images, as nothing here is up or down, with small changes of stain, light and "
            "grain. Zooms little, because size means something under a microscope and from above.",
            (
                _step("D4"),
                _crop(0.7, 1.1),
                _light(0.15),
                _step("HueSaturationValue", 0.4, hue_shift_limit=(-6, 6), sat_shift_limit=(-15, 15)),
                _step("GaussNoise", 0.2, std_range=(0.01, 0.04)),
            ),
        ),
        Preset(
            "faces",
            "Faces and objects",
            "Mirroring, small turns, other light and covered spots, as hands and glasses cover them. Hardly touches "
            "the shade of colours, which tells skin, fruit and paint apart.",
            (
                _turn(10),
                _crop(0.6, 1.2),
                _step("HorizontalFlip", 0.5),
                _colours(0.7, 1.3, 0.01, 0.6),
                _step("GaussianBlur", 0.1, sigma_limit=(0.1, 1.5)),
                _patches(2, 0.2, 0.2),
            ),
        ),
    )
}
CUSTOM = Preset("custom", "Your own", "The steps that you put together yourself.")


def preset(name: str) -> Preset:
    """The preset of a name that a recipe may hold, your own among them."""
    return CUSTOM if name == CUSTOM.name else PRESETS[name]


def refuse_successor() -> None:
    """Raises StudioError beside albumentationsx: it takes the same import name, under the AGPL."""
    try:
        distribution("albumentationsx")
    except PackageNotFoundError:
        return
    raise StudioError(
        "The package albumentationsx is installed, which takes the place of albumentations under another licence.",
        "pip uninstall albumentationsx, then pip install --force-reinstall albumentations==2.0.8.",
    )
