"""Where the pages and the assets lie: inside the package once installed, beside it in a checkout."""

from pathlib import Path

import studio


def place(name: str) -> Path:
    """The folder "pages" or "assets", absolute."""
    inside = Path(studio.__file__).resolve().parent / name
    return inside if inside.is_dir() else inside.parent.parent / name
