"""Every event survives its line of JSON, and nothing else passes for one."""

import json

import pytest

from studio.training.events import Event, Failed, Finished, Stepped, Warned, from_json, to_json


@pytest.mark.parametrize(
    "event",
    [
        Warned("a line\nbreak and \u2028 and \x00", ["ü/ö.png"], at=1.5),
        Warned("a name that is no Unicode", ["caf\udce9.png"], at=1.6),
        Failed("no", "do", "details", None, at=2.0),
        Finished(True, 0, None, None, None, None, None, 1.5, None, at=2.5),
        Stepped(1, 2, None, 0.5, 1e-3, None, at=3.0),
    ],
)
def test_an_event_comes_back_equal(event: Event) -> None:
    line = to_json(event)
    assert "\n" not in line and from_json(line) == event


@pytest.mark.parametrize("line", ["", "{", "[]", '{"event": "Exploded"}', '{"event": "Stepped"}', '"Started"'])
def test_anything_else_is_refused(line: str) -> None:
    with pytest.raises(ValueError):
        from_json(line)


def test_fields_of_a_newer_studio_are_dropped() -> None:
    line = json.dumps(json.loads(to_json(Warned("x", at=1.0))) | {"colour": "blue"})
    assert from_json(line) == Warned("x", at=1.0)
