"""The house rules, read off the source: which way the arrows run, and what a file may hold."""

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent
GROUND = {"errors", "recipe", "text", "workspace"}
ENGINE = {"training", "model", "augment", "data"} | GROUND
MAY_IMPORT = {
    "errors": set(),
    "text": set(),
    "workspace": {"errors"},
    "recipe": {"errors"},
    "data": GROUND,
    "augment": GROUND,
    "model": GROUND,
    "training": ENGINE,
    "runs": ENGINE,
    "checks": ENGINE,
    "advice": ENGINE,
    "results": ENGINE | {"runs"},
    "cli": ENGINE | {"runs", "results", "checks", "advice"},
    "ui": ENGINE | {"runs", "results", "checks", "advice"},
    "pages": ENGINE | {"runs", "results", "checks", "advice", "ui"},
}
DOOR = ("studio/data/__init__.py", "studio.checks.check")  # `from studio.data import check`, as everybody will write it
BOUNDARIES = {"studio/runs/launch.py", "studio/ui/boundary.py"}
SLOW = ("torch", "timm", "albumentations", "sklearn", "torchvision", "cv2")
CODE = sorted([*CHECKOUT.glob("studio/**/*.py"), *CHECKOUT.glob("pages/*.py")])
SOURCES = {path.relative_to(CHECKOUT).as_posix(): path for path in CODE}
TREES = {name: ast.parse(path.read_text(encoding="utf-8"), name) for name, path in SOURCES.items()}


def room(name: str) -> str:
    """The room that a file or a dotted module belongs to: "data" for studio/data/split.py and studio.data.split."""
    parts = re.split(r"[./]", name.removesuffix(".py"))
    return parts[0] if parts[0] == "pages" else parts[1] if len(parts) > 1 else ""


def imports(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and full dotted name of everything a tree imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: a relative import"
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def at_the_top(tree: ast.Module) -> set[int]:
    """The lines of imports that run when the module is imported: those in no function."""
    inside = {
        inner.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for inner in ast.walk(node)
        if isinstance(inner, ast.Import | ast.ImportFrom)
    }
    return {line for line, _ in imports(tree) if line not in inside}


@pytest.mark.parametrize("name", TREES)
def test_arrows_run_one_way(name: str) -> None:
    here = room(name)
    allowed = MAY_IMPORT.get(here, set()) | {here}
    for line, module in imports(TREES[name]):
        if module == "studio" or not module.startswith(("studio.", "pages.")) or (name, module) == DOOR:
            continue
        there = room(module)
        if here == "cli" and there == "ui":
            assert line not in at_the_top(TREES[name]), f"{name}:{line} imports {module} before it is needed"
        elif there in MAY_IMPORT:
            assert there in allowed, f"{name}:{line}: {here} may not import {module}"


@pytest.mark.parametrize("name", TREES)
def test_only_the_face_knows_streamlit(name: str) -> None:
    if room(name) not in ("ui", "pages"):
        found = [line for line, module in imports(TREES[name]) if module.split(".")[0] == "streamlit"]
        assert not found, f"{name}:{found} imports streamlit"


@pytest.mark.parametrize("name", TREES)
def test_no_fault_is_swallowed_outside_the_two_boundaries(name: str) -> None:
    broad = [
        node.lineno
        for node in ast.walk(TREES[name])
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or re.search(r"\b(Base)?Exception\b", ast.unparse(node.type)))
    ]
    assert not broad or name in BOUNDARIES, f"{name}:{broad}: name the errors that can happen here"


@pytest.mark.parametrize("name", TREES)
def test_files_are_short(name: str) -> None:
    lines = len(SOURCES[name].read_text(encoding="utf-8").splitlines())
    assert lines <= 400, f"{name} has {lines} lines: split it"


@pytest.mark.parametrize("name", [name for name in TREES if room(name) == "pages"])
def test_pages_are_thin(name: str) -> None:
    found = [node.lineno for node in ast.walk(TREES[name]) if isinstance(node, (ast.ClassDef, ast.Try, ast.TryStar))]
    assert not found, f"{name}:{found}: classes and try belong in studio/ui or below"
    torch = [line for line, module in imports(TREES[name]) if module.split(".")[0] in SLOW]
    assert not torch, f"{name}:{torch}: a page reads and draws, the engine computes"


