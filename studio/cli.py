"""`thaw`: the studio from the command line. It calls the functions that the pages call.

With --json exactly one JSON document goes to stdout; progress goes to stderr. Exit status: 0 done, 1 a user's error in
one sentence, 2 wrong usage.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from studio import __version__
from studio.errors import RunError, StudioError
from studio.recipe import Recipe
from studio.workspace import Workspace

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
PortOption = Annotated[int, typer.Option(min=1, max=65535, help="The port to listen on.")]
HostOption = Annotated[
    str,
    typer.Option(help="The address to listen on. Anything but this computer's own opens the studio to the network."),
]
BrowserOption = Annotated[bool, typer.Option(help="Open the page in a browser.")]
DataArgument = Annotated[
    str,
    typer.Argument(
        metavar="DATA",
        help="A folder of class folders, a zip of one, or a CSV of path,label[,split].",
        show_default=False,
    ),
]
RunArgument = Annotated[
    str, typer.Argument(metavar="RUN", help="A run's id, the beginning of one, or its name.", show_default=False)
]


@app.callback()
def start(
    context: typer.Context,
    workspace: WorkspaceOption = None,
    port: PortOption = 8501,
    host: HostOption = "127.0.0.1",
    browser: BrowserOption = True,
    version: Annotated[bool, typer.Option("--version", help="Print the version and leave.")] = False,
) -> None:
    if version:
        print(f"thaw {__version__}")
    elif context.invoked_subcommand is None:
        ui(workspace, port, host, browser)
    else:
        context.obj = workspace


@app.command()
def ui(
    workspace: WorkspaceOption = None,
    port: PortOption = 8501,
    host: HostOption = "127.0.0.1",
    browser: BrowserOption = True,
) -> None:
    """Open the studio in the browser."""
    from studio.ui.server import serve

    serve(_workspace(workspace), host=host, port=port, browser=browser)


@app.command()
def demo(
    workspace: WorkspaceOption = None,
    json_: JsonOption = False,
    which: Annotated[str, typer.Option(help="digits, or inspection where it is installed.")] = "digits",
) -> None:
    """Train the demo: scanned digits, the head first, then everything thawed."""
    from studio.runs.demo import demo_recipe

    place = _workspace(workspace)
    _train(demo_recipe(place, which), place, json_)


@app.command()
def check(data: DataArgument, workspace: WorkspaceOption = None, json_: JsonOption = False) -> None:
    """Say what is wrong with a folder of pictures."""
    from studio.data.checks import check as check_data
    from studio.data.intake import open_data

    with _bar("Looking at the pictures") as moved:
        report = check_data(open_data(data, _workspace(workspace)), on_progress=moved)
    if json_:
        _document(report.as_dict())
        return
    print(f"{report.verdict}: {report.sentence}")
    for finding in report.findings:
        print(f"  [{finding.severity}] {finding.sentence}" + (f" {finding.remedy}" if finding.remedy else ""))


@app.command()
def train(
    data: Annotated[str, typer.Argument(metavar="DATA|RECIPE.toml", help="Pictures, or a recipe.", show_default=False)],
    workspace: WorkspaceOption = None,
    json_: JsonOption = False,
    backbone: Annotated[str | None, typer.Option(help="A timm backbone.")] = None,
    depth: Annotated[int | None, typer.Option(help="Stages, from the input, that stay frozen. 0: all learn.")] = None,
    strategy: Annotated[
        str | None, typer.Option(help="head, two-phase or full. With --depth and no strategy: two-phase.")
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Times every picture is seen.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Pictures per change of the weights.")] = None,
    lr: Annotated[float | None, typer.Option(help="Highest learning rate.")] = None,
    image_size: Annotated[int | None, typer.Option(help="Side of the square the model sees, in pixels.")] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed repeats the same run.")] = None,
    name: Annotated[str | None, typer.Option(help="A name to find the run by.")] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="key=value", help="Any field of the recipe, e.g. augment.preset=gentle."),
    ] = None,
) -> None:
    """Train a model on a folder of pictures, or what a recipe asks for."""
    if depth is not None and strategy is None and not data.lower().endswith(".toml"):
        strategy = "two-phase"
    options = {
        "model.backbone": backbone,
        "freeze.depth": depth,
        "freeze.strategy": strategy,
        "schedule.epochs": epochs,
        "schedule.batch_size": batch_size,
        "optimizer.lr": lr,
        "model.image_size": image_size,
        "seed": seed,
        "name": name,
    }
    changes: dict[str, Any] = {field: value for field, value in options.items() if value is not None}
    recipe = _asked(data).amended(changes | dict(_pair(text) for text in set_ or []))
    _train(recipe, _workspace(workspace), json_)


@app.command()
def runs(workspace: WorkspaceOption = None, json_: JsonOption = False) -> None:
    """List all runs, newest first."""
    from studio.results.summary import summary
    from studio.runs.store import Store

    rows = [summary(run) for run in Store(_workspace(workspace)).all()]
    if json_:
        _document(rows)
        return
    for row in rows:
        accuracy = "" if row["val_accuracy"] is None else f"{row['val_accuracy']:.1%}"
        print(f"{row['run']:<50} {row['status']:<12} {accuracy:>7}  {_plain(row['name'])}")
    if not rows:
        print("No runs yet. `thaw demo` makes one.")


@app.command()
def show(run: RunArgument, workspace: WorkspaceOption = None, json_: JsonOption = False) -> None:
    """Show one run: what was asked, and what became of it."""
    from studio.results.summary import outcome
    from studio.runs.store import Store

    found = Store(_workspace(workspace)).get(run)
    if json_:
        _document(
            outcome(found)
            | {
                "name": found.name,
                "recipe": found.recipe.model_dump(),
                "history": found.progress().as_dict()["history"],
                "notes": found.progress().notes,
            }
        )
        return
    progress = found.progress()
    told = "\n".join(_plain(sentence) for sentence in (progress.sentence, *progress.notes))
    print(f"{_plain(found.name)} ({found.id})\n{told}\n\n{found.recipe.to_toml()}")


@app.command()
def predict(
    run: RunArgument,
    pictures: Annotated[list[Path], typer.Argument(metavar="PICTURE...", show_default=False)],
    workspace: WorkspaceOption = None,
    json_: JsonOption = False,
) -> None:
    """Try a trained model on pictures."""
    from dataclasses import asdict

    from studio.results.predict import Predictor
    from studio.runs.store import Store

    found = Predictor.of(Store(_workspace(workspace)).get(run)).predict(pictures)
    if json_:
        _document([asdict(prediction) | {"path": str(path)} for prediction, path in zip(found, pictures, strict=True)])
        return
    for prediction, path in zip(found, pictures, strict=True):
        print(f"{_plain(str(path))}: {_plain(prediction.label)} ({prediction.confidence:.1%})")


@app.command()
def evaluate(
    run: RunArgument, data: DataArgument, workspace: WorkspaceOption = None, json_: JsonOption = False
) -> None:
    """Measure a trained model on other labelled pictures."""
    from studio.data.intake import open_data
    from studio.results.evaluate import evaluate as evaluate_run
    from studio.runs.store import Store

    place = _workspace(workspace)
    results = evaluate_run(Store(place).get(run), open_data(data, place))
    low, high = results.interval
    if json_:
        _document(
            {
                "images": results.images,
                "accuracy": results.accuracy,
                "accuracy_low": low,
                "accuracy_high": high,
                "per_class": results.per_class().to_dict(orient="index"),
                "confusion": results.confusion().to_numpy().tolist(),
            }
        )
        return
    print(f"{results.accuracy:.1%} of {results.images:,} pictures right (95 % interval {low:.1%} to {high:.1%}).")
    for label, row in results.per_class().iterrows():
        shares = f"recall {row['recall']:.1%}, precision {row['precision']:.1%}"
        print(f"  {_plain(str(label))}: {shares}, {row['support']:.0f} pictures")


@app.command()
def backbones(
    pattern: Annotated[str, typer.Argument(help="Part of a name, or one with *.")] = "",
    workspace: WorkspaceOption = None,
    json_: JsonOption = False,
) -> None:
    """List timm's backbones; the ones whose weights are here come first."""
    from studio.model.catalogue import embedded, names

    found, inside = names(pattern, _workspace(workspace)), set(embedded())
    if json_:
        _document([{"name": name, "weights": "inside" if name in inside else "elsewhere"} for name in found])
        return
    for name in found:
        print(name + ("  (weights inside)" if name in inside else ""))


