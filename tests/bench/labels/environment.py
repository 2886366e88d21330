"""The oracles' environment: a venv of its own with cleanlab and cleanvision, made at first use.

It lies in the folder that THAW_BENCH_LABELS_ENV names, else in the user's cache folder, and is made again when what is
asked for has changed.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

REQUIREMENTS = Path(__file__).with_name("requirements.txt")


def interpreter() -> Path:
    """The Python that the oracles run with."""
    folder = _folder()
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    stamp = folder / "installed.txt"
    wanted = f"{sys.version}\n{REQUIREMENTS.read_text(encoding='utf-8')}"
    if python.exists() and stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return python
    print(f"\nInstalling the oracles into {folder}. This takes a minute, once.", flush=True)
    if stamp.exists():
        shutil.rmtree(folder)
    elif folder.exists() and any(folder.iterdir()):  # somebody's own: nothing there may be thrown away or changed
        raise FileExistsError(f"{folder} is not empty and was not made by this benchmark. Name another folder.")
    folder.mkdir(parents=True, exist_ok=True)
    stamp.write_text("unfinished", encoding="utf-8")
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "--requirement", str(REQUIREMENTS)], check=True)
    stamp.write_text(wanted, encoding="utf-8")
    return python


def _folder() -> Path:
    if named := os.environ.get("THAW_BENCH_LABELS_ENV"):
        return Path(named).expanduser().absolute()
    caches = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(caches).expanduser() / "thaw-studio" / "bench-labels"
