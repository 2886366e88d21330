"""The parameters of a transform, read from its own schema, narrowed to what makes sense on a slider."""

import inspect
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from studio.augment.catalogue import transform
from studio.errors import RecipeError
from studio.recipe import StepChoice

Kind = Literal["number", "range", "choice", "switch"]
_EDGES = ((4, "its mirror image"), (1, "its edge drawn out"), (3, "its other side"), (0, "black"))
_AT_LEAST = {"convert_to_1plus_range": 1.0, "convert_to_0plus_range": 0.0, "process_non_negative_range": 0.0}


@dataclass(frozen=True)
class Parameter:
    """What a form draws for one parameter, and what a value of it must obey.

    A number or a range (a pair, the lower end first) lies within `lower` and `upper`, in multiples of `step`; `whole`
    takes whole numbers only and `odd` odd ones. A choice is one of `options`, each a value and its words. `neutral` is
    where it changes nothing; None where the strength leaves it alone. `twice` gives the transform the number as a pair.
    """

    name: str
    label: str
    kind: Kind
    default: Any
    lower: float = -math.inf
    upper: float = math.inf
    step: float = 1.0
    whole: bool = False
    odd: bool = False
    neutral: float | None = None
    options: tuple[tuple[Any, str], ...] = ()
    twice: bool = False

    def checked(self, value: Any, owner: str) -> Any:
        """`value` as the transform takes it. Raises RecipeError where it is of another kind or out of bounds."""
        if self.kind == "switch":
            fits = isinstance(value, bool)
        elif self.kind == "choice":
            fits = any(
                value == option and isinstance(value, bool) == isinstance(option, bool) for option in self._values
            )
        elif self.kind == "range":
            fits = isinstance(value, tuple | list) and len(value) == 2 and all(map(self._fits, value))
            fits = fits and value[0] <= value[1]
        else:
            fits = self._fits(value)
        if not fits:
            raise RecipeError(f"{owner}: {self.name} is {value!r:.60}.", f"It should be {self.wanted}.")
        return tuple(map(self._number, value)) if self.kind == "range" else self._number(value)

    @property
    def _values(self) -> list[Any]:
        return [value for value, _ in self.options]

    def _fits(self, end: Any) -> bool:
        if isinstance(end, bool) or not isinstance(end, int | float) or not self.lower <= end <= self.upper:
            return False
        return not (self.whole and end != int(end)) and not (self.odd and int(end) % 2 == 0)

    def _number(self, value: Any) -> Any:
        if self.kind == "choice":
            return next(option for option in self._values if option == value)
        return value if self.kind == "switch" else int(value) if self.whole else float(value)

    @property
    def wanted(self) -> str:
        """What a value should be, in words."""
        if self.kind == "switch":
            return "true or false"
        if self.kind == "choice":
            return f"one of {', '.join(map(repr, self._values))}"
        number = "odd whole number" if self.odd else "whole number" if self.whole else "number"
        bounds = f"from {self.lower:g} to {self.upper:g}"
        return f"two {number}s {bounds}, the lower one first" if self.kind == "range" else f"one {number} {bounds}"

    def scaled(self, value: Any, strength: float) -> Any:
        """`value` so many times as far from what changes nothing, within the bounds."""
        if self.neutral is None:
            return value
        return (
            tuple(self._moved(end, strength) for end in value) if self.kind == "range" else self._moved(value, strength)
        )

    def _moved(self, end: float, strength: float) -> float:
        assert self.neutral is not None
        moved = min(max(self.neutral + (end - self.neutral) * strength, self.lower), self.upper)
        if self.odd:
            return int(min(max(round((moved - 1) / 2) * 2 + 1, self.lower), self.upper))
        return round(moved) if self.whole else moved


@cache
def parameters(name: str) -> tuple[Parameter, ...]:
    """What a form draws for the transform of this name. Raises RecipeError where the catalogue has none."""
    sliders = transform(name).sliders
    import albumentations as A

    kind = getattr(A, name)
    defaults = inspect.signature(kind.__init__).parameters
    fields = kind.InitSchema.model_fields if sliders else {}
    return tuple(_parameter(part, fields[part], defaults[part].default, words) for part, words in sliders.items())


