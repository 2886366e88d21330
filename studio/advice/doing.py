"""What advice tells of itself while it is being measured."""

import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Doing:
    """What is being done, in words; `done` of `total` tell how far it is, 0 of 0 where nobody knows."""

    what: str
    done: int = 0
    total: int = 0


class Clock:
    """A budget of seconds, from now on."""

    def __init__(self, budget: float) -> None:
        self.budget = budget
        self._began = time.monotonic()

    @property
    def spent(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self._began

    @property
    def left(self) -> float:
        """Seconds that are left of the budget; negative when it is overdrawn."""
        return self.budget - self.spent

    def doing(self, what: str) -> Doing:
        """What is being done, as far along as the budget is spent."""
        return Doing(what, min(round(self.spent * 10), round(self.budget * 10)), round(self.budget * 10))
