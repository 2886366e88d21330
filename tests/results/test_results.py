"""Results tell how well a run does and where it errs, and a saved model says the same again."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from studio.data.intake import open_data
from studio.errors import DataError, PictureError, RunError
from studio.recipe import DataChoice, ModelChoice, Recipe
from studio.results.evaluate import Results, evaluate, interval
from studio.results.predict import Predictor
from studio.results.summary import outcome, summary
from studio.runs import launch
from studio.runs.run import Run
from studio.runs.store import Store
from studio.workspace import Workspace

FRAME = pd.DataFrame(
    {
        "path": ["1", "2", "3", "4", "5"],
        "label": ["a", "a", "a", "b", "b"],
        "predicted": ["a", "b", "b", "b", "b"],
        "confidence": [0.9, 0.8, 0.6, 0.7, 0.99],
        "loss": [0.1, 3.0, 1.0, 0.3, 0.01],
    }
)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Path, Workspace]:
    from PIL import Image

    from tests.conftest import striped

    root = tmp_path_factory.mktemp("results")
    for kind, label in enumerate(("00123", "=SUM(A1)")):  # names that a spreadsheet or a parser would spoil
        (root / "pictures" / label).mkdir(parents=True)
        for n in range(15):
            Image.fromarray(striped(kind, n)).save(root / "pictures" / label / f"{n}.png")
    workspace = Workspace.at(root / "workspace")
    run = Store(workspace).create(
        Recipe(name="r", data=DataChoice(source=str(root / "pictures")), model=ModelChoice(image_size=64))
    )
    launch.execute(run)
    assert run.progress().status == "finished", run.progress().failure
    return run, root / "pictures", workspace


def test_the_interval_is_wilsons() -> None:
    low, high = interval(279, 280)
    assert (low, high) == pytest.approx((0.9801, 0.9994), abs=2e-4)
    assert interval(0, 10)[0] == 0.0 and interval(10, 10)[1] == 1.0 and interval(0, 0) == (0.0, 1.0)


def test_counts_shares_and_mistakes() -> None:
    results = Results(FRAME, ("a", "b"))
    assert results.accuracy == 0.6
    assert results.confusion().to_numpy().tolist() == [[1, 2], [0, 2]]
    table = results.per_class()
    assert table.loc["a", "precision"] == 1.0 and table.loc["a", "recall"] == pytest.approx(1 / 3)
    assert table.loc["b", "support"] == 2
    assert results.top_losses()["path"].tolist() == ["2", "3"]
    assert results.cell("a", "b")["path"].tolist() == ["2", "3"]


def test_a_class_nobody_predicts_counts_as_nought() -> None:
    assert Results(FRAME, ("a", "b", "c")).per_class().loc["c"].tolist() == [0.0, 0.0, 0.0, 0]


def test_saved_results_say_what_the_run_said(trained: tuple[Run, Path, Workspace]) -> None:
    run, _, _ = trained
    results = Results.of(run)
    assert results.accuracy == run.progress().val_accuracy and results.classes == ("00123", "=SUM(A1)")
    assert set(results.frame["label"]) == {"00123", "=SUM(A1)"} and results.images == 6


def test_evaluating_again_gives_the_same_predictions(trained: tuple[Run, Path, Workspace]) -> None:
    run, source, workspace = trained
    saved = Results.of(run).frame.set_index("path")
    again = evaluate(run, open_data(source, workspace)).frame.set_index("path").loc[saved.index]
    assert (again["predicted"] == saved["predicted"]).all()
    # A run measures itself on features in bfloat16 where the processor is fast with it; this looks exactly.
    assert again["loss"].to_numpy() == pytest.approx(saved["loss"].to_numpy(), rel=0.2, abs=5e-3)


def test_a_prediction_from_a_path_from_bytes_and_in_evaluation_agree(trained: tuple[Run, Path, Workspace]) -> None:
    run, source, _ = trained
    row = Results.of(run).frame.iloc[0]
    path = source / row["path"]
    one, other = Predictor.of(run).predict([path, path.read_bytes()])
    assert one.label == row["predicted"] and one.confidence == pytest.approx(row["confidence"], abs=1e-4)
    assert one.probabilities == other.probabilities and sum(one.probabilities.values()) == pytest.approx(1, abs=1e-5)


def test_a_file_that_is_no_picture_is_named(trained: tuple[Run, Path, Workspace], tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("hello")
    with pytest.raises(PictureError, match=r"note\.txt"):
        Predictor.of(trained[0]).predict([tmp_path / "note.txt"])


def test_a_class_the_model_does_not_know_is_named(
    trained: tuple[Run, Path, Workspace], pictures: Callable[..., Path], workspace: Workspace
) -> None:
    with pytest.raises(DataError, match="bird"):
        evaluate(trained[0], open_data(pictures(classes=("bird", "00123")), workspace))


def test_a_run_without_results_says_so(workspace: Workspace) -> None:
    run = Store(workspace).create(Recipe().amended({"data.source": "x"}))
    with pytest.raises(RunError, match="no results"):
        Results.of(run)
    with pytest.raises(RunError, match="no trained model"):
        Predictor.of(run)


@pytest.mark.parametrize("content", [b"", b"not safetensors", b"\x08\x00\x00\x00\x00\x00\x00\x00{}      "])
def test_a_damaged_checkpoint_is_refused_in_a_sentence(workspace: Workspace, content: bytes) -> None:
    run = Store(workspace).create(Recipe().amended({"data.source": "x"}))
    (run.folder / "best.safetensors").write_bytes(content)
    with pytest.raises(RunError, match="cannot be read"):
        Predictor.of(run)


def test_the_outcome_has_every_field_and_the_list_a_row(trained: tuple[Run, Path, Workspace]) -> None:
    run, _, _ = trained
    found = outcome(run)
    assert found["status"] == "finished" and Path(found["checkpoint"]).is_file() and None not in found.values()
    assert found["val_accuracy_low"] < found["val_accuracy"] <= found["val_accuracy_high"]
    assert found["trainable_parameters"] == 2 * 1280 + 2 and found["frozen_stages"] == 9
    assert summary(run)["val_accuracy"] == found["val_accuracy"]


def test_a_damaged_run_is_listed_as_damaged(workspace: Workspace) -> None:
    run = Store(workspace).create(Recipe().amended({"data.source": "x"}))
    (run.folder / "recipe.toml").write_text("[[")
    assert summary(Run(run.folder))["status"] == "damaged"