@pytest.mark.parametrize("name", TREES)
def test_nothing_imports_the_successor_of_albumentations(name: str) -> None:
    found = [line for line, module in imports(TREES[name]) if re.match(r"albumentationsx|albucorex", module.lower())]
    assert not found, f"{name}:{found}"


def test_names_say_what_a_thing_is() -> None:
    vague = re.compile(r"Manager|Handler|Helper|Util|Processor|Controller|^process_|^do_|^info$|^data2$")
    found = [
        f"{name}:{node.lineno} {node.name}"
        for name, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and vague.search(node.name)
    ]
    assert found == []


def needs_the_engine() -> set[str]:
    """The modules that cannot be imported without torch or timm."""
    tops = {name: at_the_top(tree) for name, tree in TREES.items()}
    at_once = {name: {module for line, module in imports(TREES[name]) if line in tops[name]} for name in TREES}
    found = {name for name, modules in at_once.items() if any(m.split(".")[0] in ("torch", "timm") for m in modules)}
    while True:
        dotted = {name.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for name in found}
        more = {name for name, modules in at_once.items() if any(m.rpartition(".")[0] in dotted for m in modules)}
        if more <= found:
            return found
        found |= more


def test_who_needs_the_engine_later_wakes_it_whole() -> None:
    """Threads that import parts of timm or torch at once find them half made: see `studio.model.waking`."""
    heavy = needs_the_engine()
    assert "studio/training/train.py" in heavy and "studio/training/events.py" not in heavy
    dotted = {name.removesuffix(".py").replace("/", ".") for name in heavy}
    for name in TREES.keys() - heavy - {"studio/model/waking.py", "studio/runs/follow.py"}:  # a command has one thread
        tree, top = TREES[name], at_the_top(TREES[name])
        later = [module for line, module in imports(tree) if line not in top and room(name) != "cli"]
        if any(m.rpartition(".")[0] in dotted or m.startswith("timm.") for m in later):
            assert "wake()" in ast.unparse(tree), f"{name}: call `wake()` before importing {later}"


def test_the_app_opens_without_the_engine() -> None:
    """Torch and its like cost seconds to import: they come in when a run starts, in the function that needs them."""
    entry = TREES["studio/ui/app.py"]
    frame = {module.rpartition(".")[0] for _, module in imports(entry) if module.startswith("studio.")}
    pages = {
        module.rpartition(".")[0]
        for name, tree in TREES.items()
        if room(name) == "pages"
        for _, module in imports(tree)
        if module.startswith("studio.")
    }
    modules = sorted(frame | pages | {"studio.cli", "studio.ui.server", "studio.ui.routes"} - {"studio"})
    code = (
        "import importlib, json, sys\n"
        f"for name in {modules!r}: importlib.import_module(name)\n"
        f"print(json.dumps([name for name in {SLOW!r} if name in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == [], f"imported by one of {modules}"


def committed() -> list[Path]:
    """Every text file that belongs to the project."""
    folders = ("studio", "pages", "assets", "tests", ".ci")
    inside = [path for folder in folders for path in (CHECKOUT / folder).rglob("*") if "__pycache__" not in path.parts]
    beside = [path for path in CHECKOUT.glob("*") if path.suffix in (".md", ".toml", ".txt")]
    named = [CHECKOUT / name for name in ("Makefile", ".constraints.txt", ".gitignore")]
    binary = {".png", ".jpg", ".webp", ".gif", ".pyc", ".zip"}
    return [path for path in (*inside, *beside, *named) if path.is_file() and path.suffix not in binary]


def test_nothing_names_a_registry_or_a_path_of_one_machine() -> None:
    registries = r"pypi\.org|pythonhosted\.org|npmjs\.|download\.pytorch\.org|conda\.anaconda\.org|unpkg\.com|jsdelivr"
    machine = r"(?<![\w.~-])/(?:root|home/(?!me/)\w+|Users/(?!me/)\w+|work|opt/wheels)/"
    forbidden = re.compile(f"{registries}|{machine}")
    found = [
        f"{path.relative_to(CHECKOUT)}:{number} {line.strip()[:80]}"
        for path in committed()
        if path != Path(__file__).resolve()
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1)
        if forbidden.search(line)
    ]
    assert found == []
