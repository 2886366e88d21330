"""A folder of pictures becomes a Dataset."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from studio.checks import check

__all__ = ["check"]


def __getattr__(name: str) -> Any:
    """`from studio.data import check`: the one door that leads upward, opened only by whoever asks for it."""
    if name == "check":
        from studio.checks import check

        return check
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
