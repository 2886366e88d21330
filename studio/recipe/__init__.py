"""The recipe: everything that decides the result of a run, and nothing about the machine it runs on.

A recipe is a frozen value. Every bound is declared once, here; the forms, the command line and TOML files all
go through `amended` and hear of all problems at once.
"""

from studio.recipe.augment import AugmentChoice, ParameterName, StepChoice, Value
from studio.recipe.freeze import FreezePlan, Phase, ThawAt
from studio.recipe.learn import EngineChoice, LossChoice, OptimizerChoice, ScheduleChoice, Steer
from studio.recipe.model import DataChoice, HeadChoice, ModelChoice, Start
from studio.recipe.optimizers import OPTIMIZERS
from studio.recipe.section import ALL_FROZEN, DEFAULT_BACKBONE, Section
from studio.recipe.whole import Recipe, fields

__all__ = [
    "ALL_FROZEN",
    "DEFAULT_BACKBONE",
    "OPTIMIZERS",
    "AugmentChoice",
    "DataChoice",
    "EngineChoice",
    "FreezePlan",
    "HeadChoice",
    "LossChoice",
    "ModelChoice",
    "OptimizerChoice",
    "ParameterName",
    "Phase",
    "Recipe",
    "ScheduleChoice",
    "Section",
    "Start",
    "Steer",
    "StepChoice",
    "ThawAt",
    "Value",
    "fields",
]
