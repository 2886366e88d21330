"""A Dataset: pictures with labels, where they lie, and what was set aside on the way in."""

import hashlib
import json
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

from studio.data.decisions import Decision, Groups

Split = Literal["train", "val", "test"]
BY_YOU = "Set aside by you."  # the reason of a file that a person decided not to use


@dataclass(frozen=True)
class Sample:
    """One picture: `path` relative to the dataset's root (forward slashes), its label, its split if it has one."""

    path: str
    label: str
    split: Split | None = None


@dataclass(frozen=True)
class SetAside:
    """A file that is not used, and why, in words. `unreadable`: it was meant to be a picture but cannot be one."""

    path: str
    reason: str
    unreadable: bool = False


@dataclass(frozen=True)
class Dataset:
    """Pictures under `root`. Samples stand in the order of their paths; nothing under `root` is ever changed.

    `decided` are the decisions that hold here, `alike` groups of near copies (paths), as the last check found them;
    `as_read` is the dataset before that, None where neither is known.
    """

    root: Path
    samples: tuple[Sample, ...]
    set_aside: tuple[SetAside, ...] = ()
    decided: tuple[Decision, ...] = ()
    alike: Groups = ()
    as_read: "Dataset | None" = field(default=None, compare=False, repr=False)

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """The labels, sorted; a class's position here is its index everywhere."""
        return tuple(sorted({sample.label for sample in self.samples}))

    def counts(self) -> dict[str, int]:
        """Pictures per class, in the order of `classes`."""
        counted = Counter(sample.label for sample in self.samples)
        return {name: counted[name] for name in self.classes}

    def split(self, name: Split) -> tuple[Sample, ...]:
        """The samples of one split."""
        return tuple(sample for sample in self.samples if sample.split == name)

    def file(self, sample: Sample) -> Path:
        """Where the picture lies on disk."""
        return self.root / sample.path

    def reasons(self) -> dict[str, int]:
        """Why files were set aside, and how many for each reason, the most frequent first."""
        return dict(Counter(item.reason for item in self.set_aside).most_common())

    @cached_property
    def copies(self) -> tuple[tuple[Sample, ...], ...]:
        """Groups of pictures that are the same file, byte for byte. The first use reads files of equal size."""
        from studio.data.copies import exact_copies, still_there

        return still_there(self.as_read.copies, self) if self.as_read else exact_copies(self)

    @cached_property
    def fingerprint(self) -> str:
        """32 hex digits that change when any picture, label, split or decision does.

        Pictures by path, size and time of change; decisions by what they say, whenever they were made.
        """
        digest = hashlib.blake2b(digest_size=16)
        for sample in self.samples:
            try:
                stat = self.file(sample).stat()
                state = (stat.st_size, stat.st_mtime_ns)
            except OSError:
                state = None
            digest.update(json.dumps([sample.path, sample.label, sample.split, state]).encode())
        for one in self.decided:
            digest.update(json.dumps(["decided", one.path, one.action, one.label, one.check]).encode())
        return digest.hexdigest()
