"""The peers' environment: a venv of its own with timm, torchvision and fastai, never the product's.

It lies in the folder that THAW_BENCH_ENV names, else in the user's cache folder, and is made at first use: some
gigabytes, two minutes where the network is fast. It is made again when what is asked for has changed.
"""

import os
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

REQUIREMENTS = Path(__file__).with_name("requirements.txt")
SHARED = ("torch", "torchvision", "timm", "numpy", "pillow")


def interpreter() -> Path:
    """The Python that the peers run with."""
    folder = _folder()
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    stamp = folder / "installed.txt"
    wanted = f"{sys.version}\n{REQUIREMENTS.read_text(encoding='utf-8')}{_constraints()}"
    if python.exists() and stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return python
    print(f"\nInstalling the peers into {folder}. This takes some minutes, once.", flush=True)
    if stamp.exists():
        shutil.rmtree(folder)
    elif folder.exists() and any(folder.iterdir()):  # somebody's own: nothing there may be thrown away or changed
        raise FileExistsError(f"{folder} is not empty and was not made by this benchmark. Name another folder.")
    folder.mkdir(parents=True, exist_ok=True)
    stamp.write_text("unfinished", encoding="utf-8")
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    constraints = folder / "constraints.txt"
    constraints.write_text(_constraints(), encoding="utf-8")
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "--requirement", str(REQUIREMENTS), "--constraint", str(constraints)], check=True)
    stamp.write_text(wanted, encoding="utf-8")
    return python


def _folder() -> Path:
    if named := os.environ.get("THAW_BENCH_ENV"):
        return Path(named).expanduser().absolute()
    caches = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(caches).expanduser() / "thaw-studio" / "bench-peers"


def _constraints() -> str:
    """The product's own versions of what both have; a local one (2.15.0+cpu) is asked for by its public part."""
    return "".join(f"{name}=={version(name).partition('+')[0]}\n" for name in SHARED)
