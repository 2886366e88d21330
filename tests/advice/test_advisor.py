"""The advisor on real pictures: it measures, advises, and what it advised can be run and is found again."""

from collections.abc import Callable
from pathlib import Path

import pytest

from studio.advice import advisor, audition
from studio.data.intake import open_data
from studio.workspace import Workspace
from tests.advice.runs import small
from tests.training.recipes import tiny
from tests.working import done


def test_advice_is_measured_kept_and_can_be_followed(
    pictures: Callable[..., Path], workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audition, "at_hand", lambda recipe: (small("test_resnet"),))
    recipe = tiny(pictures(("cat", "dog", "owl"), each=16))
    dataset = open_data(recipe.data.source, workspace)
    assert advisor.kept(recipe, dataset, workspace) is None
    told, found = done(advisor.advise(recipe, workspace, 12))
    assert [each.topic for each in found.counsels] == ["backbone", "freeze", "augment", "epochs", "balance"]
    assert all(each.reason and each.number and each.choice for each in found.counsels)
    followed = found.followed(recipe)
    assert followed.problems() == [] and followed.model.backbone == "test_resnet" and followed.schedule.epochs > 4
    assert found.similarity.way == "statistics" and found.pictures == 38
    assert any("pretraining" in each.what for each in told) and all(each.total == 120 for each in told)
    again = advisor.kept(recipe, dataset, workspace)
    assert again is not None and again.followed(recipe) == followed and all(c.held_by(followed) for c in again.counsels)
    told, _ = done(advisor.advise(recipe, workspace, 12))
    assert not any("Learning behind" in each.what for each in told), "What was measured is not measured again."
