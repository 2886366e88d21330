"""Paces: measured where somebody measured, estimated for the others, and never taken for another machine's."""

import json

import numpy as np
import pytest

from studio.model import pace
from studio.model.listing import Row, find, rows
from studio.workspace import Workspace


def row(name: str, flops: float, moved: float) -> Row:
    return Row(name, 1, 224, int(flops), int(moved), None, "mit", "download", 1.0)


def test_a_network_is_measured_and_the_number_kept(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "_SECONDS", 0.05)
    small = find("test_resnet", rows())
    assert small and pace.kept(workspace) == {}
    ((done, measured, pictures),) = pace.measure([small], workspace)
    assert done == 1 and measured is small and pictures > 0
    assert pace.kept(workspace) == {"test_resnet@160": pytest.approx(pictures, rel=1e-2)}
    assert pace.paces([small], pace.kept(workspace))[small.name].measured


def test_another_machines_paces_are_not_taken_for_ours(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "machine", lambda: "a fast one")
    pace.keep(workspace, row("a", 1e9, 1e7), 1000.0)
    monkeypatch.undo()
    assert pace.kept(workspace) == {}
    pace.keep(workspace, row("a", 1e9, 1e7), 10.0)
    kept = json.loads((workspace.cache / "paces.json").read_text())
    assert kept["a fast one"] == {"a@224": 1000.0} and pace.kept(workspace) == {"a@224": 10.0}


def test_a_damaged_file_is_as_none(workspace: Workspace) -> None:
    (workspace.cache / "paces.json").write_text("[")
    assert pace.kept(workspace) == {}
    pace.keep(workspace, row("a", 1e9, 1e7), 10.0)
    assert pace.kept(workspace) == {"a@224": 10.0}


def test_nothing_is_estimated_before_something_was_measured() -> None:
    assert pace.paces([row("a", 1e9, 1e7)], {}) == {}


def test_estimates_follow_what_operations_and_moves_take_here() -> None:
    generator = np.random.default_rng(0)
    a, b = 1e-11, 4e-10  # seconds for an operation, and for a number moved
    some = [row(f"n{i}", f, m) for i, (f, m) in enumerate(generator.uniform([1e8, 1e6], [1e10, 5e7], (12, 2)))]
    true = {each.name: 1 / (a * (each.flops or 0) + b * (each.moved or 0)) for each in some}
    measured = {pace.key(each): true[each.name] * generator.uniform(0.95, 1.05) for each in some[:6]}
    found = pace.paces(some, measured)
    assert all(found[each.name].measured == (pace.key(each) in measured) for each in some)
    assert all(abs(found[each.name].pictures / true[each.name] - 1) < 0.2 for each in some)


def test_one_measurement_is_enough_to_begin_with() -> None:
    one, twice = row("one", 1e9, 1e7), row("twice", 2e9, 2e7)
    assert pace.paces([one, twice], {"one@224": 100.0})["twice"].pictures == pytest.approx(50.0)
