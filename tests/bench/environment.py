"""Environments of the benchmarks' own for what the studio is measured against: never the product's."""

import os
import shutil
import subprocess
import sys
from pathlib import Path


def interpreter(name: str, variable: str, requirements: str, constraints: str = "") -> Path:
    """A Python that has `requirements`, which are pip's lines, in versions that fit `constraints`.

    Its environment lies in the folder that the variable names, else under `name` in the user's cache folder. It is made
    at first use, which can take minutes, and made again when what is asked for has changed.
    """
    folder = _folder(name, variable)
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    stamp = folder / "installed.txt"
    wanted = f"{sys.version}\n{requirements}{constraints}"
    if python.exists() and stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return python
    print(f"\nInstalling into {folder}. This takes some minutes, once.", flush=True)
    if stamp.exists():
        shutil.rmtree(folder)
    elif folder.exists() and any(folder.iterdir()):  # somebody's own: nothing there may be thrown away or changed
        raise FileExistsError(f"{folder} is not empty and was not made by a benchmark. Name another folder.")
    folder.mkdir(parents=True, exist_ok=True)
    stamp.write_text("unfinished", encoding="utf-8")
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    for file, lines in (("requirements.txt", requirements), ("constraints.txt", constraints)):
        (folder / file).write_text(lines, encoding="utf-8")
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    files = ["--requirement", str(folder / "requirements.txt"), "--constraint", str(folder / "constraints.txt")]
    subprocess.run([*pip, *files], check=True)
    stamp.write_text(wanted, encoding="utf-8")
    return python


def _folder(name: str, variable: str) -> Path:
    if named := os.environ.get(variable):
        return Path(named).expanduser().absolute()
    caches = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(caches).expanduser() / "thaw-studio" / name
