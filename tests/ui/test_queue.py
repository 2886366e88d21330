"""The queue on the screen: what waits can be seen, moved and taken out; one form lets many runs wait."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

import studio.ui
from studio.errors import RecipeError
from studio.recipe import Recipe
from studio.runs.queue import Queue
from studio.runs.run import Run
from studio.runs.store import Store
from studio.ui import queue as screen
from studio.ui.places import place
from studio.workspace import Workspace

APP = Path(studio.ui.__path__[0]) / "app.py"
HOSTILE = "**bold** :red[x] <b>b</b>"


@pytest.fixture
def queue(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Queue:
    monkeypatch.setenv("THAW_WORKSPACE", str(workspace.root))
    return Queue(workspace)


@pytest.fixture
def three(queue: Queue) -> list[Run]:
    return queue.line_up([Recipe(name=name).amended({"data.source": "x"}) for name in ("a", HOSTILE, "c")])


@pytest.fixture
def live(queue: Queue) -> Iterator[Run]:
    """A run that somebody trains."""
    run = Store(queue.workspace).create(Recipe(name="live").amended({"data.source": "x"}))
    with run.lock().acquire():
        yield run


def runs_page() -> AppTest:
    at = AppTest.from_file(str(APP), default_timeout=30).run()
    at.switch_page(str(place("pages") / "runs.py")).run()
    assert not at.exception and not at.error
    return at


def drawn(script: Callable[[], Any]) -> AppTest:
    """A page with one of the parts on it; leaving for another page is written down instead."""
    at = AppTest.from_function(script, default_timeout=30).run()
    assert not at.exception
    return at


def names(queue: Queue) -> list[str]:
    return [run.name for run in queue.waiting()]


def test_the_runs_page_shows_what_waits_and_moves_it(queue: Queue, three: list[Run]) -> None:
    at = runs_page()
    shown = [text.value.split(".  ", 1)[1] for text in at.text if ".  " in text.value]
    assert shown == ["a", HOSTILE, "c"]
    assert at.button(key=f"queue-up-{three[0].id}").disabled and at.button(key=f"queue-down-{three[2].id}").disabled
    at.button(key=f"queue-up-{three[2].id}").click().run()
    assert names(queue) == ["a", "c", HOSTILE]
    at.button(key=f"queue-down-{three[0].id}").click().run()
    assert names(queue) == ["c", "a", HOSTILE]
    at.button(key=f"queue-cancel-{three[1].id}").click().run()
    assert names(queue) == ["c", "a"] and not three[1].folder.exists() and not at.exception


def test_a_run_that_began_meanwhile_is_not_taken_out(queue: Queue, three: list[Run]) -> None:
    from studio.training.events import Prepared

    at = runs_page()
    three[0].log(Prepared("Waking the engine", 0, 0))
    at.button(key=f"queue-cancel-{three[0].id}").click().run()
    assert not at.exception and three[0].folder.exists() and names(queue) == [HOSTILE, "c"]


def test_where_nothing_waits_nothing_is_said(queue: Queue) -> None:
    assert not any(head.value == "Waiting" for head in runs_page().subheader)


def repeated() -> None:
    from studio.recipe import Recipe
    from studio.ui import queue as screen
    from studio.ui.boundary import boundary

    screen.go = lambda page, **_: None  # type: ignore[assignment]
    with boundary():
        screen.repeat_form(Recipe(name="cats", seed=7).amended({"data.source": "x"}), "here")


def test_one_form_lets_several_wait(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(screen, "go", screen.go)  # put back what the script replaces
    at = drawn(repeated)
    at.number_input(key="repeat-seeds-here").set_value(2)
    at.text_input(key="repeat-rates-here").set_value("0.003, 1e-4")
    at.button[0].click().run()
    assert not at.error
    assert names(queue) == [f"cats seed {seed} lr {lr}" for lr in ("0.003", "0.0001") for seed in (7, 8)]
    assert {run.recipe.seed for run in queue.waiting()} == {7, 8}


@pytest.mark.parametrize("rates", ["fast", "-1", "nan", "0.1 0", "0,003"])
def test_a_rate_that_is_none_is_explained(queue: Queue, rates: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(screen, "go", screen.go)
    at = drawn(repeated)
    at.text_input(key="repeat-rates-here").set_value(rates)
    at.button[0].click().run()
    assert not at.exception and at.error and queue.waiting() == []


def offered() -> None:
    from studio.recipe import Recipe
    from studio.ui import queue as screen

    screen.go = lambda page, **_: None  # type: ignore[assignment]
    screen.offer(Recipe(name="later").amended({"data.source": "x"}), "here")


def test_the_queue_is_offered_while_another_run_is_trained(
    queue: Queue, live: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(screen, "go", screen.go)
    at = drawn(offered)
    at.button(key="queue-add-here").click().run()
    assert names(queue) == ["later"]


def test_it_is_not_offered_where_nothing_is_in_the_way(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(screen, "go", screen.go)
    assert not drawn(offered).button


def test_where_a_run_stands_is_said(queue: Queue, three: list[Run], live: Run) -> None:
    assert screen.standing(three[0]) == "It is the next in the queue."
    assert "number 3" in screen.standing(three[2]) and screen.standing(live) == ""


@pytest.mark.parametrize(
    ("typed", "rates"),
    [("", []), ("0.1", [0.1]), (" 1e-3  0.1 ", [1e-3, 0.1]), ("0.1, 0.2,0.3;0.4", [0.1, 0.2, 0.3, 0.4])],
)
def test_rates_are_read_as_people_type_them(typed: str, rates: list[float]) -> None:
    assert screen.rates_in(typed) == rates


@pytest.mark.parametrize("typed", ["fast", "0.1 fast"])
def test_a_word_that_is_no_rate_is_named(typed: str) -> None:
    with pytest.raises(RecipeError, match="cannot be read"):
        screen.rates_in(typed)
