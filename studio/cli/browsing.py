"""The command that lists backbones: the same filters and orders as the Model page."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from studio.cli.frame import JsonOption, WorkspaceOption, app, bar, document, place, say
from studio.errors import StudioError
from studio.text import percent

if TYPE_CHECKING:
    from studio.model.listing import Row
    from studio.model.pace import Pace

FamilyOption = Annotated[
    list[str] | None,
    typer.Option("--family", help="resnet, vgg, inception, efficientnet, mobilenet, convnext, vit, swin, dino, eva …"),
]


@app.command()
def backbones(
    pattern: Annotated[str, typer.Argument(help="Part of a name, or one with *.")] = "",
    family: FamilyOption = None,
    most_parameters: Annotated[float | None, typer.Option(help="At most so many million parameters.")] = None,
    most_work: Annotated[float | None, typer.Option(help="At most so many billion operations for a picture.")] = None,
    size: Annotated[str | None, typer.Option(metavar="FROM-TO", help="Sides of pictures, such as 200-256.")] = None,
    licence: Annotated[
        list[str] | None, typer.Option(help="What it allows: free (any use), research, own (terms of its own).")
    ] = None,
    where: Annotated[
        list[str] | None, typer.Option(help="Where the weights are: inside, cached, download, none.")
    ] = None,
    fits: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also those that this file of weights of yours fits.")
    ] = None,
    order: Annotated[str, typer.Option(help="best, accuracy, speed, work, parameters or name.")] = "best",
    every: Annotated[bool, typer.Option("--every", help="List every set of weights of a network.")] = False,
    measure: Annotated[
        bool, typer.Option("--measure", help="Time the networks found that are on this computer.")
    ] = False,
    workspace: WorkspaceOption = None,
    json_: JsonOption = False,
) -> None:
    """List timm's backbones: by family, size, work, licence and where their weights are."""
    from studio.model import families, listing, pace
    from studio.model.listing import Wanted

    known = {"--family": families.BY_KEY, "--licence": ("free", "research", "own"), "--order": listing.ORDERS}
    known["--where"] = ("inside", "cached", "download", "none")
    asked = {"--family": family or (), "--licence": licence or (), "--order": (order,), "--where": where or ()}
    for option, values in asked.items():
        _known(option, values, known[option])
    wanted = Wanted(
        text=pattern,
        families=tuple(family or ()),
        most_parameters=None if most_parameters is None else most_parameters * 1e6,
        most_flops=None if most_work is None else most_work * 1e9,
        sizes=_sizes(size),
        terms=tuple(licence or ()),  # type: ignore[arg-type]
        where=(*(where or ()), *(("file",) if fits else ())),  # type: ignore[arg-type]
        fits=_fitting(fits) if fits else (),
        order=order,  # type: ignore[arg-type]
        every=every,
    )
    rows, home = listing.rows(), place(workspace)
    if measure:
        here = [row for row in listing.choose(rows, wanted) if row.here and not row.refused]
        with bar("Measuring how fast networks are here") as moved:
            for done, row, _ in pace.measure(here, home):
                moved(done, len(here), f"Measured {row.architecture}")
    paces = pace.paces(rows, pace.kept(home))
    found = listing.choose(rows, wanted, {name: each.pictures for name, each in paces.items()})
    if json_:
        document([_record(row, paces.get(row.name)) for row in found])
        return
    for row in found:
        say(_line(row, paces.get(row.name)))
    if not found:
        print("No backbone is like that.")


def _fitting(file: Path) -> tuple[str, ...]:
    from studio.model.own_weights import fitting

    return tuple(fitting(file))


def _known(option: str, values: Any, known: Any) -> None:
    for value in values:
        if value not in known:
            raise StudioError(f"There is no {option} {value}.", f"There are: {', '.join(known)}.")


def _sizes(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    least, dash, most = text.partition("-")
    if not least.isdigit() or (dash and not most.isdigit()):
        raise StudioError(f"{text} is no range of sizes.", "Write it as 200-256, or as one number.", "--size")
    return int(least), int(most or least)


def _record(row: "Row", pace: "Pace | None") -> dict[str, Any]:
    """One row as JSON: accuracy from 0 to 1, operations and pictures a second as plain numbers, None where unknown."""
    return {
        "name": row.name,
        "weights": row.weights,
        "family": row.family.key,
        "parameters": row.parameters,
        "flops": row.flops,
        "size": row.size,
        "accuracy": row.accuracy,
        "licence": row.licence,
        "allows": row.terms,
        "download_mb": row.download_mb,
        "pictures_per_second": round(pace.pictures, 2) if pace else None,
        "pace_is": ("measured" if pace.measured else "estimated") if pace else None,
        "refused": row.refused or None,
    }


def _line(row: "Row", pace: "Pace | None") -> str:
    accuracy = "" if row.accuracy is None else percent(row.accuracy)
    work = "" if row.flops is None else f"{row.flops / 1e9:,.1f} G"
    speed = "" if pace is None else f"{'' if pace.measured else '≈ '}{pace.pictures:,.0f}/s"
    where = f"{row.download_mb:,.0f} MB away" if row.weights == "download" else row.weights
    where = "cannot be trained here" if row.refused else where
    return (
        f"{row.name:<52} {accuracy:>7} {row.parameters / 1e6:>8,.1f} M {work:>9} {row.size:>4} px {speed:>9}  {where}"
    )
