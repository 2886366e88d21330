"""The presets: how much each picture is varied, in words and as transforms."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from typing import Any

from studio.errors import StudioError


@dataclass(frozen=True)
class Preset:
    """A named choice. `sentence` says what it does and what for."""

    name: str
    title: str
    sentence: str


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
        ),
        Preset(
            "standard",
            "Standard",
            "Random crops, left-right mirroring and changes of light and colour. A good "
            "start for photographs of things and animals.",
        ),
        Preset(
            "strong",
            "Strong",
            "Tight crops, mirroring, rotation, strong colour changes and blanked-out patches. "
            "For small datasets that the model would otherwise learn by heart.",
        ),
    )
}


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


def steps(name: str, size: int) -> list[Any]:
    """The albumentations transforms of a preset; the last shape is always (`size`, `size`, 3)."""
    import albumentations as A

    def crop(smallest: float, ratio: float) -> Any:
        return A.RandomResizedCrop(size=(size, size), scale=(smallest, 1.0), ratio=(1 / ratio, ratio), p=1.0)

    builders: dict[str, Callable[[], list[Any]]] = {
        "none": lambda: [A.CenterCrop(height=size, width=size)],
        "gentle": lambda: [
            crop(0.75, 1.1),
            A.RandomBrightnessContrast(brightness_limit=0.1, contrast_limit=0.1, p=0.5),
        ],
        "standard": lambda: [
            crop(0.5, 4 / 3),
            A.HorizontalFlip(p=0.5),
            A.ColorJitter(brightness=(0.8, 1.2), contrast=(0.8, 1.2), saturation=(0.8, 1.2), hue=(-0.03, 0.03), p=0.5),
        ],
        "strong": lambda: [
            A.Rotate(limit=(-20, 20), border_mode=4, p=0.5),
            crop(0.3, 4 / 3),
            A.HorizontalFlip(p=0.5),
            A.ColorJitter(brightness=(0.6, 1.4), contrast=(0.6, 1.4), saturation=(0.6, 1.4), hue=(-0.06, 0.06), p=0.8),
            A.CoarseDropout(num_holes_range=(1, 3), hole_height_range=(0.1, 0.25), hole_width_range=(0.1, 0.25), p=0.4),
        ],
    }
    return builders[name]()
