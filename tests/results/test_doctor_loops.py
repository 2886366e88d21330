"""The run doctor beside real loops: a notebook's that does not learn, the same repaired, and the studio's own."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from timm.data.config import resolve_data_config
from torch.nn import functional as F

from studio.augment.geometry import Geometry
from studio.data.dataset import Sample
from studio.model.stages import freeze, frozen_state, head
from studio.model.weights import build
from studio.recipe import ALL_FROZEN, Recipe
from studio.results.doctor import diagnose
from studio.training import train as engine
from studio.training.events import Event, Finished, Measured, Started, Thawed, Validated
from studio.training.scoring import predictions
from studio.training.train import train
from studio.training.vitals import Vitals
from tests.training.recipes import tiny

Pictures = Callable[..., Path]


def foreign_loop(
    source: Path, *, steps_per_batch: bool = False, wrong_inputs: bool = False, drifts: bool = False
) -> Iterator[Event]:
    """A notebook's loop over two epochs of the head, written by hand, with the faults that are asked for."""
    torch.manual_seed(0)
    batches = 60 if steps_per_batch else 15  # as many as it takes to bring the rate to nothing
    model = build("tf_efficientnet_lite0", 2, pretrained=True, image_size=64)
    geometry = Geometry.of(resolve_data_config({}, model=model), 64)
    paths = sorted(source.rglob("*.*"))
    pictures = torch.stack(
        [torch.from_numpy(geometry.centre(geometry.base(Image.open(path))).copy()) for path in paths]
    )
    pictures = pictures.permute(0, 3, 1, 2) / 255
    samples = [Sample(path.name, path.parent.name, "val") for path in paths]
    labels = torch.tensor([["cat", "dog"].index(sample.label) for sample in samples])

    freeze(model, ALL_FROZEN)
    rule = torch.optim.SGD(head(model).parameters(), lr=1e-3, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.StepLR(rule, 7, 0.1)
    vitals = Vitals(model, lambda: frozen_state(model, ALL_FROZEN), geometry)
    mean, std = ((0.5,) * 3, (0.25,) * 3) if wrong_inputs else (geometry.mean, geometry.std)
    inputs = (pictures - torch.tensor(mean).view(1, 3, 1, 1)) / torch.tensor(std).view(1, 3, 1, 1)

    yield Started("lite0", "CPU", ["cat", "dog"], ["a"], 1, 100, 10, len(paths), len(paths), 64, 2, batches)
    for epoch in (1, 2):
        losses: list[float] = []
        model.train(drifts)
        for _ in range(batches):
            rows = torch.randint(len(paths), (4,))
            vitals.saw(inputs[rows], pictures[rows])
            vitals.step(rule.param_groups[0]["lr"])
            loss = F.cross_entropy(model(inputs[rows]), labels[rows])
            rule.zero_grad()
            loss.backward()
            rule.step()
            losses.append(loss.item())
            if steps_per_batch:
                scheduler.step()
        model.eval()
        said = []
        for rows in torch.arange(len(paths)).split(4):
            with torch.no_grad():
                said.append(model(inputs[rows]))
            if steps_per_batch:
                scheduler.step()
        if not steps_per_batch:
            scheduler.step()
        frame = predictions(samples, ["cat", "dog"], torch.cat(said))
        accuracy, val_loss = float((frame["label"] == frame["predicted"]).mean()), float(frame["loss"].mean())
        rate = rule.param_groups[0]["lr"]
        yield Validated(epoch, batches * epoch, float(np.mean(losses)), None, val_loss, accuracy, rate, 100.0, 1.0)
        yield vitals.measured(epoch, batches * epoch, frame, 1.0)


NOTEBOOK = Recipe().amended(
    {"data.source": "x", "optimizer.name": "sgd", "optimizer.lr": 1e-3, "schedule.epochs": 2, "schedule.batch_size": 4}
)


@pytest.mark.parametrize(
    "faults",
    [
        {},
        {"steps_per_batch": "learning-rate-dead"},
        {"wrong_inputs": "wrong-input-statistics"},
        {"drifts": "frozen-statistics-drift"},
        {
            "steps_per_batch": "learning-rate-dead",
            "wrong_inputs": "wrong-input-statistics",
            "drifts": "frozen-statistics-drift",
        },
    ],
)
def test_the_loop_that_does_not_learn_is_told_why(pictures: Pictures, faults: dict[str, str]) -> None:
    events = list(foreign_loop(pictures(each=12, side=64), **dict.fromkeys(faults, True)))
    found = diagnose(events, NOTEBOOK)
    assert {diagnosis.name for diagnosis in found} == set(faults.values())
    assert all(diagnosis.severity == "fault" for diagnosis in found)
    if faults:  # it is told after the first epoch already
        assert {diagnosis.name for diagnosis in diagnose(events[:3], NOTEBOOK)} == set(faults.values())


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"freeze__strategy": "two-phase", "freeze__head_epochs": 1, "schedule__epochs": 3},
        {"model__backbone": "tf_efficientnet_lite0", "model__pretrained": True, "schedule__epochs": 6},
    ],
)
def test_a_healthy_run_of_the_studio_has_nothing(
    pictures: Pictures, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any]
) -> None:
    jobs: list[Any] = []
    build_job = engine.make_ready

    def spy(*given: Any, **named: Any) -> Any:
        jobs.append((yield from build_job(*given, **named)))
        return jobs[0]

    monkeypatch.setattr(engine, "make_ready", spy)
    recipe = tiny(pictures(each=20), **changes)
    events: list[Event] = []
    vitals: Vitals | None = None
    depths: list[int] = []

    def frozen() -> dict[str, torch.Tensor]:
        return frozen_state(jobs[0].model, depths[-1])

    for event in train(recipe):
        events.append(event)
        match event:
            case Thawed():
                depths.append(event.depth)
                vitals = vitals or Vitals(jobs[0].model, frozen, jobs[0].geometry)
                vitals.step(recipe.optimizer.lr)
            case Validated():
                assert vitals is not None
                frame = predictions([Sample("x", "cat", "val")], ["cat", "dog"], torch.zeros(1, 2))
                events.append(vitals.measured(event.epoch, event.step, frame, event.seconds))
                vitals.step(event.lr)
    moved = [event.moved for event in events if isinstance(event, Measured) and event.moved is not None]
    assert isinstance(events[-1], Finished) and moved and min(moved) > 1e-4
    assert diagnose(events, recipe) == []
