"""Which stages stay as they are, when the others begin to learn, and at which share of the rate."""

from collections.abc import Sequence
from typing import Literal, NamedTuple, Self

from pydantic import Field

from studio.recipe.section import ALL_FROZEN, Section


class ThawAt(Section):
    """From an epoch on, so many stages are frozen."""

    epoch: int = Field(ge=1, le=10_000, description="The epoch, counted from 1, from which on this holds.")
    depth: int = Field(ge=0, le=ALL_FROZEN, description="How many stages, counted from the input, are frozen then.")


class Phase(NamedTuple):
    """Epochs in a row, from `first` to `last` (both counted in), in which so many stages are frozen."""

    first: int
    last: int
    depth: int


class FreezePlan(Section):
    """Which stages stay as they are, and when the others begin to learn."""

    strategy: Literal["head", "two-phase", "gradual", "full", "custom"] = Field(
        default="head",
        description="head: only the new last layer learns. two-phase: first the head, then the thawed stages "
        "too, at a lower rate. gradual: first the head, then one stage after the other. full: everything learns from "
        "the start. custom: as thaws says.",
    )
    depth: int | None = Field(
        default=None,
        ge=0,
        le=ALL_FROZEN,
        description="How many stages, counted from the input, stay "
        "frozen. 0: all learn; empty: all stay frozen (head), or none in the end (two-phase, gradual, full).",
    )
    head_epochs: int = Field(
        default=2, ge=1, le=1000, description="Epochs of the head alone before a two-phase or gradual run thaws."
    )
    every: int = Field(default=1, ge=1, le=1000, description="A gradual run thaws one stage more every so many epochs.")
    thaw_lr_factor: float = Field(
        default=0.1, gt=0, le=1, description="The thawed stages learn at this share of the head's rate."
    )
    layer_decay: float = Field(
        default=1.0,
        gt=0,
        le=1,
        description="Each stage further from the head learns at this share of the next one's rate, so that what is "
        "most general changes least. 1: all thawed stages learn at the same rate.",
    )
    thaws: tuple[ThawAt, ...] = Field(
        default=(),
        max_length=100,
        description="For the strategy custom: from which epoch on how many stages are frozen. Before the first of "
        "them the head learns alone.",
    )

    @classmethod
    def head_only(cls) -> Self:
        return cls(strategy="head")

    @classmethod
    def two_phase(cls, depth: int = 0, head_epochs: int = 2) -> Self:
        return cls(strategy="two-phase", depth=depth, head_epochs=head_epochs)

    @classmethod
    def gradual(cls, depth: int = 0, head_epochs: int = 2, every: int = 1) -> Self:
        return cls(strategy="gradual", depth=depth, head_epochs=head_epochs, every=every)

    @classmethod
    def everything(cls) -> Self:
        return cls(strategy="full", depth=0)

    @classmethod
    def from_scratch(cls) -> Self:
        """Everything learns at the full rate: there is nothing yet that a lower one would keep."""
        return cls(strategy="full", depth=0, thaw_lr_factor=1.0)

    def depth_at(self, epoch: int, stages: int = ALL_FROZEN) -> int:
        """Frozen stages during `epoch` (counted from 1), of a backbone that has so many."""
        return min(self._planned(epoch, stages), stages)

    def _planned(self, epoch: int, stages: int) -> int:
        if self.strategy == "custom":
            held = [thaw for thaw in self.thaws if thaw.epoch <= epoch]
            return max(held, key=lambda thaw: thaw.epoch).depth if held else ALL_FROZEN
        if self.strategy in ("two-phase", "gradual") and epoch <= self.head_epochs:
            return ALL_FROZEN
        if self.strategy == "gradual":
            thawed = (epoch - self.head_epochs - 1) // self.every + 1
            return max(self.final_depth, stages - thawed)
        return self.final_depth

    @property
    def final_depth(self) -> int:
        """Stages that stay frozen throughout; ALL_FROZEN if only the head ever learns."""
        if self.strategy == "custom":
            return min((thaw.depth for thaw in self.thaws), default=ALL_FROZEN)
        return ALL_FROZEN if self.strategy == "head" else self.depth or 0

    def phases(self, epochs: int, stages: int) -> tuple[Phase, ...]:
        """A run of so many epochs on a backbone of so many stages, from one change of the depth to the next."""
        starts = [1]
        for epoch in sorted({epoch for epoch in self._changes(stages) if 1 < epoch <= epochs}):
            if self.depth_at(epoch, stages) != self.depth_at(starts[-1], stages):
                starts.append(epoch)
        ends = [start - 1 for start in starts[1:]] + [epochs]
        return tuple(Phase(first, last, self.depth_at(first, stages)) for first, last in zip(starts, ends, strict=True))

    def _changes(self, stages: int) -> Sequence[int]:
        """The epochs in which the depth may change."""
        if self.strategy == "custom":
            return [thaw.epoch for thaw in self.thaws]
        if self.strategy == "gradual":
            return [self.head_epochs + 1 + self.every * number for number in range(stages)]
        return [self.head_epochs + 1] if self.strategy == "two-phase" else []

    @property
    def thaws_later(self) -> bool:
        """Whether the depth may change in the course of a run."""
        return self.strategy in ("two-phase", "gradual", "custom")

    @property
    def least_epochs(self) -> int:
        """The fewest epochs of a run in which this plan has no problems."""
        if self.strategy == "custom":
            return max((thaw.epoch for thaw in self.thaws), default=1)
        return self.head_epochs + 1 if self.strategy in ("two-phase", "gradual") else 1

    def head_first(self, stages: int) -> bool:
        """Whether the new head begins alone, so that what thaws later thaws under a head that knows something."""
        return self.depth_at(1, stages) >= stages

    def share(self, stage: int, stages: int) -> float:
        """The share of the head's rate at which a thawed stage learns; it is number `stage`, from 0, of so many.

        The last stage learns at `thaw_lr_factor`, each one before it at `layer_decay` times the rate of the next one.
        Source: Howard and Ruder 2018, "Universal Language Model Fine-tuning for Text Classification", section 3.2.
        """
        return self.thaw_lr_factor * self.layer_decay ** (stages - 1 - stage)

    def cautions(self, epochs: int, stages: int, *, pretrained: bool) -> list[str]:
        """Sentences about what is possible but seldom wise, each with its reason; `pretrained`: not begun by chance."""
        found, phases = [], self.phases(epochs, stages)
        frozen, planned = min(phase.depth for phase in phases), min(self.final_depth, stages)
        if pretrained and not self.head_first(stages):
            found.append(
                f"{_stages(stages - phases[0].depth)} from the first update on, under a head that is still random. "
                "What such a head asks for is noise, and it changes what these stages know before the head can use it. "
                "Let the head learn alone for an epoch or two first."
            )
        if not pretrained and frozen:
            found.append(
                f"{frozen} of {_counted(stages)} {'stays' if frozen == 1 else 'stay'} frozen, but this network begins "
                "with random numbers: what is frozen would stay random. Freeze nothing, or start from weights that "
                "have learnt before."
            )
        if not pretrained and frozen < stages and self.thaw_lr_factor < 1:
            found.append(
                f"The stages learn at {self.thaw_lr_factor:g} times the head's rate, which protects what a network "
                "knows. This one begins with random numbers, and would only learn more slowly: as a comparison with "
                "transfer that is unfair. Let them learn at the full rate (a share of 1)."
            )
        if frozen > planned:
            found.append(
                f"The run ends after {'1 epoch' if epochs == 1 else f'{epochs} epochs'}, when {_counted(frozen)} "
                f"{'is' if frozen == 1 else 'are'} still frozen instead of {planned}. "
                "Choose more epochs, or thaw sooner."
            )
        return found

    def problems(self, epochs: int) -> list[str]:
        """Sentences about what does not go together in a run of so many epochs."""
        found = []
        if self.strategy in ("two-phase", "gradual") and self.head_epochs >= epochs:
            found.append(
                f"freeze.head_epochs: the head alone takes {self.head_epochs} of "
                f"{epochs} epochs, so nothing would ever thaw. Choose fewer, or more epochs."
            )
        if self.strategy == "head" and self.depth not in (None, ALL_FROZEN):
            found.append(
                f"freeze.depth: with the strategy head every stage stays frozen, so a depth of "
                f"{self.depth} has no effect. Choose two-phase or full, or leave the depth empty."
            )
        if self.layer_decay < 1 and self.strategy == "head":
            found.append(
                "freeze.layer_decay: with the strategy head no stage learns, so none can learn at less than the next "
                "one's rate. Choose another strategy, or 1."
            )
        return found + self._problems_of_thaws(epochs)

    def _problems_of_thaws(self, epochs: int) -> list[str]:
        if self.strategy != "custom":
            unused = "freeze.thaws: they hold for the strategy custom alone. Choose it, or take them out."
            return [unused] if self.thaws else []
        if not self.thaws:
            return ["freeze.thaws: the strategy custom needs at least one epoch from which on something thaws."]
        found, numbers = [], [thaw.epoch for thaw in self.thaws]
        if len(set(numbers)) < len(numbers):
            found.append("freeze.thaws: an epoch stands there twice, and only one depth can hold from it on.")
        if late := [number for number in sorted(set(numbers)) if number > epochs]:
            found.append(
                f"freeze.thaws: epoch {late[0]} never comes in a run of {epochs} epochs. Choose an earlier one, or "
                "more epochs."
            )
        if self.depth is not None:
            found.append("freeze.depth: the strategy custom takes its depths from freeze.thaws. Leave the depth empty.")
        return found


def _counted(stages: int) -> str:
    return "1 stage" if stages == 1 else f"{stages} stages"


def _stages(count: int) -> str:
    return "One stage learns" if count == 1 else f"{count} stages learn"
