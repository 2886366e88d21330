"""How a model learns: what counts as an error, the rule that corrects it, and how the rate moves over the run."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from studio.recipe.optimizers import OPTIMIZERS
from studio.recipe.section import ALL_FROZEN, Section


def _known(name: str) -> str:
    if name not in OPTIMIZERS:
        raise PydanticCustomError("optimizer", "Should be an optimizer that timm has, such as adamw, sgd, adam or lion")
    return name


class LossChoice(Section):
    """What counts as an error, and how much."""

    kind: Literal["cross-entropy", "focal", "bce"] = Field(
        default="cross-entropy",
        description="How an error is counted. cross-entropy: the less the right class is believed, the more. focal: "
        "pictures that are easy already count less. bce: each class is asked for by itself, yes or no.",
    )
    focal_gamma: float = Field(
        default=2.0, ge=0, le=10, description="How much less easy pictures count (focal only). 0: not at all."
    )
    balance: Literal["none", "weights", "sampling"] = Field(
        default="none",
        description="What is done where one class has many more pictures than another. weights: errors in rare "
        "classes count more. sampling: pictures of rare classes are shown more often.",
    )


class OptimizerChoice(Section):
    name: Annotated[str, AfterValidator(_known)] = Field(
        default="adamw", max_length=40, description="The rule that turns errors into changes of the weights."
    )
    lr: float = Field(default=3e-3, gt=0, le=10, description="Learning rate: how large each change is, at its highest.")
    weight_decay: float = Field(
        default=0.01, ge=0, le=1, description="How strongly weights are pulled towards zero (never norms and biases)."
    )
    l1: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="By how much, times the rate, each weight moves straight to zero after a change: many end up "
        "exactly there (never norms and biases). 0: not at all.",
    )
    momentum: float = Field(
        default=0.9, ge=0, lt=1, description="How much of the last change carries on (sgd and its kin only)."
    )
    clip: float | None = Field(
        default=None,
        gt=0,
        le=1000,
        description="No change is made from gradients that are together longer than this: they are shortened to it, "
        "so that one odd batch cannot undo much. Empty: never.",
    )
    ema: float | None = Field(
        default=None,
        ge=0.5,
        le=0.99999,
        description="Measure and keep a running mean of the weights instead of the last ones, which is steadier: this "
        "share of it stays at every change (0.99 to 0.9999 are usual). Empty: the weights themselves.",
    )


class ScheduleChoice(Section):
    epochs: int = Field(default=8, ge=1, le=10_000, description="How many times the model sees every training picture.")
    batch_size: int = Field(
        default=32, ge=1, le=4096, description="Pictures looked at before each change of the weights."
    )
    curve: Literal["cosine", "step", "one-cycle", "plateau", "constant"] = Field(
        default="cosine",
        description="How the rate moves after the warm-up. cosine: gently down to zero. step: down at once, every so "
        "many epochs. one-cycle: a long climb, then all the way down, while momentum does the opposite. plateau: down "
        "whenever nothing got better for so many epochs. constant: not at all.",
    )
    step_every: int = Field(
        default=3,
        ge=1,
        le=10_000,
        description="After so many epochs the rate goes down (step), or after so many without anything better "
        "(plateau).",
    )
    step_factor: float = Field(
        default=0.1, gt=0, lt=1, description="What is left of the rate each time it goes down (step and plateau)."
    )
    warmup: float = Field(
        default=0.1,
        ge=0,
        le=0.9,
        description="Share of the run in which the rate climbs to its highest (0.3 is usual for one-cycle).",
    )
    label_smoothing: float = Field(
        default=0.0, ge=0, lt=1, description="Keeps the model from being too sure of itself."
    )
    patience: int = Field(
        default=0,
        ge=0,
        le=10_000,
        description="Stop early when so many epochs in a row brought nothing better. 0: never.",
    )

    def problems(self) -> list[str]:
        """Sentences about what does not go together in how the rate moves."""
        found = []
        if self.curve in ("step", "plateau") and self.step_every >= self.epochs:
            found.append(
                f"schedule.step_every: in a run of {self.epochs} epochs the rate would never go down after "
                f"{self.step_every}. Choose fewer, or more epochs."
            )
        if self.curve == "plateau" and 0 < self.patience <= self.step_every:
            found.append(
                f"schedule.patience: the run would stop after {self.patience} epochs without anything better, before "
                f"the rate goes down after {self.step_every}. Be more patient, or lower schedule.step_every."
            )
        if self.curve == "one-cycle" and self.warmup == 0:
            found.append(
                "schedule.warmup: a one-cycle begins with a climb, and none is left. Choose 0.3, or another curve."
            )
        return found


class Steer(Section):
    """A change in the middle of a run. What is empty stays as it is."""

    step: int = Field(ge=0, description="How many updates of the weights come before the change.")
    depth: int | None = Field(
        default=None, ge=0, le=ALL_FROZEN, description="How many stages stay frozen from here on."
    )
    lr: float | None = Field(default=None, gt=0, le=10, description="The highest learning rate from here on.")
    epochs: int | None = Field(default=None, ge=1, le=10_000, description="How many epochs the run has from here on.")


class EngineChoice(Section):
    cache: Literal["auto", "off"] = Field(
        default="auto",
        description="Keep what the frozen part computes, also for later runs, instead of computing it again.",
    )
    precision: Literal["auto", "float32"] = Field(
        default="auto",
        description="auto: bfloat16 wherever this machine is faster with it and accuracy stays; float32: never.",
    )
    isolated: bool = Field(
        default=False, description="Train in a process of its own, which goes on even if the studio is closed."
    )
