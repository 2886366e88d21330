"""The split is seeded and stratified, keeps equal files together, and never moves a file."""

import random
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.data.dataset import Dataset, Sample
from studio.data.split import quotas, split
from studio.errors import DataError


def dataset(root: Path, counts: dict[str, int], split: str | None = None) -> Dataset:
    """Files of one size whose bytes all differ: only what the tests copy is equal."""
    samples = []
    for label, count in counts.items():
        (root / label).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            path = f"{label}/{split or ''}{number:04}.png"
            (root / path).write_bytes(f"{label:>20}{split or '':>5}{number:05}".encode())
            samples.append(Sample(path, label, split))  # type: ignore[arg-type]
    return Dataset(root, tuple(samples))


def copy(root: Path, source: str, target: str) -> None:
    (root / target).write_bytes((root / source).read_bytes())


def counts(dataset: Dataset, name: str) -> Counter[str]:
    return Counter(sample.label for sample in dataset.split(name))  # type: ignore[arg-type]


def test_each_class_gives_its_share(tmp_path: Path) -> None:
    done = split(dataset(tmp_path, {"a": 100, "b": 50, "c": 10}), 0.2, seed=1)
    assert counts(done, "val") == {"a": 20, "b": 10, "c": 2}
    assert counts(done, "train") == {"a": 80, "b": 40, "c": 8}


@given(st.dictionaries(st.text(max_size=3), st.integers(1, 300), min_size=1, max_size=8), st.floats(0.01, 0.9))
def test_largest_remainders_hold_back_the_share_of_the_whole(classes: dict[str, int], share: float) -> None:
    held = quotas(classes, share)
    for name, count in classes.items():
        assert held[name] == 0 if count == 1 else 1 <= held[name] <= count - 1
        assert abs(held[name] - share * count) < 1 or held[name] in (0, 1, count - 1)
    if all(1 <= share * count <= count - 1 for count in classes.values()):
        assert abs(sum(held.values()) - share * sum(classes.values())) < 0.5 + 1e-6


def test_each_class_keeps_one_picture_on_both_sides_and_a_single_one_is_learned_from(tmp_path: Path) -> None:
    done = split(dataset(tmp_path, {"two": 2, "three": 3, "one": 1}), 0.9, seed=0)
    assert counts(done, "train") == {"two": 1, "three": 1, "one": 1}
    done = split(dataset(tmp_path, {"two": 2, "many": 60}), 0.01, seed=0)
    assert counts(done, "val") == {"two": 1, "many": 1}


def test_the_same_seed_holds_back_the_same_pictures_whatever_their_order(tmp_path: Path) -> None:
    whole = dataset(tmp_path, {"a": 40, "b": 30})
    mixed = list(whole.samples)
    random.Random(3).shuffle(mixed)
    first, again = split(whole, 0.25, seed=5), split(replace(whole, samples=tuple(mixed)), 0.25, seed=5)
    assert set(first.split("val")) == set(again.split("val"))
    assert set(first.split("val")) != set(split(whole, 0.25, seed=6).split("val"))


def test_equal_files_stay_on_one_side_for_every_seed(tmp_path: Path) -> None:
    whole = dataset(tmp_path, {"a": 20, "b": 20})
    for source, target in (("a/0000.png", "a/0001.png"), ("a/0000.png", "a/0002.png"), ("b/0004.png", "b/0019.png")):
        copy(tmp_path, source, target)
    assert [len(group) for group in whole.copies] == [3, 2]
    for seed in range(30):
        done = split(whole, 0.3, seed)
        side = {sample.path: sample.split for sample in done.samples}
        assert len({side[f"a/000{n}.png"] for n in range(3)}) == 1
        assert side["b/0004.png"] == side["b/0019.png"]
        assert counts(done, "val") == {"a": 6, "b": 6}


def near(whole: Dataset, *groups: tuple[str, ...]) -> Dataset:
    return replace(whole, alike=groups)


def test_near_copies_stay_on_one_side_with_the_copies_that_they_touch(tmp_path: Path) -> None:
    whole = dataset(tmp_path, {"a": 20, "b": 20})
    copy(tmp_path, "a/0000.png", "a/0001.png")
    whole = near(whole, ("a/0001.png", "a/0002.png"), ("a/0003.png", "a/0002.png"), ("b/0004.png", "b/0019.png"))
    sides = set()
    for seed in range(30):
        done = split(whole, 0.3, seed)
        side = {sample.path: sample.split for sample in done.samples}
        assert len({side[f"a/000{n}.png"] for n in range(4)}) == 1
        assert side["b/0004.png"] == side["b/0019.png"]
        assert counts(done, "val") == {"a": 6, "b": 6}
        sides.add((side["a/0000.png"], side["b/0004.png"]))
    assert {one for one, _ in sides} == {other for _, other in sides} == {"train", "val"}, "no side is theirs"


def test_near_copies_in_two_classes_stay_on_one_side_and_may_be_measured_with(tmp_path: Path) -> None:
    frames = tuple((f"open/{n:04}.png", f"shut/{n:04}.png") for n in range(20))
    whole = near(dataset(tmp_path, {"open": 20, "shut": 20}), *frames)
    for seed in range(10):
        done = split(whole, 0.3, seed)
        side = {sample.path: sample.split for sample in done.samples}
        assert all(side[one] == side[other] for one, other in frames)
        assert counts(done, "val") == {"open": 6, "shut": 6}
    assert split(replace(whole, alike=frames[::-1]), 0.3, 5).samples == split(whole, 0.3, 5).samples


