"""The wheel, installed into an environment of its own and started outside the checkout, serves a page."""

import subprocess
import sys
import sysconfig
import urllib.request
import venv
import zipfile
from pathlib import Path

import pytest

from tests.server import CHECKOUT, start_studio

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    target = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(target), str(CHECKOUT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return next(target.glob("thaw_studio-*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `thaw` command of an environment that holds the wheel and sees this environment's other packages.

    A full installation would fetch torch again. The other packages come in by a .pth file; .pth files inside that
    folder are not read, so an editable installation of this checkout stays out of sight.
    """
    home = tmp_path_factory.mktemp("clean")
    venv.create(home, with_pip=False, symlinks=True)
    folders = {"base": str(home), "platbase": str(home)}
    packages = Path(sysconfig.get_path("purelib", vars=folders))
    scripts = Path(sysconfig.get_path("scripts", vars=folders))
    command = [sys.executable, "-m", "pip", "--python", str(scripts / "python"), "install", "--no-deps", "--no-index"]
    done = subprocess.run([*command, "--quiet", str(wheel)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (packages / "shared-dependencies.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    return scripts / "thaw"


def test_the_wheel_carries_pages_assets_and_settings(wheel: Path) -> None:
    inside = set(zipfile.ZipFile(wheel).namelist())
    beside = [path for folder in ("pages", "assets") for path in (CHECKOUT / folder).rglob("*") if path.is_file()]
    within = [path for path in (CHECKOUT / "studio").rglob("*") if path.is_file()]
    kept = [path for path in (*beside, *within) if "__pycache__" not in path.parts]
    wanted = {path.relative_to(CHECKOUT).as_posix() for path in kept}
    wanted = {name if name.startswith("studio/") else f"studio/{name}" for name in wanted}
    assert wanted <= inside, sorted(wanted - inside)
    assert {"studio/ui/.streamlit/config.toml", "studio/assets/logo.svg", "studio/pages/start.py"} <= wanted
    assert all(name.split("/")[0] in ("studio", f"{wheel.name.rsplit('-', 3)[0]}.dist-info") for name in inside)


def test_it_is_the_wheel_that_runs(installed: Path, tmp_path: Path) -> None:
    code = "import studio; from studio.ui.places import place; print(studio.__file__, place('pages'), place('assets'))"
    command = [str(installed.parent / "python"), "-c", code]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert all(Path(path).is_relative_to(installed.parent.parent) for path in done.stdout.split()), done.stdout


def test_it_serves_a_page_outside_the_checkout(installed: Path, tmp_path: Path) -> None:
    studio = start_studio(tmp_path, command=(str(installed),), cwd=tmp_path)
    try:
        with urllib.request.urlopen(f"{studio.url}/", timeout=10) as answer:
            page = answer.read().decode()
        assert answer.status == 200
        assert '<div id="root">' in page
        assert studio.calls_out() == []
    finally:
        studio.stop()
