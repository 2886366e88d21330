"""What holds at each step of a run: its length, its highest rate, how deep it is frozen; and changes of that."""

from dataclasses import dataclass, field

from studio.recipe import Recipe, Steer
from studio.training.wishes import Wishes


@dataclass
class Schedule:
    """The recipe's plan, as steered so far. Updates are counted from 0, epochs from 1.

    `recipe` is the recipe with the highest rate and the number of epochs that hold now, `applied` every change so far.
    More epochs stretch the curve of the rate: from the change on it is that of a run planned with so many.
    """

    recipe: Recipe
    stages: int
    steps_per_epoch: int
    applied: list[Steer] = field(default_factory=list)
    _depth: int | None = None

    @property
    def epochs(self) -> int:
        return self.recipe.schedule.epochs

    @property
    def steps(self) -> int:
        """Updates in the whole run."""
        return self.epochs * self.steps_per_epoch

    def epoch(self, step: int) -> int:
        """The epoch that update `step` belongs to."""
        return step // self.steps_per_epoch + 1

    def depth(self, epoch: int) -> int:
        """Frozen stages in an epoch, if nobody asks for anything else until then."""
        return self.recipe.freeze.depth_at(epoch, self.stages) if self._depth is None else self._depth

    def planned(self, epoch: int) -> list[int]:
        """The depths from an epoch on, in their order and each once, if nobody asks for anything else."""
        phases = self.recipe.freeze.phases(max(self.epochs, epoch), self.stages)
        depths = [phase.depth for phase in phases if phase.last >= epoch] if self._depth is None else [self._depth]
        return list(dict.fromkeys(depths))

    def due(self, step: int) -> list[Steer]:
        """The recipe's own changes that are to be made before update `step`, and were not made yet."""
        return [change for change in self.recipe.steering if change.step <= step and change not in self.applied]

    def wanted(self, wishes: Wishes, step: int, epoch: int) -> Steer | None:
        """The change before update `step` that would fulfil these wishes; None where all is so already."""
        if wishes.depth is wishes.lr is wishes.epochs is None:
            return None
        depth = None if wishes.depth is None else min(wishes.depth, self.stages)
        epochs = None if wishes.epochs is None else max(wishes.epochs, epoch)
        change = Steer(
            step=step,
            depth=None if depth == self.depth(epoch) else depth,
            lr=None if wishes.lr == self.recipe.optimizer.lr else wishes.lr,
            epochs=None if epochs == self.epochs else epochs,
        )
        return change if change != Steer(step=step) else None

    def steer(self, change: Steer) -> None:
        """From now on it is so."""
        self.applied.append(change)
        if change.depth is not None:
            self._depth = min(change.depth, self.stages)
        asked = {"optimizer.lr": change.lr, "schedule.epochs": change.epochs}
        self.recipe = self.recipe.amended({name: value for name, value in asked.items() if value is not None})
