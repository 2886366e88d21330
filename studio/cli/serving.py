"""`thaw` alone and `thaw ui`: the studio in the browser."""

import os
from pathlib import Path
from typing import Annotated

import typer

from studio import __version__
from studio.cli.frame import WorkspaceOption, app, place

PortOption = Annotated[int, typer.Option(min=1, max=65535, help="The port to listen on.")]
HostOption = Annotated[
    str,
    typer.Option(help="The address to listen on. Anything but this computer's own opens the studio to the network."),
]
BrowserOption = Annotated[bool, typer.Option(help="Open the page in a browser.")]
TokenOption = Annotated[
    str | None,
    typer.Option(
        envvar="THAW_TOKEN",
        help="What a browser must bring. Off this computer one is always asked for; without this, one is made up.",
        show_default=False,
    ),
]
AllowOption = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="FOLDER",
        help="Only pictures in this folder may be opened; may be repeated. Default: any folder, or with --host your "
        "home folder.",
        show_default=False,
    ),
]


@app.callback()
def start(
    context: typer.Context,
    workspace: WorkspaceOption = None,
    port: PortOption = 8501,
    host: HostOption = "127.0.0.1",
    browser: BrowserOption = True,
    token: TokenOption = None,
    allow: AllowOption = None,
    version: Annotated[bool, typer.Option("--version", help="Print the version and leave.")] = False,
) -> None:
    if version:
        print(f"thaw {__version__}")
    elif context.invoked_subcommand is None:
        ui(workspace, port, host, browser, token, allow)
    elif workspace is not None:
        os.environ["THAW_WORKSPACE"] = str(workspace)  # where a command looks that is given no other


@app.command()
def ui(
    workspace: WorkspaceOption = None,
    port: PortOption = 8501,
    host: HostOption = "127.0.0.1",
    browser: BrowserOption = True,
    token: TokenOption = None,
    allow: AllowOption = None,
) -> None:
    """Open the studio in the browser."""
    from studio.ui.server import serve

    serve(place(workspace), host=host, port=port, browser=browser, token=token, allow=allow or ())
