"""The queue: what waits is trained one after the other, by one process; a damaged list keeps nothing from starting."""

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from studio.errors import RecipeError, RunError
from studio.recipe import Recipe
from studio.runs import launch
from studio.runs.follow import work_off
from studio.runs.queue import MOST, Queue, keep_going, repeat
from studio.runs.run import Run
from studio.runs.store import Store
from studio.training.events import Started
from studio.workspace import Workspace
from tests.training.recipes import tiny

Pictures = Callable[..., Path]


@pytest.fixture
def queue(workspace: Workspace) -> Queue:
    return Queue(workspace)


@pytest.fixture
def three(queue: Queue) -> list[Run]:
    """Three runs that wait; their pictures are nowhere."""
    return queue.line_up([Recipe(name=name).amended({"data.source": "x"}) for name in ("a", "b", "c")])


def names(queue: Queue) -> list[str]:
    return [run.name for run in queue.waiting()]


def ended(run: Run) -> bool:
    return run.has_ended() and not run.is_held()


def wait(until: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_runs_wait_in_order_and_another_process_sees_the_same(
    queue: Queue, three: list[Run], workspace: Workspace
) -> None:
    assert names(queue) == ["a", "b", "c"] == names(Queue(workspace))
    queue.add(three[0])
    assert names(queue) == ["b", "c", "a"], "a run waits once"
    assert queue.holds(three[0].id) and Queue.of(three[0]).holds(three[0].id) and not queue.holds("other")


@pytest.mark.parametrize(("place", "order"), [(0, "cab"), (1, "acb"), (2, "abc"), (-5, "cab"), (99, "abc")])
def test_a_run_is_moved(queue: Queue, three: list[Run], place: int, order: str) -> None:
    queue.move(three[2].id, place)
    assert "".join(names(queue)) == order


def test_a_cancelled_run_was_never_there(queue: Queue, three: list[Run], workspace: Workspace) -> None:
    queue.cancel(three[1].id)
    assert names(queue) == ["a", "c"] and not three[1].folder.exists() and len(Store(workspace).all()) == 2
    with pytest.raises(RunError, match="does not wait"):
        queue.cancel(three[1].id)
    with pytest.raises(RunError, match="does not wait"):
        queue.move(three[1].id, 0)


def test_what_has_begun_does_not_wait_and_is_not_deleted(queue: Queue, three: list[Run]) -> None:
    launch.execute(three[0])
    assert names(queue) == ["b", "c"]
    with pytest.raises(RunError, match="does not wait"):
        queue.cancel(three[0].id)
    with pytest.raises(RunError, match="has begun"):
        queue.add(three[0])
    assert three[0].folder.exists()


@pytest.mark.parametrize(
    "written", [b"", b"[]", b"{}", b'{"waiting": 3}', b'{"waiting": [3]}', b"\xff\xfe", b"[" * 100_000, b"null"]
)
def test_a_damaged_list_keeps_nothing_from_waiting(queue: Queue, workspace: Workspace, written: bytes) -> None:
    file = workspace.root / "queue.json"
    file.write_bytes(written)
    assert queue.waiting() == [] and queue.advance() is None
    queue.line_up([Recipe(name="new").amended({"data.source": "x"})])
    assert names(queue) == ["new"]
    assert (workspace.root / "queue.damaged.json").read_bytes() == written


def test_a_list_never_leads_out_of_the_workspace(queue: Queue, workspace: Workspace, three: list[Run]) -> None:
    ids = ["..", "../../etc", "/etc", "", "nothing", three[1].id, three[1].id]
    (workspace.root / "queue.json").write_text(json.dumps({"waiting": ids}))
    assert names(queue) == ["b"]


def test_the_first_is_started_once_nobody_trains(queue: Queue, workspace: Workspace, pictures: Pictures) -> None:
    first, second = queue.line_up(repeat(tiny(pictures()), seeds=(1, 2)))
    other = Store(workspace).create(tiny(pictures(), schedule__epochs=9000))
    launch.start(other)
    assert queue.advance() is None and len(queue.waiting()) == 2
    other.request("stop")
    wait(lambda: not other.is_held())
    assert queue.advance() == first and names(queue) == [second.name]
    assert queue.advance() is None
    wait(lambda: ended(first))
    assert queue.advance() == second and queue.waiting() == []
    wait(lambda: ended(second))
    assert [run.progress().status for run in (first, second)] == ["finished", "finished"]


def test_what_cannot_be_started_makes_room_for_the_next(queue: Queue, workspace: Workspace, pictures: Pictures) -> None:
    damaged, gone, good = queue.line_up(repeat(tiny(pictures()), seeds=(1, 2, 3)))
    (damaged.folder / "recipe.toml").write_text("]]")
    Store(workspace).delete(gone.id)
    assert Queue(workspace).advance() == good and queue.waiting() == []
    wait(lambda: ended(good))


def test_twenty_that_advance_at_once_start_one(workspace: Workspace, pictures: Pictures) -> None:
    runs = Queue(workspace).line_up(repeat(tiny(pictures(), schedule__epochs=9000), seeds=(1, 2)))
    gate, began = threading.Barrier(20), []

    def advance() -> None:
        queue = Queue(workspace)
        gate.wait()
        began.append(queue.advance())

    threads = [threading.Thread(target=advance) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [run for run in began if run] == [runs[0]] and not runs[1].events()
    runs[0].request("stop")
    wait(lambda: ended(runs[0]))
    assert sum(isinstance(event, Started) for event in runs[0].events()) == 1


def test_a_thread_keeps_the_queue_going_and_an_empty_one_costs_next_to_nothing(
    queue: Queue, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = 10_000
    began = time.thread_time()
    for _ in range(looks):
        queue.advance()
    assert (time.thread_time() - began) / looks < 1e-3, "a look a second must be far below a thousandth of a core"
    monkeypatch.setattr("studio.runs.queue._LOOK_EVERY", 0.05)
    assert keep_going(queue).daemon
    runs = Queue(queue.workspace).line_up(repeat(tiny(pictures()), seeds=(1, 2)))
    wait(lambda: all(ended(run) for run in runs))
    assert runs[0].events()[-1].at <= runs[1].events()[0].at, "one after the other"


def test_the_queue_is_worked_off_in_the_foreground(queue: Queue, pictures: Pictures) -> None:
    runs = queue.line_up(repeat(tiny(pictures()), seeds=(1, 2)))
    told: list[str] = []
    assert work_off(queue, lambda progress: told.append(progress.status)) == runs and told
    assert [run.progress().status for run in runs] == ["finished", "finished"]


def test_one_form_makes_a_grid_that_can_be_told_apart() -> None:
    recipe = Recipe(name="cats").amended({"data.source": "x"})
    assert repeat(recipe) == [recipe]
    some = repeat(recipe, seeds=(1, 2, 2), lrs=(0.003, 1e-4))
    assert [(made.name, made.seed, made.optimizer.lr) for made in some] == [
        ("cats seed 1 lr 0.003", 1, 0.003),
        ("cats seed 2 lr 0.003", 2, 0.003),
        ("cats seed 1 lr 0.0001", 1, 1e-4),
        ("cats seed 2 lr 0.0001", 2, 1e-4),
    ]
    assert repeat(recipe, seeds=(5,))[0] == recipe.amended({"seed": 5, "name": "cats seed 5"})
    long = repeat(recipe.amended({"name": "x" * 120}), seeds=range(10, 12))
    assert [made.name[-8:] for made in long] == [" seed 10", " seed 11"] and len(long[0].name) == 120


def test_a_grid_has_its_bounds() -> None:
    recipe = Recipe(name="cats").amended({"data.source": "x"})
    assert len(repeat(recipe, seeds=range(8), lrs=[n / 100 for n in range(1, 9)])) == MOST
    with pytest.raises(RecipeError, match="65"):
        repeat(recipe, seeds=range(65))
    with pytest.raises(RecipeError, match="lr"):
        repeat(recipe, lrs=(0.1, -1))
    with pytest.raises(RecipeError, match="seed"):
        repeat(recipe, seeds=(-1,))


def test_none_is_made_where_one_has_problems(queue: Queue, workspace: Workspace) -> None:
    good = Recipe(name="good").amended({"data.source": "x"})
    with pytest.raises(RecipeError):
        queue.line_up([good, Recipe(name="no pictures")])
    assert Store(workspace).all() == []
