"""One update of the weights, in as many pieces as the device's memory asks for."""

from collections import Counter
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

import torch
from torch import nn
from torch.nn import functional as F

from studio.errors import StudioError
from studio.model.heap import whole_pieces
from studio.training import optimize
from studio.training.ema import Average
from studio.training.losses import Criterion
from studio.training.prepare import Job
from studio.training.sources import Batch
from studio.training.sums import Sums


@dataclass
class Update:
    """Moves the weights by one batch, and after them their running mean, if the recipe wants one (`average`).

    Where the device has too little memory the batch is halved, and halved again: the gradients of its pieces add up to
    the batch's own, so the recipe keeps its meaning.

    (Only BatchNorm statistics that learn are those of a piece, not of the batch.)
    """

    job: Job
    rule: torch.optim.Optimizer
    pieces: int = 1
    average: Average | None = field(default=None, init=False)
    _told: list[str] = field(default_factory=list)
    _takes_chances: bool = False
    settled: bool = False  # else what the next one settles, and keeps, is not to lie between what later ones let go of
    _criterion: Criterion = field(init=False)

    def __post_init__(self) -> None:
        job, decay = self.job, self.job.recipe.optimizer.ema
        counts = Counter(sample.label for sample in job.dataset.split("train"))
        self._criterion = Criterion.of(job.recipe, counts, job.dataset.classes, job.world.device)
        self.average = Average(job.model, decay) if decay is not None else None
        self._takes_chances = any(_is_by_chance(module) for module in self.job.model.modules())

    def __call__(self, module: nn.Module, batch: Batch, step: int, depth: int) -> Sums:
        """The sums of this batch, update number `step`, with `depth` stages frozen.

        Raises StudioError where not even one picture fits.
        """
        with nullcontext() if self.settled else whole_pieces():
            sums = self._fitted(module, batch, step, depth)
        self.settled = True
        self.job.world.mean_gradients(self.job.model.parameters())
        self._move(step)
        return sums

    def _fitted(self, module: nn.Module, batch: Batch, step: int, depth: int) -> Sums:
        """The gradients of a batch, in as many pieces as it takes."""
        while True:
            try:
                return self._gradients(module, batch, step, depth)
            except RuntimeError as error:
                if not _no_memory(error) or self.job.world.size > 1:
                    raise
                self._halve(len(batch[1]), error)

    def _move(self, step: int) -> None:
        """Change the weights by their gradients, as the recipe's optimizer section says."""
        longest = self.job.recipe.optimizer.clip
        if longest is not None:
            learning = [tensor for group in self.rule.param_groups for tensor in group["params"]]
            nn.utils.clip_grad_norm_(learning, longest)
        self.rule.step()
        optimize.shrink(self.rule, self.job.recipe)
        if self.average is not None:
            self.average.update(step)

    def follow(self) -> None:
        """Other parameters learn from here on: the running mean is one of them, too."""
        self.settled = False
        if self.average is not None:
            self.average.follow()

    def measuring(self) -> AbstractContextManager:
        """In here the network has the weights that are measured and kept: their running mean, if there is one."""
        return nullcontext() if self.average is None else self.average.shown()

    def told(self) -> list[str]:
        """What a person should know of, once."""
        told, self._told = self._told, []
        return told

    def _gradients(self, module: nn.Module, batch: Batch, step: int, depth: int) -> Sums:
        inputs, labels = batch
        if self._takes_chances:  # then the number of the step decides what chance does in it
            self._seed(self.job.recipe.seed * 1_000_003 + step)
        self.rule.zero_grad(set_to_none=True)
        sums = Sums()
        pieces = [tensor.chunk(self.pieces) for tensor in (*inputs, labels)]
        for *some, right_ones in zip(*pieces, strict=True):
            with self.job.learning(depth):
                outputs = module(*some).float()
            loss = self._criterion(outputs, right_ones)
            (loss * (len(right_ones) / len(labels)) if self.pieces > 1 else loss).backward()
            largest = right_ones if right_ones.ndim == 1 else right_ones.argmax(dim=1)  # of a mixed picture's classes
            right = (outputs.detach().argmax(dim=1) == largest).sum()
            sums.add(Sums(len(right_ones), self._told_of(loss, outputs, right_ones) * len(right_ones), right))
        return sums

    def _seed(self, number: int) -> None:
        """`torch.manual_seed`, which on a CPU writes down for other devices who called: 0.1 to 0.3 ms a step."""
        if self.job.world.device.type == "cpu":
            torch.default_generator.manual_seed(number)
        else:
            torch.manual_seed(number)

    def _told_of(self, loss: torch.Tensor, outputs: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """The loss that is shown: a cross-entropy, whatever is made smaller, to be compared with the held-back one."""
        return loss.detach() if self._criterion.is_plain else F.cross_entropy(outputs.detach(), labels)

    def _halve(self, pictures: int, error: RuntimeError) -> None:
        if self.pieces >= pictures:
            raise StudioError(
                "The device has too little memory for even one picture.",
                "Choose smaller pictures, a smaller backbone, or freeze more of it.",
            ) from error
        self.pieces *= 2
        self.rule.zero_grad(set_to_none=True)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        self._told.append(
            f"The device has too little memory for {pictures} pictures at once, so each batch is computed in "
            f"{self.pieces} pieces. The recipe means the same; an epoch takes a little longer."
        )


def _is_by_chance(module: nn.Module) -> bool:
    """Whether a module drops something at random while it learns."""
    return any(getattr(module, name, None) for name in ("p", "drop_prob", "drop_rate"))


def _no_memory(error: RuntimeError) -> bool:
    """Whether a device, or the computer, ran out of memory."""
    words = str(error)
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in words or "out of memory" in words
