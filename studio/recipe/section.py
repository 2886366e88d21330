"""What every part of a recipe is: a frozen value that knows its fields, their bounds and their sentences."""

from pydantic import BaseModel, ConfigDict

DEFAULT_BACKBONE = "tf_efficientnet_lite0"
ALL_FROZEN = 99  # deeper than any backbone has stages: "everything but the head"


class Section(BaseModel):
    """A part of a recipe: frozen, and with no field that it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
