"""A run is a folder: whoever holds it sees the same, and one Start makes one training."""

import errno
import gc
import os
import shutil
import threading
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from studio.errors import RecipeError, RunError
from studio.recipe import Recipe
from studio.results.summary import outcome
from studio.runs import launch
from studio.runs.progress import Progress
from studio.runs.requests import Desk, ask, withdraw
from studio.runs.run import Run
from studio.runs.shown import thinned
from studio.runs.store import Store
from studio.training.events import (
    Event,
    Failed,
    Finished,
    Noted,
    Prepared,
    Started,
    Stepped,
    Thawed,
    Validated,
    Warned,
)
from studio.workspace import Workspace
from tests.training.recipes import tiny

Pictures = Callable[..., Path]


@pytest.fixture
def run(workspace: Workspace, pictures: Pictures) -> Run:
    return Store(workspace).create(tiny(pictures()))


def wait(run: Run, until: Callable[[Progress], bool], seconds: float = 60) -> Progress:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if until(progress := run.progress()):
            return progress
        time.sleep(0.02)
    raise AssertionError(f"still {run.progress().status} after {seconds} s: {run.progress().sentence}")


def test_a_started_run_finishes_in_the_background(run: Run) -> None:
    assert run.progress().status == "created"
    assert launch.start(run)
    progress = wait(run, lambda progress: not progress.is_live and progress.status != "created")
    assert progress.status == "finished" and len(progress.history) == 2 and progress.share_done == 1.0
    assert progress.checkpoint == "best.safetensors" and (run.folder / "best.safetensors").is_file()


def test_what_the_engine_brought_is_not_looked_through_for_garbage(run: Run) -> None:
    launch.start(run)
    wait(run, lambda progress: progress.status == "finished")
    assert gc.get_freeze_count() > 200_000, (
        "or each page that Streamlit draws stops the training for a tenth of a second"
    )


def test_twenty_starts_at_once_make_one_training(run: Run) -> None:
    gate, began = threading.Barrier(20), []

    def press() -> None:
        gate.wait()
        try:
            began.append(launch.start(Run(run.folder)))
        except RunError:
            began.append(False)  # it had already ended

    sessions = [threading.Thread(target=press) for _ in range(20)]
    for session in sessions:
        session.start()
    for session in sessions:
        session.join()
    wait(run, lambda progress: progress.status == "finished")
    assert sum(began) == 1
    assert sum(isinstance(event, Started) for event in run.events()) == 1


def test_twenty_sessions_that_begin_the_same_recipe_get_one_run(workspace: Workspace, pictures: Pictures) -> None:
    recipe, gate, got = tiny(pictures(), schedule__epochs=9000), threading.Barrier(20), []

    def press() -> None:
        gate.wait()
        got.append(launch.begin(Store(workspace), recipe).id)

    sessions = [threading.Thread(target=press) for _ in range(20)]
    for session in sessions:
        session.start()
    for session in sessions:
        session.join()
    assert len(set(got)) == 1 == len(Store(workspace).all())
    Store(workspace).get(got[0]).request("stop")
    wait(Store(workspace).get(got[0]), lambda progress: progress.status == "stopped")
    assert launch.begin(Store(workspace), recipe.amended({"schedule.epochs": 1})).id != got[0]


def test_a_stop_asked_by_file_stops_it_kindly(workspace: Workspace, pictures: Pictures) -> None:
    run = Store(workspace).create(tiny(pictures(), schedule__epochs=9000))
    launch.start(run)
    wait(run, lambda progress: len(progress.validated) > 2)
    Run(run.folder).request("stop")
    progress = wait(run, lambda progress: progress.status == "stopped" and not run.requested("stop"))
    assert (run.folder / "best.safetensors").is_file() and "Stopped" in progress.sentence
    assert 0 < progress.share_done < 1


def test_a_request_that_goes_after_its_folders_time_has_changed_is_not_heard_for_ever(tmp_path: Path) -> None:
    """As on ext4: a look between the two saw the new time and the old file, and the run stayed paused."""
    desk = Desk(tmp_path)
    ask(tmp_path, "pause")
    os.utime(tmp_path, ns=(0, changed := tmp_path.stat().st_mtime_ns - 10**9))
    assert desk.wishes().pause
    withdraw(tmp_path, "pause")
    os.utime(tmp_path, ns=(0, changed))
    end = time.monotonic() + 10
    while desk.wishes().pause:
        assert time.monotonic() < end, "still paused"
        time.sleep(0.05)


def test_a_run_that_is_stopped_before_it_learnt_anything_says_so(run: Run) -> None:
    run.request("stop")
    launch.execute(run)
    progress = run.progress()
    assert progress.status == "stopped" and "no weights to keep" in progress.sentence and progress.share_done == 0
    assert progress.val_accuracy is None and progress.checkpoint is None and not run.requested("stop")
    assert outcome(run)["status"] == "stopped" and outcome(run)["val_accuracy_low"] is None