def test_equal_files_in_two_classes_are_never_measured_with_nor_what_is_like_them(tmp_path: Path) -> None:
    whole = dataset(tmp_path, {"a": 9, "b": 9})
    copy(tmp_path, "a/0003.png", "b/0003.png")
    whole = near(whole, ("b/0003.png", "b/0004.png"))
    for seed in range(20):
        held_back = {sample.path for sample in split(whole, 0.5, seed).split("val")}
        assert held_back and not held_back & {"a/0003.png", "b/0003.png", "b/0004.png"}


def test_where_everything_is_alike_only_equal_files_are_kept_together(tmp_path: Path) -> None:
    whole = dataset(tmp_path, {"a": 10, "b": 10})
    copy(tmp_path, "a/0000.png", "a/0001.png")
    film = near(whole, tuple(sample.path for sample in whole.samples))
    assert split(film, 0.3, 4).samples == split(whole, 0.3, 4).samples


def test_a_class_that_is_all_alike_is_measured_all_the_same(tmp_path: Path) -> None:
    whole = dataset(tmp_path, {"a": 10, "b": 10})
    film = near(whole, tuple(f"a/{n:04}.png" for n in range(10)), ("b/0001.png", "b/0002.png"))
    for seed in range(10):
        done = split(film, 0.3, seed)
        side = {sample.path: sample.split for sample in done.samples}
        assert counts(done, "val") == {"a": 3, "b": 3} and side["b/0001.png"] == side["b/0002.png"]


def test_sixty_thousand_pictures_are_split_within_seconds() -> None:
    samples = tuple(Sample(f"{label}/{n:05}", str(label)) for label in range(10) for n in range(6000))
    paths = [sample.path for sample in samples]
    random.Random(1).shuffle(paths)
    groups = tuple(tuple(paths[at : at + 3]) for at in range(0, 30_000, 3))
    chain = tuple((paths[at], paths[at + 1]) for at in range(30_000, 40_000))
    whole = Dataset(Path("nowhere"), samples, alike=groups + chain)
    began = time.process_time()
    done = split(whole, 0.2, 0)
    assert time.process_time() - began < 20
    side = {sample.path: sample.split for sample in done.samples}
    assert all(len({side[path] for path in group}) == 1 for group in whole.alike)
    assert counts(done, "val") == {str(label): 1200 for label in range(10)}


def test_a_picture_under_two_labels_is_never_measured_with(tmp_path: Path) -> None:
    whole = dataset(tmp_path, {"a": 6, "b": 6})
    copy(tmp_path, "a/0003.png", "b/0003.png")
    for seed in range(20):
        held_back = {sample.path for sample in split(whole, 0.5, seed).split("val")}
        assert not held_back & {"a/0003.png", "b/0003.png"}


def test_a_class_of_copies_alone_is_learned_from(tmp_path: Path) -> None:
    whole = dataset(tmp_path, {"a": 4, "b": 10})
    for number in range(1, 4):
        copy(tmp_path, "a/0000.png", f"a/000{number}.png")
    done = split(whole, 0.5, seed=0)
    assert counts(done, "train")["a"] == 4 and counts(done, "val")["b"] == 5


def test_a_large_group_of_copies_does_not_leave_a_class_without_measure(tmp_path: Path) -> None:
    whole = dataset(tmp_path, {"a": 6, "b": 6})
    for target in ("a/0001.png", "a/0002.png"):
        copy(tmp_path, "a/0000.png", target)
    for target in ("a/0004.png", "a/0005.png"):
        copy(tmp_path, "a/0003.png", target)
    done = split(whole, 0.17, seed=0)
    assert counts(done, "val")["a"] == 3 and counts(done, "train")["a"] == 3


def joined(*parts: Dataset) -> Dataset:
    return Dataset(parts[0].root, tuple(sample for part in parts for sample in part.samples))


def test_an_own_train_and_val_stay_as_they_are(tmp_path: Path) -> None:
    whole = joined(dataset(tmp_path, {"a": 9, "b": 9}, "train"), dataset(tmp_path, {"a": 2, "b": 5}, "val"))
    assert split(whole, 0.5, seed=1).samples == whole.samples


def test_val_is_taken_from_train_where_only_a_test_split_is_there(tmp_path: Path) -> None:
    whole = joined(dataset(tmp_path, {"a": 10, "b": 10}, "train"), dataset(tmp_path, {"a": 4, "b": 4}, "test"))
    done = split(whole, 0.2, seed=1)
    assert counts(done, "val") == {"a": 2, "b": 2} and counts(done, "train") == {"a": 8, "b": 8}
    assert done.split("test") == whole.split("test")


def test_pictures_without_a_split_beside_an_own_val_are_learned_from(tmp_path: Path) -> None:
    whole = joined(dataset(tmp_path, {"a": 5, "b": 5}), dataset(tmp_path, {"a": 2, "b": 2}, "val"))
    done = split(whole, 0.2, seed=1)
    assert done.split("val") == whole.split("val") and len(done.split("train")) == 10


@pytest.mark.parametrize("own", [("val",), ("test",), ("test", "val")])
def test_a_dataset_with_nothing_to_learn_from_is_refused_by_name(tmp_path: Path, own: tuple[str, ...]) -> None:
    whole = joined(*(dataset(tmp_path, {"a": 3, "b": 3}, name) for name in own))
    with pytest.raises(DataError, match=f"{' and '.join(own)} split but no train"):
        split(whole, 0.2, seed=0)


def test_a_dataset_with_nothing_to_hold_back_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="none can be held back"):
        split(dataset(tmp_path, {"a": 1, "b": 1}), 0.2, seed=0)


@pytest.mark.parametrize("share", [0, 1, -0.1, 2])
def test_a_share_that_is_none_is_refused(tmp_path: Path, share: float) -> None:
    with pytest.raises(DataError, match="share"):
        split(dataset(tmp_path, {"a": 4, "b": 4}), share, seed=0)
