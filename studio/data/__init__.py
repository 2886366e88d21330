"""A folder of pictures becomes a Dataset."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from studio.data.checks import check

__all__ = ["check"]


def __getattr__(name: str) -> Any:
    """`from studio.data import check` works without every import of a neighbour paying for it."""
    if name == "check":
        from studio.data.checks import check

        return check
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
