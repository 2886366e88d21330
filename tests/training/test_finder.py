"""The learning-rate finder: ever higher rates, a suggestion below the lowest loss, and nothing left behind."""

import itertools
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from studio.cli import frame
from studio.recipe import Recipe
from studio.training.events import Prepared
from studio.training.finder import HIGHEST, LOWEST, Found, Point, find_rate, judged
from studio.training.wishes import Wishes
from studio.workspace import Workspace
from tests.training.recipes import tiny
from tests.working import done


@pytest.fixture
def recipe(pictures: Callable[..., Path]) -> Recipe:
    return tiny(pictures(each=8))


def found(recipe: Recipe, workspace: Workspace, steps: int = 40, asked: Any = Wishes) -> tuple[list[Any], Found]:
    return done(find_rate(recipe, workspace, asked, steps))


def curve(*losses: float) -> list[Point]:
    steps = len(losses)
    return [Point(n + 1, steps, 10 ** (-6 + 6 * n / (steps - 1)), loss) for n, loss in enumerate(losses)]


def test_the_rate_grows_by_the_same_factor_from_the_lowest_to_the_highest(recipe: Recipe, workspace: Workspace) -> None:
    told, end = found(recipe, workspace)
    points = [each for each in told if isinstance(each, Point)]
    assert any(isinstance(each, Prepared) for each in told) and tuple(points) == end.points
    assert points[0].lr == pytest.approx(LOWEST) and points[-1].lr <= HIGHEST * 1.001
    factors = [later.lr / earlier.lr for earlier, later in itertools.pairwise(points)]
    assert factors == pytest.approx([factors[0]] * len(factors))
    assert all(math.isfinite(point.loss) for point in points)


def test_twice_the_same_search_finds_the_same(recipe: Recipe, workspace: Workspace) -> None:
    assert found(recipe, workspace)[1] == found(recipe, workspace)[1]


def test_no_run_and_no_weights_are_left_behind(recipe: Recipe, workspace: Workspace) -> None:
    found(recipe, workspace, steps=12)
    left = {path.relative_to(workspace.root).parts[0] for path in workspace.root.rglob("*") if path.is_file()}
    assert left <= {"cache"}


def test_a_search_that_is_stopped_ends_with_what_it_has(recipe: Recipe, workspace: Workspace) -> None:
    looks = iter(range(1000))
    end = found(recipe, workspace, asked=lambda: Wishes(stop=next(looks) > 6))[1]
    assert len(end.points) < 40 and end.suggested is None and "stopped" in end.words


def test_the_suggestion_is_a_tenth_of_the_rate_with_the_lowest_loss() -> None:
    falls = [1.0] * 8 + [0.8, 0.5, 0.3, 0.9, 3.0]
    assert judged(curve(*falls)).suggested == pytest.approx(0.1 * curve(*falls)[10].lr, rel=0.05)


def test_where_no_rate_breaks_anything_it_is_the_rate_at_which_the_loss_fell_fastest() -> None:
    falls = curve(1.0, 1.0, 1.0, 1.0, 0.9, 0.4, 0.35, 0.3, 0.25, 0.2, 0.18, 0.17)
    end = judged(falls)
    assert end.suggested == pytest.approx(falls[5].lr, rel=0.05) and "fastest" in end.words


def test_a_first_batch_that_is_harder_than_the_others_decides_nothing() -> None:
    settles = [0.6 + 0.9 * 0.5**step for step in range(10)]
    falls = [0.6 - 0.55 / (1 + math.exp(-(step - 50) / 6)) for step in range(10, 100)]
    end = judged(curve(*settles, *falls))
    assert end.suggested == pytest.approx(curve(*settles, *falls)[50].lr, rel=0.6) and "fastest" in end.words
    hardly = judged(curve(*settles, *[0.6] * 90))
    assert hardly.suggested is None and "hardly fell" in hardly.words


def test_a_curve_that_does_not_fall_suggests_nothing() -> None:
    flat = judged(curve(*[1.0] * 20))
    assert flat.suggested is None and "hardly fell" in flat.words


def test_what_learns_first_is_what_is_tried(recipe: Recipe, workspace: Workspace) -> None:
    head, whole = (recipe.amended({"freeze.strategy": name}) for name in ("two-phase", "full"))
    longer = {"schedule.epochs": 5}
    assert found(head.amended(longer), workspace, 12)[1] != found(whole.amended(longer), workspace, 12)[1]


def test_the_command_tells_the_curve_and_the_rate(
    recipe: Recipe, workspace: Workspace, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "recipe.toml"
    file.write_text(recipe.to_toml(), encoding="utf-8")
    arguments = ["find-rate", str(file), "--workspace", str(workspace.root)]
    frame.app([*arguments, "--json"], standalone_mode=False)
    told = json.loads(capsys.readouterr().out)
    assert told["points"][0]["lr"] == pytest.approx(LOWEST) and set(told) == {"suggested", "words", "points"}
    frame.app(arguments, standalone_mode=False)
    said = capsys.readouterr().out
    assert told["words"] in said and ("--lr" in said) == (told["suggested"] is not None)


def test_presets_are_listed_and_trained_by_name(
    recipe: Recipe, workspace: Workspace, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    frame.app(["presets", "--json"], standalone_mode=False)
    names = [preset["name"] for preset in json.loads(capsys.readouterr().out)]
    assert "gradual" in names
    file = tmp_path / "recipe.toml"
    file.write_text(recipe.to_toml(), encoding="utf-8")
    where = ["--workspace", str(workspace.root), "--json"]
    frame.app(["train", str(file), "--preset", "uneven-classes", "--epochs", "4", *where], standalone_mode=False)
    run = json.loads(capsys.readouterr().out)["run"]
    written = Recipe.from_toml((workspace.root / "runs" / run / "recipe.toml").read_text(encoding="utf-8"))
    assert (written.loss.balance, written.schedule.epochs, written.freeze.strategy) == ("weights", 4, "two-phase")
