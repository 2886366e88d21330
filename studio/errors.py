"""The errors a person can read: what is wrong, where, and what to do about it."""

from pathlib import Path


class StudioError(Exception):
    """A fault that is explained in one sentence.

    `what` says what is wrong, `remedy` what to do about it, `where` names the file or field, if there is one.
    `str(error)` is all of it as one readable line.
    """

    def __init__(self, what: str, remedy: str = "", where: str | Path | None = None) -> None:
        self.what, self.remedy, self.where = what, remedy, None if where is None else str(where)
        super().__init__(what, remedy, where)

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where and self.where not in self.what else ""
        return " ".join(part for part in (f"{place}{self.what}", self.remedy) if part)


class DataError(StudioError):
    """A folder, archive or table that cannot become a dataset."""


class PictureError(DataError):
    """One file that cannot be opened as a picture."""


class RecipeError(StudioError):
    """A recipe that cannot be read, or that holds values out of bounds."""


class BackboneError(StudioError):
    """A backbone that does not exist, or that cannot be used the way the recipe asks."""


class WeightsError(StudioError):
    """Pretrained weights that cannot be had."""


class RunError(StudioError):
    """A run that cannot be found, started or read."""
