"""`thaw augment`: a grid of originals beside their variants."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from studio.augment.pipeline import Pipeline
from studio.augment.portable import to_json
from studio.cli.frame import app
from studio.errors import RecipeError
from studio.recipe import AugmentChoice, StepChoice


@pytest.fixture
def run(pictures: Callable[..., Path], tmp_path: Path) -> Callable[..., object]:
    root = pictures(each=6)

    def call(*words: str) -> object:
        where = ["--workspace", str(tmp_path / "w"), "--image-size", "48"]
        done = CliRunner().invoke(app, ["augment", str(root), "--out", str(tmp_path / "grid.png"), *where, *words])
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done

    return call


def test_a_grid_has_each_original_beside_its_variants(run: Callable, tmp_path: Path) -> None:
    done = run("--preset", "standard", "--pictures", "3", "--variants", "4", "--json")
    told = json.loads(done.stdout.strip().splitlines()[-1])
    grid = np.asarray(Image.open(tmp_path / "grid.png"))
    assert grid.shape == (3 * 48 + 2 * 4, 5 * 48 + 3 * 4 + 3 * 4, 3)
    assert told["images_per_second"] > 0 and len(told["pictures"]) == 3
    assert {path.split("/")[0] for path in told["pictures"]} == {"cat", "dog"}
    again = grid.copy()
    run("--preset", "standard", "--pictures", "3", "--variants", "4", "--json")
    assert np.array_equal(np.asarray(Image.open(tmp_path / "grid.png")), again)


def test_a_pipeline_from_albumentations_is_drawn(run: Callable, tmp_path: Path) -> None:
    flip = AugmentChoice(preset="custom", steps=(StepChoice(transform="VerticalFlip"),))
    (tmp_path / "flip.json").write_text(to_json(Pipeline(flip, 48)))
    run("--pipeline", str(tmp_path / "flip.json"), "--pictures", "1", "--variants", "1")
    grid = np.asarray(Image.open(tmp_path / "grid.png"))
    assert np.array_equal(grid[:, :48][::-1], grid[:, 60:108])


@pytest.mark.parametrize(
    ("words", "told"),
    [(["--preset", "brutal"], "preset"), (["--out", "grid.jpg"], "PNG"), (["--strength", "9"], "strength"),
     (["--pipeline", "nowhere.json"], "cannot be read"), (["--out", "no/such/grid.png"], "cannot be written")],
)  # fmt: skip
def test_what_cannot_be_drawn_is_told_in_a_sentence(run: Callable, words: list[str], told: str) -> None:
    with pytest.raises(RecipeError, match=told):
        run(*words)
