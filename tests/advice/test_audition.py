"""The audition: a tie is called a tie, who is surely behind leaves early, and held-back pictures stay unseen."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from studio.advice import audition as auditions
from studio.advice.audition import Audition
from studio.advice.contenders import Backbone, Colours
from studio.advice.doing import Clock
from studio.advice.hearing import _rounds
from studio.advice.sample import in_order, labels_of
from studio.data.dataset import Dataset, Sample
from studio.data.intake import open_data
from studio.errors import BackboneError, DataError
from studio.model.frozen import Frozen
from studio.recipe import ModelChoice, Recipe
from studio.training.eye import Eye
from studio.training.loader import Pictures, Seen, to_input
from studio.workspace import Workspace
from tests.advice.runs import audition, heard, small
from tests.training.recipes import tiny
from tests.working import done

Folder = Callable[..., Path]


@dataclass
class Knowing(Backbone):
    """One that sees each picture's class, `clearly` or not; `shown` counts the pictures it looked at."""

    clearly: float = 0.0
    shown: int = field(default=0)

    def _shown(self, samples: Sequence[Sample]) -> Iterator[int]:
        assert self.dataset is not None
        chance, labels = np.random.default_rng(self.shown), labels_of(self.dataset, samples)
        features = chance.standard_normal((len(samples), 24)).astype(np.float32)
        features[np.arange(len(samples)), labels] += self.clearly
        self._add(np.arange(len(samples)), features)
        self.shown += len(samples)
        yield len(samples)


@dataclass
class Colourless(Colours):
    """A baseline that sees nothing at all."""

    def _shown(self, samples: Sequence[Sample]) -> Iterator[int]:
        self._add(np.arange(len(samples)), np.random.default_rng(9).random((len(samples), 8)).astype(np.float32))
        yield len(samples)


def raced(count: int, **clearly: float) -> tuple[dict[str, Knowing], list]:
    """Backbones that see so clearly race on `count` pictures of three classes, with time enough."""
    dataset = Dataset(Path("nowhere"), tuple(Sample(f"{n:05}.jpg", "abc"[n % 3]) for n in range(count)))
    dataset.__dict__["copies"] = ()
    order = in_order(dataset.samples)
    racing = [
        Knowing(name, dataset=dataset, model=ModelChoice(backbone=name), pace=1e3, clearly=how)
        for name, how in clearly.items()
    ]
    baseline = Colourless("colours", dataset=dataset)
    for each in (*racing, baseline):
        list(each.look(order, 150, float("inf")))
    _, (rows, _, _, _) = done(_rounds(list(racing), baseline, order, dataset, 0, Clock(60)))  # type: ignore[arg-type]
    return {each.name: each for each in racing}, list(rows)


def test_who_is_surely_behind_is_shown_no_more_pictures() -> None:
    racing, rows = raced(1200, good=6.0, bad=0.3)
    assert racing["good"].shown == 1200 and racing["bad"].shown == 150
    best, worst = rows
    assert (best.backbone, worst.backbone) == ("good", "bad") and best.tied and not worst.tied
    assert best.pictures == 1200 and worst.pictures == 150 and worst.behind_low > 0.2


def test_who_cannot_be_told_from_the_best_stays_to_the_end_and_is_called_a_tie() -> None:
    racing, rows = raced(600, one=2.2, other=2.2)
    assert all(each.shown == 600 for each in racing.values()) and all(row.tied for row in rows)
    assert rows[1].behind >= 0 and all(row.behind_low <= 0 <= row.behind_high for row in rows)


def test_a_tie_is_called_a_tie_and_the_quickest_is_chosen() -> None:
    slow = heard("slow", 0.95, pace=10.0)
    quick = heard("quick", 0.94, behind=0.01, behind_low=-0.01)
    found = audition(slow, quick)
    assert found.sentence.startswith(
        "A tie: slow and quick cannot be told apart on 500 pictures. quick is the quickest"
    )
    assert found.chosen == quick
    alone = audition(slow, heard("bad", 0.7, behind=0.2, behind_low=0.1, behind_high=0.3))
    assert alone.chosen == slow and alone.sentence.startswith("slow is surely better than the others")


