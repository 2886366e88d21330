"""Finds a Chromium for the tests. `python tests/chromium.py` sees to it that there is one."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MAC = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
MISSING = (
    "The browser tests need Chromium and none was found. Install one (on Debian: apt-get install chromium), "
    "or name one with THAW_CHROMIUM=/path/to/chromium."
)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-domain-reliability",
    "--disable-sync",
    "--no-first-run",
    "--no-pings",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]


def find() -> Path | None:
    """A Chromium that starts: the one named in THAW_CHROMIUM, one on the PATH, or Playwright's own."""
    named = os.environ.get("THAW_CHROMIUM")
    if named:
        return Path(named) if _starts(named) else None
    for candidate in filter(None, (*map(shutil.which, NAMES), *MAC)):
        if _starts(candidate):
            return Path(candidate)
    own = _own()
    return Path(own) if _starts(own) else None


def see_to_it() -> Path | None:
    """Like `find`, but installs one where there is none: Debian's package first, then Playwright's download."""
    if found := find():
        return found
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    if is_root and shutil.which("apt-get"):
        print("Installing Chromium with apt-get.", file=sys.stderr)
        if not _run("apt-get", "install", "-y", "-q", "chromium"):
            _run("apt-get", "update", "-q")
            _run("apt-get", "install", "-y", "-q", "chromium")
        if found := find():
            return found
    print("Downloading Playwright's Chromium.", file=sys.stderr)
    _run(sys.executable, "-m", "playwright", "install", *(["--with-deps"] if is_root else []), "chromium")
    return find()


def _own() -> str:
    """Where Playwright keeps its own browser, whether or not it has been downloaded."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        return playwright.chromium.executable_path


def _starts(program: str) -> bool:
    try:
        done = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0 and "Chrom" in done.stdout


def _run(*command: str) -> bool:
    return subprocess.run(command, stdout=sys.stderr, check=False).returncode == 0


if __name__ == "__main__":
    chromium = see_to_it()
    sys.exit(MISSING if chromium is None else 0)
