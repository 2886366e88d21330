"""Commands about how a model learns: `thaw find-rate` and `thaw presets`."""

from dataclasses import asdict

from studio.cli.frame import (
    JsonOption,
    PresetOption,
    RecipeArgument,
    SetOption,
    WorkspaceOption,
    app,
    bar,
    document,
    place,
    say,
)


@app.command("find-rate")
def find_rate(
    data: RecipeArgument,
    workspace: WorkspaceOption = None,
    json_: JsonOption = False,
    preset: PresetOption = None,
    set_: SetOption = None,
) -> None:
    """Find a learning rate: a hundred updates at ever higher rates, on a network that nobody keeps."""
    from studio.cli.training import asked
    from studio.training.events import Prepared
    from studio.training.finder import Point
    from studio.training.finder import find_rate as find

    told = find(asked(data, {}, set_, preset), place(workspace))
    with bar("Getting ready") as moved:
        while True:
            try:
                now = next(told)
            except StopIteration as end:
                found = end.value
                break
            if isinstance(now, Point):
                moved(now.step, now.steps, f"rate {now.lr:.2g}, loss {now.loss:.3f}")
            elif isinstance(now, Prepared):
                moved(now.done, now.total, now.doing)
    if json_:
        points = [{"lr": point.lr, "loss": point.loss} for point in found.points]
        document({"suggested": found.suggested, "words": found.words, "points": points})
        return
    say(found.words)
    if found.suggested is not None:
        say(f"Use it: thaw train {data} --lr {found.suggested:g}")


@app.command()
def presets(json_: JsonOption = False) -> None:
    """List the ready ways of learning, for `thaw train --preset`."""
    from studio.recipe.presets import presets as ready

    if json_:
        document([asdict(preset) for preset in ready()])
        return
    for preset in ready():
        say(f"{preset.name:<16} {preset.suits}")