def test_what_is_no_better_than_colours_is_said_to_be() -> None:
    found = audition(heard(accuracy=0.6))
    plain = heard("", 0.59, pace=None, behind=0.01, behind_low=-0.02, behind_high=0.04)
    poor = Audition(found.heard, plain, 500, 500, 3, 0.3, 30.0, 12.0)
    assert "nothing is surely better than colours alone" in poor.sentence
    assert "colours" not in found.sentence


def test_the_backbones_at_hand_are_heard_on_pictures_to_learn_from_alone(
    pictures: Folder, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = tiny(pictures(("cat", "dog", "owl"), each=15))
    shown: set[str] = set()
    look = Pictures.look

    def watched(self: Pictures, *asked: Any, **more: Any) -> Iterator[Seen]:
        shown.update(sample.path for sample in self.asked)
        return look(self, *asked, **more)

    monkeypatch.setattr(Pictures, "look", watched)
    dataset = open_data(recipe.data.source, workspace)
    models = [small("test_resnet"), small("test_vit")]
    told, found = done(auditions.audition(recipe, workspace, 60, models))
    assert [each.backbone for each in found.heard] in (["test_resnet", "test_vit"], ["test_vit", "test_resnet"])
    assert found.pictures == found.of == len(shown) == 36 and found.classes == 3
    assert all(each.low <= each.accuracy <= each.high and each.pace and each.pace > 0 for each in found.heard)
    assert found.baseline.accuracy > 0.8, "Colours tell these classes apart."
    assert told[-1].what == "Telling the classes apart" and all(each.total == 600 for each in told)
    assert auditions.kept(recipe, dataset, workspace, models) == Audition.from_dict(found.as_dict())
    assert auditions.kept(recipe.amended({"seed": 1}), dataset, workspace, models) is None


def test_the_pace_is_that_of_looking_at_the_pictures_themselves(
    pictures: Folder, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = tiny(pictures(("cat", "dog", "owl"), each=15))
    dataset = open_data(recipe.data.source, workspace)
    first_seen: list[np.ndarray] = []
    settle = Frozen._settle

    def watched(self: Frozen, inputs: torch.Tensor) -> None:
        first_seen.append(inputs.numpy())
        settle(self, inputs)

    monkeypatch.setattr(Frozen, "_settle", watched)
    done(auditions.audition(recipe, workspace, 60, [small("test_resnet")]))
    eye = Eye.of(Recipe(model=small("test_resnet")), 3)
    known = next(Pictures(dataset, dataset.samples, eye.geometry).walk(len(dataset.samples)))
    theirs = {tuple(one.ravel()[:30].round(4)) for one in to_input(known, eye.geometry, eye.world.device).numpy()}
    (inputs,) = first_seen
    assert {tuple(one.ravel()[:30].round(4)) for one in inputs} <= theirs, "it settled on something else"


def test_one_that_cannot_be_had_is_left_out_with_the_reason(pictures: Folder, workspace: Workspace) -> None:
    recipe = tiny(pictures(each=15))
    _, found = done(auditions.audition(recipe, workspace, 60, [ModelChoice(backbone="no_such_net"), small()]))
    assert [each.backbone for each in found.heard] == ["test_resnet"]
    ((name, reason),) = found.left_out
    assert name == "no_such_net" and "no backbone named" in reason
    with pytest.raises(BackboneError):
        done(auditions.audition(recipe, workspace, 60, [ModelChoice(backbone="no_such_net")]))


def test_too_few_pictures_are_said_to_be_too_few(pictures: Folder, workspace: Workspace) -> None:
    with pytest.raises(DataError, match="too few pictures to compare"):
        done(auditions.audition(tiny(pictures(each=4)), workspace, 20, [small()]))


def test_at_hand_is_what_lies_on_this_computer_and_ones_own_file(tmp_path: Path, workspace: Workspace) -> None:
    recipe = tiny(tmp_path).amended({"model.pretrained": True, "model.backbone": "resnet18"})
    inside = [model.backbone for model in auditions.at_hand(recipe)]
    assert "tf_efficientnet_lite0" in inside and "resnet18" not in inside
    assert all(model.image_size == 32 for model in auditions.at_hand(recipe))
    own = auditions.at_hand(recipe.amended({"model.weights": "mine.safetensors"}))
    assert (own[0].backbone, own[0].weights) == ("resnet18", "mine.safetensors") and len(own) == len(inside) + 1
