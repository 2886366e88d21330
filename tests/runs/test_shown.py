"""What a watching page is sent: small, cheap, with its peaks, and with what changed in the middle of a run."""

import json
import time
from pathlib import Path

import pytest

from studio.recipe import Recipe
from studio.runs import journal
from studio.runs.curve import Curve
from studio.runs.marks import Mark, marks
from studio.runs.progress import Progress
from studio.runs.run import Run
from studio.runs.store import Store
from studio.training.events import (
    Event,
    Finished,
    Paused,
    Resumed,
    Saved,
    Started,
    Steered,
    Stepped,
    Thawed,
    Tried,
    Validated,
    to_json,
)
from studio.workspace import Workspace

STAGES = ["stem", "a", "b"]
STARTED = Started("b", "CPU", ["ant", "bee", "=cat"], STAGES, 3, 10, 10, 80, 20, 32, 4, 10, at=0.0)
FROZEN = Thawed(1, 3, STAGES, [], 10, 0, at=0.0)


@pytest.fixture
def run(workspace: Workspace) -> Run:
    return Store(workspace).create(Recipe.from_toml("[data]\nsource = '/somewhere'"))


def moment(step: int, loss: float = 0.5, epoch: int = 1) -> Stepped:
    return Stepped(epoch, step, loss, 0.51234567, 1.23456789e-6, 1234.5678, at=float(step))


def validated(epoch: int, at: float, shares: list[float | None] | None = None) -> Validated:
    return Validated(epoch, epoch * 10, 1 / epoch, 0.5, 1 / epoch, 0.5, 1e-3, 100.0, 2.0, shares, at=at)


def folded(*events: Event, held: bool = True) -> Progress:
    return Progress.of([STARTED, FROZEN, *events], Recipe(), held=held)


def write(run: Run, events: list[Event]) -> None:
    with (run.folder / "events.jsonl").open("a") as file:
        file.writelines(to_json(event) + "\n" for event in events)


# ---- how much is sent, and what it costs


def test_a_run_of_a_million_steps_is_told_in_less_than_50_kb() -> None:
    classes = [f"a class with quite a long name, number {n}" for n in range(400)]
    started = Started("b", "CPU", classes, [f"stage{n}" for n in range(40)], 3, 10, 10, 80, 20, 32, 1000, 1000, at=0.0)
    events: list[Event] = [started, FROZEN]
    for epoch in range(1, 1001):
        events += [moment(epoch * 1000 - 1000 + n, 0.123456 + n, epoch) for n in range(0, 1000, 10)]
        events.append(
            Validated(
                epoch, epoch * 1000, 0.31234567, 0.5, 0.7654321, 0.512345, 1.23e-5, 123.4567, 2.0, [0.12345] * 400
            )
        )
        events += [Tried(epoch, f"a-long-name-of-a-picture-{n}.jpg", [0.0123456] * 400) for n in range(8)]
        events.append(Steered(epoch, epoch * 1000, lr=1e-5))
    shown = Progress.of(events, Recipe(), held=True).as_dict()
    assert len(json.dumps(shown, allow_nan=False)) < 50_000
    assert len(shown["classes"]["names"]) == 12 and len(shown["pins"]) == 8 and len(shown["marks"]) == 40
    assert shown["history"]["epoch"][-1] == 1000 and shown["curve"]["epoch"][-1] == pytest.approx(999.99)
    assert shown["curve"]["lr"][0] == 1.2346e-06, "a small rate is not zero"


def test_another_look_at_half_a_million_moments_costs_less_than_20_ms(run: Run) -> None:
    write(run, [STARTED, FROZEN])
    line = to_json(moment(123_456)).replace("123456,", "%d,").replace("123456.0", "%d.0")
    with (run.folder / "events.jsonl").open("a") as file:
        file.writelines(f"{line % (step, step)}\n" for step in range(1, 500_001))
    with run.lock():
        run.progress().as_dict()
        costs = []
        for n in range(20):
            run.log(moment(500_001 + n))
            began = time.thread_time()
            shown = run.progress().as_dict()
            costs.append(time.thread_time() - began)
    assert shown["step"] == 500_020
    assert sorted(costs)[10] < 0.02, f"{1000 * sorted(costs)[10]:.1f} ms"


