"""How pictures are varied while the model learns: a preset, or steps of one's own."""

from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator
from pydantic_core import PydanticCustomError

from studio.recipe.section import Section


def _parameter(value: Any) -> Any:
    """A value of a transform's parameter: a switch, a number, a word, or a pair of numbers as a tuple."""
    if isinstance(value, bool) or _is_number(value) or (isinstance(value, str) and len(value) <= 40):
        return value
    pair = tuple(value) if isinstance(value, list | tuple) else ()
    if len(pair) == 2 and all(map(_is_number, pair)):
        return pair
    raise PydanticCustomError("parameter", "Should be a number, a pair of numbers, a short word, true or false")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= 1e9


Value = Annotated[bool | int | float | str | tuple[float, float], PlainValidator(_parameter)]
ParameterName = Annotated[str, Field(max_length=40)]


class StepChoice(Section):
    """One step of a pipeline. The parameters that it does not name are as the catalogue has them."""

    transform: str = Field(max_length=40, description="The transform, by its name in the catalogue.")
    on: bool = Field(default=True, description="Switched off, a step stays in the list and does nothing.")
    p: float = Field(default=1.0, ge=0, le=1, description="How often it is applied, as a share of the pictures.")
    params: dict[ParameterName, Value] = Field(default={}, max_length=40, description="Its parameters, by name.")


class AugmentChoice(Section):
    preset: Literal["none", "gentle", "standard", "strong", "documents", "microscopy", "faces", "custom"] = Field(
        default="none",
        description="How much each picture is varied every time the model sees it. custom: by the steps below.",
    )
    steps: tuple[StepChoice, ...] = Field(
        default=(), max_length=32, description="The steps of a custom pipeline, in order; a preset has its own."
    )
    strength: float = Field(
        default=1.0,
        ge=0,
        le=2,
        description="Scales how often steps are applied and how far they go. 1: as written; 0: not at all.",
    )
    mix: Literal["none", "mixup", "cutmix"] = Field(
        default="none",
        description="Mix the pictures of a batch, and their labels alike. mixup: one shines through another; cutmix: "
        "a rectangle of one is laid into another. What the frozen part makes of them cannot be kept then.",
    )
    mix_alpha: float | None = Field(
        default=None,
        gt=0,
        le=8,
        description="How evenly pictures are mixed: the larger, the more often half and half. Empty: as published, "
        "0.2 for mixup and 1 for cutmix.",
    )
    views: int = Field(
        default=0,
        ge=0,
        le=64,
        description="So many fixed variations of each picture, taken in turn: what the frozen part makes of them is "
        "computed once. 0: a new variation every epoch.",
    )

    def variation(self, epoch: int) -> int:
        """The number, from 1, of the variation that `epoch` (counted from 1) shows."""
        return (epoch - 1) % self.views + 1 if self.views else epoch
