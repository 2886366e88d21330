"""What a person asks of a run while it goes."""

from collections.abc import Callable
from dataclasses import astuple, dataclass

_NOTHING = -1.0


@dataclass(frozen=True)
class Wishes:
    """What is asked at this moment; None means as it is.

    `depth` is how many stages shall stay frozen, `lr` the highest learning rate, `epochs` how many epochs in all.
    """

    stop: bool = False
    pause: bool = False
    depth: int | None = None
    lr: float | None = None
    epochs: int | None = None

    def as_numbers(self) -> list[float]:
        """As numbers that processes can compare: the highest wish counts, and -1 is none."""
        return [_NOTHING if value is None else float(value) for value in astuple(self)]

    @classmethod
    def of_numbers(cls, numbers: list[float]) -> "Wishes":
        stop, pause, depth, lr, epochs = (None if number == _NOTHING else number for number in numbers)
        whole = [None if number is None else int(number) for number in (depth, epochs)]
        return cls(bool(stop), bool(pause), whole[0], lr, whole[1])


Asked = Callable[[], Wishes]