def test_what_is_kept_of_a_curve_does_not_grow_and_keeps_every_peak() -> None:
    curve, most = Curve(), 0
    peaks = {77: 9.0, 123_456: 8.0, 199_999: -1.0}
    for step in range(1, 300_001):
        curve.add(moment(step, peaks.get(step, 0.5)))
        most = max(most, len(curve._stretches))
    kept = list(curve)
    assert most <= 513 and len(kept) <= 1026
    assert {moment.step for moment in kept} >= {*peaks, 300_000}
    assert [moment.step for moment in kept] == sorted({moment.step for moment in kept})


def test_a_curve_can_be_taken_back_and_goes_on_from_there() -> None:
    curve = Curve()
    for step in range(1, 2001):
        curve.add(moment(step))
    before = curve.copy()
    curve.undo(500)
    assert max(moment.step for moment in curve) <= 500
    for step in range(501, 701):
        curve.add(moment(step))
    steps = [moment.step for moment in curve]
    assert steps == sorted(steps) and steps[-1] == 700
    assert [moment.step for moment in before][-1] == 2000, "a copy stays as it was"


# ---- a journal is read on


def test_a_look_reads_only_what_is_new(run: Run) -> None:
    run.log(STARTED)
    follower = journal.Follower(run.folder / "events.jsonl")
    assert list(follower.fresh()) == [STARTED] and list(follower.fresh()) == []
    run.log(FROZEN)
    with (run.folder / "events.jsonl").open("ab") as file:
        file.write(b"no event\n" + to_json(moment(1)).encode())
    assert list(follower.fresh()) == [FROZEN] and follower.damaged == 1
    with (run.folder / "events.jsonl").open("ab") as file:
        file.write(b"\n")
    assert list(follower.fresh()) == [moment(1)]


def test_a_journal_that_was_written_anew_is_read_anew(run: Run) -> None:
    write(run, [STARTED, FROZEN, moment(1), moment(2)])
    assert run.progress().step == 2
    other = run.folder / "other"
    other.write_text("".join(to_json(event) + "\n" for event in (STARTED, FROZEN, moment(1))))
    other.replace(run.folder / "events.jsonl")
    assert run.progress().step == 1
    (run.folder / "events.jsonl").unlink()
    assert run.progress().status == "created"


def test_a_progress_that_was_given_away_does_not_change(run: Run) -> None:
    write(run, [STARTED, FROZEN, moment(1), validated(1, 10.0)])
    before = run.progress()
    write(run, [moment(11), validated(2, 20.0), Resumed(1, 10, again=True)])
    assert [event.step for event in run.progress().stepped] == [1] and len(run.progress().validated) == 1
    assert (len(before.validated), before.step, len(before.pauses)) == (1, 10, 0)


def test_the_folded_run_is_the_same_as_one_folded_at_once(run: Run) -> None:
    events = [STARTED, FROZEN, moment(5), validated(1, 10.0), Paused(1, 10, at=11.0), Resumed(1, 10, at=31.0)]
    events += [moment(15), Resumed(1, 10, again=True, at=100.0), moment(12), validated(2, 120.0)]
    with run.lock():
        for event in events:
            run.log(event)
            run.progress()
        assert run.progress().as_dict() == Progress.of(events, run.recipe, held=True).as_dict()


# ---- what changed in the middle


def told(progress: Progress) -> list[tuple[int, str, str]]:
    return [(mark.step, mark.label, mark.sentence) for mark in marks(progress)]


def test_a_thaw_of_the_plan_and_one_by_hand_are_told_apart() -> None:
    planned = Thawed(2, 1, STAGES[:1], STAGES[1:], 20, 10, at=10.0)
    by_hand = [Steered(2, 14, depth=0, at=14.0), Thawed(2, 0, [], STAGES, 30, 14, at=14.0)]
    deeper = Thawed(3, 2, STAGES[:2], STAGES[2:], 20, 20, at=20.0)
    assert told(folded(planned, *by_hand, deeper)) == [
        (10, "thaw", "Thawed after epoch 1: the head and the last 2 of 3 stages (a, b) learn."),
        (14, "thaw", "Thawed by hand in epoch 2, after step 14: everything, the head and all 3 stages, learns."),
        (20, "freeze", "More was frozen after epoch 2: the head and the last of 3 stages (b) learn."),
    ]


