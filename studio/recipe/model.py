"""Which pictures, which network to start from, and the new head that is put on it."""

from typing import Literal

from pydantic import Field

from studio.recipe.section import DEFAULT_BACKBONE, Section

Start = Literal["published", "file", "scratch"]


class DataChoice(Section):
    source: str = Field(default="", description="The folder, zip file or CSV table with the pictures.")
    val_share: float = Field(
        default=0.2,
        gt=0,
        lt=0.9,
        description="Share of the pictures held back to measure accuracy, where the dataset has no split of its own.",
    )


class ModelChoice(Section):
    backbone: str = Field(
        default=DEFAULT_BACKBONE,
        min_length=1,
        max_length=120,
        description="The timm network to start from; after a full stop, which weights.",
    )
    pretrained: bool = Field(default=True, description="Start from weights that have already seen many pictures.")
    weights: str = Field(
        default="",
        max_length=4096,
        description="A .safetensors or .pth file on this computer with weights of your own for this backbone; empty: "
        "the published ones.",
    )
    image_size: int | None = Field(
        default=None,
        ge=16,
        le=1024,
        description="Side in pixels of the square the model sees; empty means the size the backbone was made for.",
    )

    @property
    def start(self) -> Start:
        """What it begins with: published weights, a file of one's own, or numbers by chance."""
        return "file" if self.weights else "published" if self.pretrained else "scratch"


class HeadChoice(Section):
    """The new last part, which tells the classes apart by what the backbone saw."""

    kind: Literal["linear", "mlp"] = Field(
        default="linear",
        description="linear: one layer, from what the backbone sees straight to the classes. mlp: a hidden layer "
        "between, which can bend the borders between classes and needs more pictures.",
    )
    hidden: int = Field(default=256, ge=8, le=8192, description="How many numbers the hidden layer has (mlp only).")
    dropout: float = Field(
        default=0.0,
        ge=0,
        le=0.9,
        description="Share of what the head is given that is left out at random while it learns, so that it relies on "
        "no single number.",
    )
    activation: Literal["relu", "gelu", "silu", "tanh"] = Field(
        default="relu", description="What bends the hidden layer's numbers (mlp only)."
    )
    pooling: Literal["", "avg", "max", "avgmax", "gem", "attention"] = Field(
        default="",
        description="How what is seen at each place becomes one answer for the whole picture: avg takes the mean, max "
        "the strongest, avgmax both, gem a mean that leans to the strong, attention learns where to look. Empty: as "
        "the backbone was made.",
    )
