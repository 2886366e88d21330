"""Where the pages and the assets lie: inside the package once installed, beside it in a checkout."""

from pathlib import Path

import studio

# A page's file in pages/, without its ending: the address it is found at.
ADDRESSES = {
    "start": "",
    "data": "data",
    "check": "check",
    "augment": "augment",
    "model": "model",
    "train": "train",
    "results": "results",
    "try_it": "try",
    "runs": "runs",
}


def place(name: str) -> Path:
    """The folder "pages" or "assets", absolute."""
    inside = Path(studio.__file__).resolve().parent / name
    return inside if inside.is_dir() else inside.parent.parent / name