def test_a_thaw_in_an_old_journal_is_where_its_epoch_began() -> None:
    assert [mark.step for mark in marks(folded(Thawed(3, 0, [], STAGES, 30, at=20.0)))] == [20]


def test_what_a_person_changed_is_told() -> None:
    progress = folded(Steered(1, 5, lr=1e-4, epochs=12, at=5.0))
    assert told(progress) == [
        (5, "rate 0.0001", "The learning rate became 0.0001 in epoch 1, after step 5."),
        (5, "12 epochs", "The run was given 12 epochs in all in epoch 1, after step 5."),
    ]
    assert (progress.lr, progress.epochs, progress.steps) == (1e-4, 12, 120)


def test_pauses_and_interruptions_are_told_and_do_not_count_as_training() -> None:
    events = [moment(10), Paused(1, 10, at=10.0), Saved("state", "last.safetensors", 1, at=10.5)]
    assert folded(*events).status == "paused"
    later = Stepped(2, 20, 0.5, 0.5, 1e-3, 10.0, at=80.0)
    progress = folded(*events, Resumed(1, 10, at=75.0), later, Resumed(1, 10, again=True, at=200.0))
    assert told(progress) == [
        (10, "pause", "Paused after epoch 1 for 1 min 5 s."),
        (10, "went on", "Taken up again after epoch 1, 2 min 0 s after it had ended."),
    ]
    assert progress.seconds == pytest.approx(200 - 65 - 120)


def test_what_was_undone_is_neither_drawn_nor_marked() -> None:
    late = [moment(35), Steered(4, 36, lr=1.0), Paused(4, 37), Finished(True, 4, 3, 0.1, 0.1, 0.9, 1.0, 1.0, "best")]
    progress = folded(moment(9), validated(1, 10.0), validated(3, 30.0), *late, Resumed(1, 10, again=True, at=90.0))
    assert progress.finished is None and progress.lr == Recipe().optimizer.lr
    assert [mark.label for mark in marks(progress)] == ["went on"]
    assert (progress.step, progress.epoch, progress.best_epoch, progress.val_accuracy) == (10, 1, 1, 0.5)


def test_an_early_stop_is_marked() -> None:
    early = Finished(False, 2, 1, 0.5, 0.5, 0.5, 100.0, 2.0, "best.safetensors", early=True)
    [mark] = marks(folded(validated(2, 20.0), early, held=False))
    assert isinstance(mark, Mark) and (mark.step, mark.label) == (20, "early stop")


def test_the_worst_classes_are_told_by_name() -> None:
    shown = folded(validated(1, 10.0, [0.1, 0.2, 0.3]), validated(2, 20.0, [0.9, None, 0.4])).as_dict()
    assert shown["classes"]["names"] == ["=cat", "ant"] and shown["classes"]["of"] == 3
    assert shown["classes"]["accuracy"] == [[0.3, 0.4], [0.1, 0.9]]
    assert folded(validated(1, 10.0)).as_dict()["classes"] is None


def test_a_pinned_picture_is_told_with_its_likeliest_classes() -> None:
    tried = [Tried(1, "x.png", [0.7, 0.2, 0.1]), Tried(2, "x.png", [0.1, 0.3, 0.6])]
    [pin] = folded(*tried).as_dict()["pins"]
    assert pin == {
        "picture": "x.png",
        "epoch": [1, 2],
        "names": ["=cat", "bee", "ant"],
        "chances": [[0.1, 0.6], [0.2, 0.3], [0.7, 0.1]],
    }


def test_a_long_trace_and_long_paths_cannot_blow_up_what_is_sent(tmp_path: Path) -> None:
    from studio.training.events import Failed, Warned

    events = [Failed("It broke.", "Mend it.", "x" * 500_000), *(Warned("y" * 10_000) for _ in range(50))]
    assert len(json.dumps(folded(*events).as_dict())) < 50_000
