"""Commands that look: at pictures, at runs, at what a model makes of pictures."""

from pathlib import Path
from typing import Annotated, Any

import typer

from studio.cli.frame import (
    DataArgument,
    JsonOption,
    RunArgument,
    WorkspaceOption,
    app,
    bar,
    document,
    place,
    say,
    write_out,
)
from studio.text import percent

TtaOption = Annotated[
    bool, typer.Option("--tta", help="Average over several views of each picture; takes as many times as long.")
]


@app.command()
def check(
    data: DataArgument,
    workspace: WorkspaceOption = None,
    json_: JsonOption = False,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the report as one file that any browser shows.")
    ] = None,
) -> None:
    """Say what is wrong with a folder of pictures."""
    from studio.checks import check as check_data
    from studio.data.intake import open_data

    with bar("Looking at the pictures") as moved:
        dataset = open_data(data, place(workspace))
        report = check_data(dataset, moved, place(workspace))
    if html is not None:
        from studio.checks.html import as_html

        write_out(html, as_html(report, dataset, Path(data).stem))
    if json_:
        document(report.as_dict())
        return
    say(f"{report.verdict}: {report.sentence}")
    for finding in report.findings:
        say(f"  [{finding.severity}] {finding.sentence}" + (f" {finding.remedy}" if finding.remedy else ""))


@app.command()
def runs(workspace: WorkspaceOption = None, json_: JsonOption = False) -> None:
    """List all runs, newest first."""
    from studio.results.summary import summary
    from studio.runs.queue import Queue
    from studio.runs.store import Store

    where = place(workspace)
    waiting = {run.id for run in Queue(where).waiting()}
    rows: list[dict[str, Any]] = [
        summary(run) | ({"status": "waiting"} if run.id in waiting else {}) for run in Store(where).all()
    ]
    if json_:
        document(rows)
        return
    for row in rows:
        accuracy = "" if row["val_accuracy"] is None else percent(row["val_accuracy"])
        say(f"{row['run']:<50} {row['status']:<12} {accuracy:>7}  {row['name']}")
    if not rows:
        print("No runs yet. `thaw demo` makes one.")


@app.command()
def show(run: RunArgument, workspace: WorkspaceOption = None, json_: JsonOption = False) -> None:
    """Show one run: what was asked, and what became of it."""
    from studio.results.summary import outcome
    from studio.runs.store import Store

    found = Store(place(workspace)).get(run)
    if json_:
        document(
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
    say(f"{found.name} ({found.id})", progress.sentence, *progress.notes, "", *found.recipe.to_toml().splitlines())


@app.command()
def predict(
    run: RunArgument,
    pictures: Annotated[list[Path], typer.Argument(metavar="PICTURE...", show_default=False)],
    tta: TtaOption = False,
    workspace: WorkspaceOption = None,
    json_: JsonOption = False,
) -> None:
    """Try a trained model on pictures."""
    from dataclasses import asdict

    from studio.results.predict import Predictor
    from studio.runs.store import Store

    found = Predictor.of(Store(place(workspace)).get(run)).predict(pictures, tta=tta)
    if json_:
        document([asdict(prediction) | {"path": str(path)} for prediction, path in zip(found, pictures, strict=True)])
        return
    for prediction, path in zip(found, pictures, strict=True):
        say(f"{path}: {prediction.label} ({percent(prediction.confidence)})")


@app.command()
def evaluate(
    run: RunArgument,
    data: DataArgument,
    tta: TtaOption = False,
    workspace: WorkspaceOption = None,
    json_: JsonOption = False,
) -> None:
    """Measure a trained model on other labelled pictures."""
    from studio.data.intake import open_data
    from studio.results.evaluate import evaluate as evaluate_run
    from studio.runs.store import Store

    where = place(workspace)
    results = evaluate_run(Store(where).get(run), open_data(data, where), tta=tta)
    low, high = results.interval
    if json_:
        document(
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
    say(
        f"{percent(results.accuracy)} of {results.images:,} pictures right "
        f"(95 % interval {percent(low)} to {percent(high)})."
    )
    for label, row in results.per_class().to_dict(orient="index").items():
        shares = f"recall {percent(row['recall'])}, precision {percent(row['precision'])}"
        say(f"  {label}: {shares}, {row['support']:.0f} pictures")


@app.command()
def tensorboard(
    run: RunArgument,
    workspace: WorkspaceOption = None,
    json_: JsonOption = False,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where to write, in a folder of the run's id. Default: the run.")
    ] = None,
) -> None:
    """Write a run's curves as event files, which TensorBoard can open."""
    from studio.runs.store import Store
    from studio.runs.tensorboard import write_events

    found = Store(place(workspace)).get(run)
    file = write_events(found, out / found.id if out else found.folder / "tensorboard")
    if json_:
        document({"run": found.id, "file": str(file)})
    else:
        say(f"Written: {file}", f"To see it: tensorboard --logdir {file.parent}")
