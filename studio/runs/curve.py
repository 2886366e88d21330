"""The moments within epochs, thinned as they come: a bounded number of them, with every peak, however long the run."""

from collections.abc import Iterator

from studio.training.events import Stepped

_STRETCHES = 512  # kept at the most: a run of 1,000,000 steps is then told in stretches of 2,048 steps


class Curve:
    """Of each stretch of steps the moment with the lowest and the one with the highest loss, and the newest of all.

    When there are too many stretches two become one, so what a moment costs does not grow with the run.
    """

    def __init__(self) -> None:
        self._width = 1
        self._stretches: dict[int, tuple[Stepped, Stepped]] = {}
        self._newest: Stepped | None = None

    def add(self, moment: Stepped) -> None:
        self._newest = moment
        self._put(moment)
        while len(self._stretches) > _STRETCHES:
            self._widen()

    def undo(self, step: int) -> None:
        """Forget what came after `step`."""
        kept = [moment for moment in self if moment.step <= step]
        self._stretches, self._newest = {}, kept[-1] if kept else None
        for moment in kept:
            self._put(moment)

    def copy(self) -> "Curve":
        other = Curve()
        other._width, other._stretches, other._newest = self._width, dict(self._stretches), self._newest
        return other

    def __iter__(self) -> Iterator[Stepped]:
        """The moments that are kept, in order."""
        last = None
        for low, high in self._stretches.values():
            for moment in (low, high) if low.step < high.step else (high, low):
                if moment is not last:
                    yield moment
                last = moment
        if self._newest is not None and self._newest is not last and (last is None or self._newest.step > last.step):
            yield self._newest

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _put(self, moment: Stepped) -> None:
        stretch = moment.step // self._width
        low, high = self._stretches.get(stretch, (moment, moment))
        self._stretches[stretch] = min(low, moment, key=_loss), max(high, moment, key=_loss)

    def _widen(self) -> None:
        before, self._stretches = self._stretches, {}
        self._width *= 2
        for pair in before.values():
            for moment in pair:
                self._put(moment)


def _loss(moment: Stepped) -> float:
    return moment.train_loss or 0.0
