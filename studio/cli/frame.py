"""What every command shares: the app, the options that many take, and how something is said."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from studio.errors import StudioError
from studio.text import printable
from studio.workspace import Workspace, replace_file

app = typer.Typer(
    name="thaw",
    add_completion=False,
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    help="Thaw Studio: transfer learning for image classification. Without a command: the studio.",
)

WorkspaceOption = Annotated[
    Path | None,
    typer.Option(
        "--workspace", metavar="DIR", help="Where runs, datasets and caches live (default ~/.thaw, or THAW_WORKSPACE)."
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on stdout; progress on stderr.")]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="key=value", help="Any field of the recipe, e.g. augment.preset=gentle."),
]
PresetOption = Annotated[
    str | None, typer.Option(help="A ready way of learning, such as gradual; `thaw presets` lists them.")
]
NameOption = Annotated[str | None, typer.Option(help="A name to find the run by.")]
DataArgument = Annotated[
    str,
    typer.Argument(
        metavar="DATA",
        help="A folder of class folders, a zip of one, or a CSV of path,label[,split].",
        show_default=False,
    ),
]
RecipeArgument = Annotated[
    str, typer.Argument(metavar="DATA|RECIPE.toml", help="Pictures, or a recipe.", show_default=False)
]
RunArgument = Annotated[
    str, typer.Argument(metavar="RUN", help="A run's id, the beginning of one, or its name.", show_default=False)
]


def place(folder: Path | None) -> Workspace:
    """The workspace that a command was given, else the one that `thaw` itself was given, else the usual one."""
    return Workspace.at(folder)


@contextmanager
def bar(doing: str) -> Iterator[Any]:
    """A progress bar on stderr; yields `moved(done, total, sentence="")`."""
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = BarColumn(bar_width=24), TextColumn("{task.description}"), TimeElapsedColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(doing, total=None)
        yield lambda done, total, sentence="": bar.update(
            task, completed=done, total=total or None, description=escape(printable(sentence or doing))
        )


def document(value: Any) -> None:
    """The one JSON document of a command, in ASCII, which every terminal and pipe takes."""
    print(json.dumps(value, allow_nan=False))


def write_out(file: Path, text: str, encoding: str = "utf-8") -> None:
    """Write a file that a command was asked for. Raises StudioError where it cannot be written."""
    try:
        replace_file(file, lambda temporary: temporary.write_bytes(text.encode(encoding)))
    except OSError as error:
        raise StudioError(f"The file cannot be written ({error.strerror}).", "Choose another place.", file) from error


def say(*lines: str) -> None:
    """Print lines in which a name from a user is text."""
    for line in lines:
        print(printable(line))
