"""The pictures all ways are given: a copy with the studio's own split beside it, as a table of path,label,split."""

import csv
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from studio.data.dataset import Sample
from studio.data.demo import digits
from studio.recipe import Recipe
from studio.training.prepare import load_data
from studio.workspace import Workspace


@dataclass(frozen=True)
class Pictures:
    """`table` lies in `root`, so that the studio, too, reads the split from it: nobody has to make one on the clock."""

    root: Path
    table: Path
    samples: tuple[Sample, ...]

    @property
    def job(self) -> dict[str, str]:
        """What every way is told of the pictures."""
        return {"root": str(self.root), "split_csv": str(self.table)}

    def count(self, side: str) -> int:
        return sum(sample.split == side for sample in self.samples)

    def some(self, train: int, val: int) -> "Pictures":
        """So many of them, classes as even as can be: for what takes minutes an epoch."""
        labels = sorted({sample.label for sample in self.samples})
        chosen = []
        for side, wanted in (("train", train), ("val", val)):
            each = -(-wanted // len(labels))
            for label in labels:
                chosen += [s for s in self.samples if s.split == side and s.label == label][:each]
        return _listed(self.root, f"split-{train}-{val}.csv", tuple(chosen))


def photographs(folder: Path) -> Pictures:
    """The class folders that THAW_BENCH_PICTURES names, copied to `folder`."""
    source = os.environ.get("THAW_BENCH_PICTURES")
    if not source:
        pytest.skip("THAW_BENCH_PICTURES is not set: name a folder of photographs in class folders.")
    return _laid_out(source, folder)


def scanned_digits(folder: Path) -> Pictures:
    """scikit-learn's digits as the studio's demo lays them out."""
    return _laid_out(str(digits(Workspace.at(folder / "workspace"))), folder / "digits")


def _laid_out(source: str, folder: Path) -> Pictures:
    dataset = load_data(Recipe().amended({"data.source": source}), Workspace.at(folder.with_name("split")))
    for sample in dataset.samples:
        copy = folder / sample.path
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(dataset.file(sample), copy)
    return _listed(folder, "split.csv", dataset.samples)


def _listed(root: Path, name: str, samples: tuple[Sample, ...]) -> Pictures:
    with (root / name).open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(("path", "label", "split"))
        table.writerows((sample.path, sample.label, sample.split) for sample in samples)
    return Pictures(root, root / name, samples)
