"""The studio against what a person would take instead: `make bench`, or `pytest ... -k` for one row of the table.

Same pictures, same split, same network and weights, one machine, in turns; medians are compared and nothing passes or
fails by a clock. The peers run in an environment of their own (peers/environment.py), every run in a process of its
own, ours in a workspace of its own with nothing in it; imports are not counted, building the network and reading the
pictures are. THAW_BENCH_PICTURES names the photographs, THAW_BENCH_ROUNDS the turns (3), THAW_BENCH_ENV the peers'
environment, THAW_BENCH_WORKERS the worker processes of each peer's loader (4, as the tutorial and timm have it),
THAW_BENCH_PATIENCE the seconds after which a peer begins no further epoch (an hour).
"""

import os
from collections.abc import Callable, Iterator
from functools import cache
from statistics import median
from typing import Any

import pytest

from studio.recipe import DEFAULT_BACKBONE
from tests.bench.peers.pictures import Pictures, photographs, scanned_digits
from tests.bench.peers.turns import Outcome, Row, Table, in_turns, run

SEEDS = range(5)
GIVE_UP = 10  # epochs after which a peer has lost
PATIENCE = float(os.environ.get("THAW_BENCH_PATIENCE", "3600"))  # seconds after which it begins no further epoch
BEFORE_CONV_HEAD = ["conv_stem", "bn1", "blocks"]
BEFORE_BLOCKS_6 = ["conv_stem", "bn1", *(f"blocks.{number}" for number in range(6))]
Get = Callable[[str], Pictures]


@pytest.fixture(scope="module")
def table() -> Iterator[Table]:
    """What this session measured, told as one Markdown table at the end."""
    rows = Table()
    yield rows
    if rows.rows:
        print(rows)


@pytest.fixture(scope="module")
def get(tmp_path_factory: pytest.TempPathFactory) -> Get:
    """`get("photographs")` or `get("digits")`, laid out once."""
    makers = {"photographs": photographs, "digits": scanned_digits}
    return cache(lambda name: makers[name](tmp_path_factory.mktemp("bench") / name))


@pytest.fixture(scope="module")
def plateau(get: Get) -> Callable[[str, int], float]:
    """The accuracy that counts as learnt: the median over five seeds of our best, less one held-back picture."""

    def measured(name: str, size: int) -> float:
        pictures = get(name)
        ours = [run("ours", {**pictures.job, "size": size, "seed": seed}).accuracy for seed in SEEDS]
        print(f"\n{name} at {size} px, our best accuracy by seed: {', '.join(f'{best:.4f}' for best in ours)}")
        return median(ours) - 1 / pictures.count("val") - 1e-6  # fastai's accuracy is a float32

    return cache(measured)


def wins(found: dict[str, list[Outcome]]) -> str:
    """How many runs of each way reached what was asked, and how far they came."""
    return "; ".join(
        f"{way} reached it in {sum(outcome.reached for outcome in outcomes)} of {len(outcomes)}, "
        f"median best {median(outcome.accuracy for outcome in outcomes):.4f} "
        f"after {median(len(outcome.epochs) for outcome in outcomes):g} epochs"
        for way, outcomes in found.items()
    )


def depth_before(stage: str) -> int:
    """How many stages stay frozen where this one is the first to learn."""
    from studio.model.stages import stages
    from studio.model.weights import build

    names = [found.name for found in stages(build(DEFAULT_BACKBONE, 2, pretrained=False))]
    if stage not in names:
        pytest.skip(f"The studio has no stage that begins with {stage}: it has {', '.join(names)}.")
    return names.index(stage)


@pytest.mark.parametrize(
    ("peer", "asked_of_photographs", "asked_of_digits"),
    [("tutorial", 15, 40), ("fastai_fine_tune", 10, 20), ("timm_loop", 10, 20)],
)
@pytest.mark.parametrize(("name", "size"), [("photographs", 224), ("digits", 224), ("digits", 64)])
def bench_the_whole_job(
    name: str,
    size: int,
    peer: str,
    asked_of_photographs: float,
    asked_of_digits: float,
    get: Get,
    plateau: Callable[[str, int], float],
    table: Table,
) -> None:
    """From pictures to the plateau of the head. Peers stop the moment they are there; ours runs all its epochs."""
    pictures = get(name)
    aim = plateau(name, size)
    job: dict[str, Any] = {**pictures.job, "size": size, "stop_at": aim}
    found = in_turns(**{"ours": job, peer: {**job, "epochs": GIVE_UP, "seconds_at_most": PATIENCE}})
    asked = asked_of_digits if name == "digits" else asked_of_photographs
    what = f"whole job to {aim:.4f}, {pictures.count('train')} + {pictures.count('val')} {name}, {size} px"
    table.add(Row.of(what, found, asked, lambda outcome: outcome.seconds, "s", wins(found)))


@pytest.mark.parametrize(("preset", "epochs", "asked"), [("none", 8, 500), ("standard", 3, 5)])
def bench_steady_epochs_of_the_head(preset: str, epochs: int, asked: float, get: Get, table: Table) -> None:
    """Epochs after the first, validation included. The tutorial always varies its pictures; `standard` does more."""
    pictures = get("photographs")
    ours = {**pictures.job, "recipe": {"augment.preset": preset, "schedule.epochs": epochs}}
    found = in_turns(ours=ours, tutorial={**pictures.job, "epochs": 2})
    what = f"an epoch of the head, augmentation {preset}, validation included"
    table.add(Row.of(what, found, asked, lambda outcome: outcome.steady_epoch, "s"))


@pytest.mark.parametrize(
    ("thawed", "frozen", "asked"), [("conv_head", BEFORE_CONV_HEAD, 15), ("blocks.6", BEFORE_BLOCKS_6, 9)]
)
def bench_the_last_stage_thawed(thawed: str, frozen: list[str], asked: float, get: Get, table: Table) -> None:
    """Training steps alone. `thawed` is the first stage that learns, `frozen` what lies before it, by name."""
    pictures = get("photographs")
    depth = depth_before(thawed)
    recipe = {"freeze.strategy": "full", "freeze.depth": depth, "schedule.epochs": 4}
    peer = {**pictures.job, "depth": frozen, "steps_at_most": 20}
    found = in_turns(ours={**pictures.job, "recipe": recipe}, tutorial=peer)
    what = f"{thawed} and up thawed, augmentation none"
    table.add(Row.of(what, found, asked, lambda outcome: outcome.steady_pace, "pictures/s"))


def bench_everything_learns(get: Get, table: Table) -> None:
    """Training steps alone, on fewer pictures: an epoch of the tutorial's would take minutes."""
    pictures = get("photographs").some(train=256, val=32)
    recipe = {"freeze.strategy": "full", "freeze.depth": 0, "schedule.epochs": 2}
    peer = {**pictures.job, "depth": "none", "steps_at_most": 5}
    found = in_turns(ours={**pictures.job, "recipe": recipe}, tutorial=peer)
    table.add(Row.of("everything learns", found, 6, lambda outcome: outcome.steady_pace, "pictures/s"))