def test_a_run_whose_folder_is_deleted_while_it_trains_ends_with_a_sentence(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = Run.log

    def log_and_lose(self: Run, event: Event) -> None:
        log(self, event)
        if isinstance(event, Thawed):
            shutil.rmtree(self.folder)

    monkeypatch.setattr(Run, "log", log_and_lose)
    with pytest.raises(RunError, match="No such file"):
        launch.execute(run)
    shutil.rmtree(run.folder, ignore_errors=True)
    assert not run.is_held() and not run.folder.exists(), "a look must not bring the folder back"


def test_a_full_disk_is_told_in_a_sentence(run: Run, workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    from studio.training import room

    def full(*_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(room, "IN_MEMORY", 0)
    monkeypatch.setattr(os, "posix_fallocate", full, raising=False)
    full_run = Store(workspace).create(run.recipe.amended({"freeze.strategy": "full"}))
    launch.execute(full_run)
    failure = full_run.progress().failure
    assert failure and "No space left" in failure.sentence and "room" in failure.remedy


def test_looking_at_a_run_is_not_taken_for_training_it(run: Run) -> None:
    seen = []

    def look() -> None:
        seen.extend(Run(run.folder).is_held() for _ in range(200))

    lookers = [threading.Thread(target=look) for _ in range(8)]
    for looker in lookers:
        looker.start()
    for looker in lookers:
        looker.join()
    assert not any(seen)


@pytest.mark.parametrize("end", [Finished(False, 2, 1, 0.1, 0.2, 0.9, 50.0, 10.0, "best.safetensors"), None])
def test_a_run_that_begins_or_ends_under_the_eye_is_not_called_interrupted(
    run: Run, monkeypatch: pytest.MonkeyPatch, end: Finished | None
) -> None:
    looks: list[bool] = []

    def look(self: Run) -> bool:
        if not looks:
            self.log(end or Prepared("Waking the engine", 0, 0))
        looks.append(True)
        return len(looks) > 1

    monkeypatch.setattr(Run, "is_held", look)
    assert run.progress().status == ("finished" if end else "preparing")


def test_a_failure_reaches_whoever_looks(workspace: Workspace, tmp_path: Path) -> None:
    run = Store(workspace).create(tiny(tmp_path / "gone"))
    launch.execute(run)
    failure = run.progress().failure
    assert failure and "gone" in failure.details and failure.remedy and run.progress().status == "failed"


def test_a_fault_nobody_foresaw_is_told_with_details(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    import studio.training.train as engine

    monkeypatch.setattr(engine, "make_ready", lambda *_: 1 / 0)
    launch.execute(run)
    failure = run.progress().failure
    assert failure and "ZeroDivisionError" in failure.sentence and "Traceback" in failure.details


def test_an_ended_run_is_not_started_again(run: Run) -> None:
    launch.execute(run)
    with pytest.raises(RunError, match="has ended"):
        launch.start(run)


def test_a_run_whose_process_died_is_interrupted(run: Run) -> None:
    run.log(Prepared("Waking the engine", 0, 0))
    assert run.progress().status == "interrupted"
    with run.lock().acquire():
        assert Run(run.folder).progress().status == "preparing"


def test_an_interrupted_run_is_not_trained_into_the_same_history(run: Run) -> None:
    run.log(Prepared("Waking the engine", 0, 0))
    with pytest.raises(RunError, match="was interrupted"):
        launch.start(run)
    assert len(run.events()) == 1 and not run.is_held()


def test_a_torn_last_line_is_left_for_the_next_look_and_damage_is_told(run: Run) -> None:
    run.log(Warned("one", at=1.0))
    journal = run.folder / "events.jsonl"
    with journal.open("ab") as file:
        file.write(b'{"event": "War')
    assert len(run.events()) == 1
    with journal.open("ab") as file:
        file.write(b'ned", "at": 2, "sentence": "two", "pictures": []}\n\xff\xfe not json\n')
    assert [event.sentence for event in run.events() if isinstance(event, Warned)] == ["one", "two"]
    assert any("could not be read" in warning.sentence for warning in run.progress().warnings)


def test_runs_are_listed_newest_first_found_by_name_renamed_and_deleted(workspace: Workspace) -> None:
    store = Store(workspace)
    recipe = Recipe(name="Cats & dogs").amended({"data.source": "x"})
    first = store.create(recipe)
    os.rename(first.folder, first.folder.with_name("20200101-000000-old"))
    second = store.create(recipe)
    second.rename("My <b>best</b>")
    assert [run.id for run in store.all()] == [second.id, "20200101-000000-old"]
    assert store.get("My <b>best</b>").id == second.id and store.get("2020").id == "20200101-000000-old"
    store.delete(second.id)
    assert len(store.all()) == 1
    with pytest.raises(RunError):
        store.get(second.id)


@pytest.mark.parametrize("id", ["", "..", "../x", "/etc", "a/b", "nothing", "\x00"])
def test_an_id_never_leads_out_of_the_store(workspace: Workspace, id: str) -> None:
    with pytest.raises(RunError):
        Store(workspace).get(id)


def test_a_run_in_training_is_not_deleted(run: Run, workspace: Workspace) -> None:
    with run.lock().acquire(), pytest.raises(RunError, match="Stop it first"):
        Store(workspace).delete(run.id)


def test_a_recipe_with_problems_makes_no_run(workspace: Workspace) -> None:
    with pytest.raises(RecipeError):
        Store(workspace).create(Recipe())
    assert Store(workspace).all() == []


def test_a_damaged_recipe_is_named(run: Run) -> None:
    (run.folder / "recipe.toml").write_text("]]")
    with pytest.raises(RunError, match=r"recipe\.toml"):
        _ = Run(run.folder).recipe


STARTED = Started("b", "CPU", ["a", "b"], ["s0", "s1"], 0, 10, 10, 80, 20, 32, 10, 20, at=0.0)


def validated(epoch: int, accuracy: float, at: float) -> Validated:
    return Validated(epoch, epoch * 20, 1.0 / epoch, 0.5, 1.0 / epoch, accuracy, 1e-3, 100.0, 2.0, at=at)


def test_time_left_follows_the_pace_since_the_last_thaw() -> None:
    recipe = Recipe().amended({"schedule.epochs": 10, "freeze.strategy": "two-phase", "freeze.head_epochs": 1})
    events = [STARTED, Thawed(1, 2, ["s0", "s1"], [], 5, at=10.0), validated(1, 0.5, 11.0)]
    assert Progress.of(events, recipe, held=True).seconds_left is None  # what thaws will be slower: not known yet
    events += [Thawed(2, 0, [], ["s0", "s1"], 10, at=11.0), validated(2, 0.6, 16.0), validated(3, 0.4, 21.0)]
    progress = Progress.of(events, recipe, held=True)
    assert progress.seconds_left == pytest.approx(35.0)
    assert progress.best_epoch == 2 and progress.val_accuracy == 0.6 and progress.share_done == pytest.approx(0.3)


def test_what_a_watcher_gets_stays_small_and_keeps_its_peaks() -> None:
    steps = [
        Stepped(1 + n // 100_000, n + 1, 99.0 if n == 123_456 else 0.5, 0.5, 1e-3, 10.0, at=float(n))
        for n in range(0, 300_000, 3)
    ]
    epochs = [validated(n + 1, 0.5, float(n)) for n in range(5000)]
    notes = [Noted(f"{n:03} " + "x" * 5000) for n in range(100)]
    payload = Progress.of([STARTED, *notes, *steps, *epochs], Recipe(), held=True).as_dict()
    import json

    assert len(json.dumps(payload, allow_nan=False)) < 50_000
    assert max(payload["curve"]["train_loss"]) == 99.0
    assert payload["history"]["epoch"][-1] == 5000


def test_a_short_curve_is_not_thinned() -> None:
    progress = Progress.of([STARTED, *(validated(n, 0.5, n) for n in range(1, 9))], Recipe(), held=True)
    assert len(thinned(progress.history)) == 8


def test_how_a_run_saves_time_is_told_once_in_order_and_not_without_end() -> None:
    many = [Noted(f"note {n}") for n in range(30)]
    progress = Progress.of([STARTED, Noted("b"), Noted("a"), Noted("b"), *many], Recipe(), held=True)
    assert progress.notes[:3] == ["b", "a", "note 0"] and not progress.warnings
    assert progress.as_dict()["notes"] == progress.notes[:20]
    assert Progress.of([STARTED], Recipe(), held=True).as_dict()["notes"] == []


def test_failed_and_finished_are_said_in_words() -> None:
    failed = Progress.of([Failed("Disk full.", "Make room.")], Recipe(), held=False)
    assert failed.status == "failed" and "Disk full." in failed.sentence
    both = Progress.of([Failed("Disk full."), Failed("Connection closed by peer.")], Recipe(), held=False)
    assert both.failure and both.failure.sentence == "Disk full."
    done = Finished(False, 3, 2, 0.1, 0.2, 0.987, 50.0, 10.0, "best.safetensors")
    assert "98.7 %" in Progress.of([done], Recipe(), held=False).sentence


def test_two_runs_of_one_second_that_draw_the_same_letters_are_two(
    workspace: Workspace, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = iter(["aaaa", "aaaa", "bbbb"])
    monkeypatch.setattr("studio.runs.store.secrets.token_hex", lambda _: next(drawn))
    monkeypatch.setattr("studio.runs.store.datetime", type("Clock", (), {"now": lambda: datetime(2026, 1, 2)}))
    store, recipe = Store(workspace), tiny(pictures())
    assert store.create(recipe).id.endswith("aaaa") and store.create(recipe).id.endswith("bbbb")
