"""Commands that decide about single pictures: `thaw decide`, `thaw decisions`. No file of the user's is touched."""

import os
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from studio.cli.frame import DataArgument, JsonOption, WorkspaceOption, app, document, place, say, write_out
from studio.workspace import Workspace

if TYPE_CHECKING:
    from studio.data.dataset import Dataset
    from studio.data.decisions import Decision, Decisions

Deed = Literal["set-aside", "move", "keep", "undo"]
_WITHOUT_EFFECT = "  (without effect: the file changed or is gone, or the class is, or it is of this class anyway)"


@app.command()
def decide(
    data: DataArgument,
    deed: Annotated[Deed, typer.Argument(metavar="set-aside|move|keep|undo", help="What to do.", show_default=False)],
    pictures: Annotated[
        list[str] | None, typer.Argument(metavar="PICTURE...", help="As the check names them.", show_default=False)
    ] = None,
    workspace: WorkspaceOption = None,
    json_: JsonOption = False,
    label: Annotated[str, typer.Option(help="With move: the class to move to.")] = "",
    check: Annotated[str, typer.Option(metavar="WORD", help="The check that named them; keep needs it.")] = "",
) -> None:
    """Set pictures aside, move them to another class, or keep them out of a finding; undo takes the last step back.

    The files stay as they are: what is decided is kept in the workspace, and holds wherever the studio opens the data.
    """
    from studio.data.decided import decide as decided
    from studio.data.intake import open_data

    where = place(workspace)
    if deed == "undo":
        _undo(data, where, json_)
        return
    if not pictures:
        raise typer.BadParameter("Name at least one picture.", param_hint="PICTURE")
    if (deed == "move") != bool(label):
        raise typer.BadParameter("It goes with move, and move needs it.", param_hint="--label")
    if deed == "keep" and not check:
        raise typer.BadParameter("Say what finding to keep them out of.", param_hint="--check")
    dataset = open_data(data, where)
    made = decided(dataset, _named(pictures, dataset), deed, label, check)
    _decisions(data, where).add(made)
    words = {"set-aside": "Set aside", "move": f"Moved to {label!r}", "keep": f"Kept out of {check!r}"}[deed]
    if json_:
        document({"action": deed, "pictures": [one.path for one in made]})
    else:
        say(f"{words}: {len(made):,} picture{'' if len(made) == 1 else 's'}. `thaw decide DATA undo` takes it back.")


@app.command()
def decisions(
    data: DataArgument,
    workspace: WorkspaceOption = None,
    json_: JsonOption = False,
    out: Annotated[Path | None, typer.Option(metavar="FILE.csv", help="Write a table for a spreadsheet.")] = None,
) -> None:
    """List what was decided about single pictures."""
    from studio.data.intake import open_data

    where = place(workspace)
    kept, dataset = _decisions(data, where), open_data(data, where)
    made, holding = kept.all(), set(dataset.decided)
    if out:
        write_out(out, kept.as_csv(), encoding="utf-8-sig")  # as spreadsheets expect it
    if json_:
        document([asdict(one) | {"holds": one in holding} for one in made])
        return
    for one in made:
        say(_line(one) + ("" if one in holding else _WITHOUT_EFFECT))
    if out:
        say(f"Written: {out}")
    elif not made:
        print("Nothing was decided. `thaw decide` does.")


def _undo(data: str, workspace: Workspace, json_: bool) -> None:
    pictures = _decisions(data, workspace).undo()
    if json_:
        document({"action": "undo", "pictures": pictures})
    elif pictures:
        print(f"Taken back: what was decided last, about {pictures:,} picture{'' if pictures == 1 else 's'}.")
    else:
        print("There is nothing to undo.")


def _decisions(data: str, workspace: Workspace) -> "Decisions":
    from studio.data.decisions import Decisions
    from studio.data.identity import home

    return Decisions(home(data, workspace))


def _named(pictures: Iterable[str], dataset: "Dataset") -> list[str]:
    """Pictures by their path in the dataset, also where they were named by their place on this disk."""
    known = {sample.path for sample in (dataset.as_read or dataset).samples}
    return [name if name in known else _below(name, dataset.root) for name in pictures]


def _below(name: str, root: Path) -> str:
    """`name` as a path in the dataset if it is a file there; as it is, if not."""
    there = Path(os.path.abspath(os.path.expanduser(name)))
    for base in (root, root.resolve()):
        if there.is_relative_to(base) and there.is_file():
            return there.relative_to(base).as_posix()
    return name


def _line(one: "Decision") -> str:
    what = {"set-aside": "set aside", "move": f"moved to {one.label}", "keep": "kept"}[one.action]
    return f"{one.path}: {what}" + (f" ({one.check})" if one.check else "")
