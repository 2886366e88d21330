"""The rules of advice: what was measured decides, each piece has its reason and number, and all of it can be run."""

from itertools import permutations
from typing import Any

import pytest

from studio.advice.counsel import Counsel, applied, counsel
from studio.advice.facts import Facts, Mirrored, Similarity
from studio.recipe import FreezePlan, Recipe, ThawAt
from tests.advice.runs import audition, expected, facts, heard

RECIPE = Recipe().amended({"data.source": "pictures"})
UNLIKE = Similarity(0.3, "statistics", 48, 0.77)
UNDECIDED = expected({9: 0.9, 8: 0.9}, 9, 9, learnt=100)


def advised(recipe: Recipe = RECIPE, **changes: Any) -> dict[str, Counsel]:
    return {each.topic: each for each in counsel(facts(**changes), recipe)}


def test_where_thawing_brought_nothing_only_the_head_learns_and_nothing_is_varied() -> None:
    found = advised()
    recipe = applied(RECIPE, *found.values())
    assert recipe.freeze.strategy == "head" and recipe.augment.preset == "none" and recipe.problems() == []
    assert "brought nothing that could be measured" in found["freeze"].reason
    assert "expected 98.0 % (96.0 % to 100 %)" in found["freeze"].number


def test_where_short_fits_were_better_thawed_they_decide_the_depth() -> None:
    found = advised(depths=expected({9: 0.9, 5: 0.96, 0: 0.965}, 9, 5))
    recipe = applied(RECIPE, *found.values())
    assert (recipe.freeze.strategy, recipe.freeze.depth) == ("two-phase", 5) and recipe.problems() == []
    assert "6.0 (5.0 to 7.0) points" in found["freeze"].reason and recipe.augment.preset == "standard"
    assert recipe.schedule.epochs > recipe.freeze.head_epochs >= 1


@pytest.mark.parametrize(
    ("similarity", "each", "strategy", "depth"),
    [
        (Similarity(0.9, "statistics", 48, 0.2), 500, "head", None),
        (Similarity(0.5, "statistics", 48, 0.5), 500, "two-phase", 6),
        (UNLIKE, 500, "two-phase", 0),
        (UNLIKE, 60, "two-phase", 6),
        (UNLIKE, 12, "head", None),
    ],
)
def test_where_short_fits_could_not_decide_likeness_and_size_do(
    similarity: Similarity, each: int, strategy: str, depth: int | None
) -> None:
    tried = expected({9: 0.9, 8: 0.9}, 9, 9, learnt=min(100, each))
    found = advised(similarity=similarity, counts={"6": each, "9": each, "8": each}, depths=tried)
    recipe = applied(RECIPE, *found.values())
    assert (recipe.freeze.strategy, recipe.freeze.depth) == (strategy, depth)
    if similarity.level != "like":
        assert similarity.sentence in found["freeze"].reason and f"{each:,} pictures" in found["freeze"].number


def test_a_mirror_that_changes_the_class_is_kept_out() -> None:
    thawed = expected({9: 0.9, 0: 0.97}, 9, 0)
    assert advised(depths=thawed)["augment"].changes["augment.preset"] == "standard"
    found = advised(depths=thawed, mirrored=Mirrored(100, 30, 0.22, 0.4))["augment"]
    assert found.changes["augment.preset"] == "gentle" and found.number == "30 % change when mirrored"
    known = advised(depths=thawed, mirrored=None, counts={str(name): 100 for name in range(10)})["augment"]
    assert known.changes["augment.preset"] == "gentle" and "mirror" in known.reason


def test_few_pictures_are_varied_more() -> None:
    few = {"cat": 20, "dog": 18}
    alone = advised(counts=few)["augment"].changes
    assert alone["augment.preset"] != "none" and alone["augment.views"] == 4
    thawed = advised(counts=few, depths=expected({9: 0.9, 0: 0.97}, 9, 0))["augment"].changes
    assert thawed == {"augment.preset": "strong", "augment.views": 0}


def test_epochs_are_as_many_as_the_updates_need_and_the_machine_allows() -> None:
    assert advised(counts={"a": 5000, "b": 5000})["epochs"].changes == {"schedule.epochs": 4}
    assert advised(counts={"a": 160, "b": 160})["epochs"].changes == {"schedule.epochs": 30}
    thawed = expected({9: 0.9, 0: 0.97}, 9, 0)
    quick = advised(depths=thawed, seconds={0: 2.0})["epochs"]
    slow = advised(depths=thawed, seconds={0: 200.0})["epochs"]
    assert "about 2 s an epoch on this machine" in quick.number and "minutes" not in quick.reason
    assert slow.changes == {"schedule.epochs": 8 + 6}, "eight of the head, which cost next to nothing"
    assert "longer than 20 minutes" in slow.reason


@pytest.mark.parametrize(("ratio", "balance"), [(1.0, "none"), (5.0, "weights"), (30.0, "sampling")])
def test_uneven_classes_are_balanced(ratio: float, balance: str) -> None:
    found = advised(counts={"many": round(100 * ratio), "few": 100})["balance"]
    assert found.changes == {"loss.balance": balance} and found.number.startswith(f"{ratio:.1f} times")
    assert balance == "none" or "“few” only 100" in found.reason


def test_the_chosen_backbone_comes_with_its_weights() -> None:
    mine = heard("resnet18", weights="mine.safetensors")
    changes = advised(audition=audition(mine))["backbone"].changes
    assert changes == {"model.backbone": "resnet18", "model.weights": "mine.safetensors", "model.pretrained": True}


@pytest.mark.parametrize("topic", ["backbone", "freeze", "augment", "epochs", "balance"])
def test_one_piece_alone_leaves_a_recipe_that_can_be_run(topic: str) -> None:
    """Whatever was chosen before."""
    long = Recipe(freeze=FreezePlan.two_phase(head_epochs=30)).amended({"data.source": "x", "schedule.epochs": 40})
    planned = FreezePlan(strategy="custom", thaws=(ThawAt(epoch=2, depth=1),))
    for before in (RECIPE, long, RECIPE.amended({"freeze": planned}), RECIPE.amended({"schedule.epochs": 1})):
        for tried in (facts().depths, expected({9: 0.9, 0: 0.97}, 9, 0)):
            piece = advised(before, depths=tried)[topic]
            after = applied(before, piece)
            assert [problem for problem in after.problems() if "thaws: epoch" not in problem] == []
            assert piece.held_by(after) and piece.title and piece.reason.endswith(".")


@pytest.mark.parametrize("epochs", [1, 5, 60])
def test_pieces_come_to_the_same_recipe_in_whatever_order_they_are_taken(epochs: int) -> None:
    before = RECIPE.amended({"schedule.epochs": epochs})
    pieces = counsel(facts(depths=expected({9: 0.9, 0: 0.97}, 9, 0), counts={"cat": 40, "dog": 40}), before)
    wanted = applied(before, *pieces)
    for order in permutations(pieces):
        now = before
        for piece in order:
            now = applied(now, piece)
        assert now == wanted and all(piece.held_by(now) for piece in pieces)


def test_what_was_undecided_is_told_by_the_facts() -> None:
    assert isinstance(facts(similarity=UNLIKE, depths=UNDECIDED), Facts)
    assert "unlike" in advised(similarity=UNLIKE, depths=UNDECIDED)["freeze"].reason
    solved = expected({9: 0.98, 8: 0.98}, 9, 9, learnt=100)
    assert advised(similarity=UNLIKE, depths=solved)["freeze"].choice.startswith("Only the head, at the usual")
