"""`thaw audition` and `thaw advise`: the same as on the page, in one JSON document."""

from collections.abc import Callable
from pathlib import Path

from studio.recipe import Recipe
from tests.command import Thaw, document


def test_an_audition_is_told_in_json_and_in_words(thaw: Thaw, pictures: Callable[..., Path]) -> None:
    source = pictures(("cat", "dog"), each=15)
    asked = ("--image-size", "32", "--backbone", "tf_efficientnet_lite0", "--budget", "60")
    found = document(thaw("audition", source, *asked, "--json"))
    assert set(found) >= {"backbones", "baseline", "chosen", "sentence", "pictures", "of", "seconds", "left_out"}
    (row,) = found["backbones"]
    assert row["backbone"] == found["chosen"] == "tf_efficientnet_lite0" and row["tied"]
    assert 0 <= row["low"] <= row["accuracy"] <= row["high"] <= 1 and found["of"] == 24
    status, out, _ = thaw("audition", source, *asked)
    assert status == 0 and "colours alone" in out and "LogME" in out


def test_advice_comes_with_a_recipe_that_can_be_trained(
    thaw: Thaw, pictures: Callable[..., Path], tmp_path: Path
) -> None:
    source, out = pictures(("cat", "dog"), each=15), tmp_path / "advised.toml"
    found = document(thaw("advise", source, "--image-size", "32", "--budget", "10", "--out", out, "--json"))
    assert [each["topic"] for each in found["advice"]] == ["backbone", "freeze", "augment", "epochs", "balance"]
    assert all(each["reason"] and each["number"] for each in found["advice"])
    assert found["depths"]["by_depth"] and found["depths"]["sentence"]
    recipe = Recipe.from_toml(out.read_text())
    assert recipe.problems() == [] and recipe == Recipe.model_validate(found["recipe"])


def test_too_few_pictures_are_one_sentence(thaw: Thaw, pictures: Callable[..., Path]) -> None:
    status, out, err = thaw("audition", pictures(each=3), "--image-size", "32")
    assert status == 1 and out == "" and "There are too few pictures to compare backbones on" in err
