"""Pictures that a person pinned are tried after each epoch, as any new picture would be."""

from collections.abc import Callable
from pathlib import Path

import pytest

from studio.results.predict import Predictor
from studio.runs import launch
from studio.runs.store import Store
from studio.training.events import Measured, Tried, Validated
from studio.training.place import MOST_PINS, PINS
from studio.workspace import Workspace
from tests.training.recipes import tiny

Pictures = Callable[..., Path]


def test_a_pinned_picture_is_tried_after_each_epoch(workspace: Workspace, pictures: Pictures) -> None:
    source = pictures(each=8)
    run = Store(workspace).create(tiny(source, schedule__epochs=3))
    pins = run.folder / PINS
    pins.mkdir()
    (pins / "one.png").write_bytes((source / "cat" / "cat-000.png").read_bytes())
    (pins / "broken.png").write_bytes(b"no picture")
    launch.execute(run)
    tried = [event for event in run.events() if isinstance(event, Tried)]
    assert [(event.epoch, event.picture) for event in tried] == [(1, "one.png"), (2, "one.png"), (3, "one.png")]
    assert all(sum(event.probabilities) == pytest.approx(1, abs=1e-4) for event in tried)
    best = run.progress().best_epoch
    (said,) = Predictor.of(run).predict([pins / "one.png"])
    assert said.confidence == pytest.approx(max(tried[best - 1].probabilities), abs=1e-3)


def test_at_most_eight_are_tried(workspace: Workspace, pictures: Pictures) -> None:
    source = pictures(each=8)
    run = Store(workspace).create(tiny(source, schedule__epochs=1))
    (run.folder / PINS).mkdir()
    for number, path in enumerate(sorted(source.rglob("*.png"))[:12]):
        (run.folder / PINS / f"{number}.png").write_bytes(path.read_bytes())
    launch.execute(run)
    assert sum(isinstance(event, Tried) for event in run.events()) == MOST_PINS


def test_each_epoch_has_its_vital_signs(workspace: Workspace, pictures: Pictures) -> None:
    run = Store(workspace).create(tiny(pictures(each=8), schedule__epochs=3, augment__preset="gentle"))
    launch.execute(run)
    validated = [event for event in run.events() if isinstance(event, Validated)]
    measured = [event for event in run.events() if isinstance(event, Measured)]
    assert [event.epoch for event in measured] == [event.epoch for event in validated] == [1, 2, 3]
    first = measured[0]
    assert first.moved and first.drifted == 0.0 and first.input_mean == pytest.approx(first.wanted_mean, abs=1e-3)
    assert first.lr_high >= first.lr_low > 0 and first.waiting is not None
    assert all(len(event.class_accuracy) == 2 for event in validated)