def _workspace(folder: Path | None) -> Workspace:
    import click

    context = click.get_current_context(silent=True)
    return Workspace.at(folder or (context.find_object(Path) if context else None))


def _asked(data: str) -> Recipe:
    """The recipe in a TOML file, its pictures looked for beside it; or a fresh one for a folder, zip or table."""
    path = Path(data).expanduser().resolve()
    if path.suffix.lower() != ".toml":
        return Recipe().amended({"data.source": str(path), "name": path.stem[:120] or "untitled"})
    try:
        recipe = Recipe.from_toml(path.read_text(encoding="utf-8"), where=data)
    except (OSError, UnicodeDecodeError) as error:
        raise StudioError("This recipe cannot be read.", "Check the path.", data) from error
    if not recipe.data.source:
        return recipe
    return recipe.amended({"data.source": str(path.parent / Path(recipe.data.source).expanduser())})


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise typer.BadParameter(f"{text!r} is not of the form key=value.", param_hint="--set")
    return key.strip(), value.strip()


def _train(recipe: Recipe, workspace: Workspace, json_: bool) -> None:
    from studio.results.summary import outcome
    from studio.runs.follow import train_and_follow

    with _bar("Getting ready") as moved:
        run = train_and_follow(recipe, workspace, lambda progress: moved(progress.share_done, 1.0, progress.sentence))
    if run is None:
        return  # a torchrun rank that is not the main one
    progress = run.progress()
    if progress.failure:
        raise RunError(progress.failure.sentence, progress.failure.remedy, f"run {run.id}")
    found = outcome(run)
    if json_:
        _document(found)
        return
    print(progress.sentence)
    if progress.val_accuracy is not None:
        print(
            f"95 % interval {found['val_accuracy_low']:.1%} to {found['val_accuracy_high']:.1%}, "
            f"{found['val_images']:,} pictures held back, {found['seconds']:.0f} s."
        )
    for note in progress.notes:
        print(note)
    print(f"Run: {run.id}")


@contextmanager
def _bar(doing: str) -> Iterator[Any]:
    """A progress bar on stderr; yields `moved(done, total, sentence="")`."""
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = BarColumn(bar_width=24), TextColumn("{task.description}"), TimeElapsedColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(doing, total=None)
        yield lambda done, total, sentence="": bar.update(
            task, completed=done, total=total or None, description=escape(_plain(sentence or doing))
        )


def _document(value: Any) -> None:
    print(json.dumps(value, allow_nan=False))  # in ASCII, which every terminal and pipe takes


def _plain(text: str) -> str:
    """`text` without control characters: a file's name must not steer the terminal."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)


def main() -> None:
    """The console script."""
    try:
        app()
    except StudioError as error:
        print(_plain(str(error)), file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