def _parameter(name: str, field: Any, default: Any, words: Mapping[str, Any]) -> Parameter:
    label, options = words["label"], _options(name, field.annotation, words)
    if options:
        values = [value for value, _ in options]
        start = words.get("start", default if default in values else values[0])
        return Parameter(name, label, "choice", start, options=options)
    if field.annotation is bool:
        return Parameter(name, label, "switch", words.get("start", default))
    whole, pair = _shape(field)
    twice = words.get("twice", False)
    start = words.get("start", default[0] if twice and isinstance(default, tuple) else default)
    if pair and not twice:
        start = tuple(start) if isinstance(start, tuple | list) else (start, start)
    least, most = _bounds(field)
    one = int if whole else float
    lower, upper = one(max(words["lower"], least)), one(min(words["upper"], most))
    start = tuple(map(one, start)) if isinstance(start, tuple) else one(start)
    neutral = None if words.get("tied") else words.get("neutral")
    step = 2 if words.get("odd") else 1 if whole else 10.0 ** math.floor(math.log10((upper - lower) / 50))
    is_range = pair and not twice
    return Parameter(
        name, label, "range" if is_range else "number", start, lower, upper, step, whole, words.get("odd", False),
        neutral, (), twice,
    )  # fmt: skip


def _options(name: str, annotation: Any, words: Mapping[str, Any]) -> tuple[tuple[Any, str], ...]:
    if "options" in words:
        return tuple((value, said) for value, said in words["options"])
    allowed = get_args(annotation) if get_origin(annotation) is Literal else ()
    if name == "border_mode":
        return tuple((value, said) for value, said in _EDGES if value in allowed)
    return tuple((value, str(value).replace("_", " ")) for value in allowed)


def _parts(annotation: Any) -> Iterator[Any]:
    """The members of a union, of unions within it too; without what is annotated on them."""
    if get_origin(annotation) in (Union, UnionType):
        for part in get_args(annotation):
            yield from _parts(part)
    else:
        yield annotation


def _shape(field: Any) -> tuple[bool, bool]:
    """Whether a parameter takes whole numbers only, and whether it takes a pair of them."""
    parts = list(_parts(field.annotation))
    pairs = [get_args(part) for part in parts if get_origin(part) is tuple and len(get_args(part)) == 2]
    pairs = [pair for pair in pairs if pair[1] is not Ellipsis]
    numbers = [end for pair in pairs for end in pair] if pairs else [part for part in parts if part in (int, float)]
    rounded = any(getattr(getattr(rule, "func", None), "__name__", "") == "float2int" for rule in field.metadata)
    return rounded or float not in numbers, bool(pairs)


def _bounds(field: Any) -> tuple[float, float]:
    """The outermost values that a field's own rules admit; the open ends count as in."""
    lower, upper = -math.inf, math.inf
    for rule in field.metadata:
        called = getattr(rule, "func", None)
        known = inspect.getclosurevars(called).nonlocals if inspect.isfunction(called) else {}
        ends = [getattr(rule, "ge", None), getattr(rule, "gt", None), known.get("min_val")]
        ends.append(_AT_LEAST.get(getattr(called, "__name__", "")))
        tops = [getattr(rule, "le", None), getattr(rule, "lt", None), known.get("max_val")]
        lower = max([lower, *(end for end in ends if end is not None)])
        upper = min([upper, *(end for end in tops if end is not None)])
    return lower, upper


def fresh(name: str) -> StepChoice:
    """A new step of this transform as the catalogue has it: always for a crop, else for every other picture."""
    defaults = {each.name: each.default for each in parameters(name)}
    return StepChoice(transform=name, p=1.0 if transform(name).crop else 0.5, params=defaults)


def complete(step: StepChoice) -> StepChoice:
    """The step with every parameter said. Raises RecipeError naming what is unknown, or not what it should be."""
    known = {each.name: each for each in parameters(step.transform)}
    title = transform(step.transform).title
    if unknown := [name for name in step.params if name not in known]:
        offered = f"It has {', '.join(known)}." if known else "It has none."
        raise RecipeError(f"{title} ({step.transform}) has no parameter {unknown[0]!r:.60}.", offered)
    if transform(step.transform).crop and step.p != 1:
        raise RecipeError(
            f"{title} is applied to a share of {step.p:g} only, which leaves pictures of different sizes.",
            "A step that crops is always applied: set p to 1.",
        )
    owner = f"{title} ({step.transform})"
    params = {name: each.checked(step.params.get(name, each.default), owner) for name, each in known.items()}
    return StepChoice(transform=step.transform, on=step.on, p=step.p, params=params)


def scaled(step: StepChoice, strength: float) -> StepChoice:
    """A complete step so many times as strong: applied so many times as often, and going so many times as far."""
    if strength == 1:
        return step
    params = {each.name: each.scaled(step.params[each.name], strength) for each in parameters(step.transform)}
    p = 1.0 if transform(step.transform).crop else min(1.0, step.p * strength)
    return StepChoice(transform=step.transform, on=step.on, p=p, params=params)
