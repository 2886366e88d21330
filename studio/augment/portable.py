"""A pipeline on its way out and in: albumentations' own serialization, and Python that runs by itself.

A file from elsewhere names transforms and gives numbers. It is read as data: only transforms of the catalogue are
admitted, by name and within their bounds, and nothing in it is ever executed or looked up.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from studio.augment.catalogue import CATALOGUE, transform
from studio.augment.parameters import complete, parameters
from studio.augment.pipeline import Pipeline, arguments, build
from studio.errors import RecipeError
from studio.recipe import StepChoice

MOST_BYTES = 64 * 1024
MOST_STEPS = 32
_LISTS = ("Compose", "Sequential")
_NOT_FOR_PICTURES = frozenset(
    {
        "mask_interpolation",
        "fill_mask",
        "keypoint_remapping_method",
        "mask_drop_value",
        "size",
        "height",
        "width",
        "mask",
    }
)
_DONE_HERE = {"Normalize", "ToTensorV2", "ToTensor3D", "ToFloat", "Resize", "LongestMaxSize", "SmallestMaxSize"}
_KINDS = ("OneOf", "SomeOf", "RandomOrder", "OneOrOther", "SelectiveChannelTransform", "ReplayCompose")


def to_json(pipeline: Pipeline) -> str:
    """The pipeline as `albumentations.save` writes it, at its strength; `albumentations.load` reads it."""
    import albumentations as A

    composed = A.Compose([build(step, pipeline.size) for step in pipeline.steps])
    return json.dumps(A.to_dict(composed), indent=2)


def from_json(text: str | bytes) -> tuple[StepChoice, ...]:
    """The steps of a pipeline that albumentations serialized. Raises RecipeError naming the first thing refused.

    At most 64 KiB and 32 steps. A crop takes the model's size, whatever the file says; what concerns masks, boxes and
    keypoints is passed over. A crop to the centre alone is left out: every pipeline without a crop ends in one.
    """
    if len(text) > MOST_BYTES:
        raise _refused("The file is too long for a pipeline", f"At most {MOST_BYTES // 1024} KiB are read.")
    try:
        tree = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _refused("This is no JSON document", "Save the pipeline with albumentations.save(...).") from error
    found = tree.get("transform", tree) if isinstance(tree, dict) else None
    if not isinstance(found, dict):
        raise _refused("There is no pipeline in this file", "Save one with albumentations.save(...).")
    many = found.get("transforms") if _name(found) in _LISTS else [found]
    if not isinstance(many, list) or len(many) > MOST_STEPS:
        raise _refused("The pipeline is no list of steps", f"At most {MOST_STEPS} steps are read.")
    if found.get("p", 1.0) != 1.0:
        raise _refused("The pipeline as a whole is applied to a share of the pictures", "Set its p to 1.")
    steps = [_step(each) for each in many]
    return tuple(step for place, step in enumerate(steps) if step.transform != "CenterCrop" or place < len(steps) - 1)


def _refused(what: str, remedy: str) -> RecipeError:
    return RecipeError(f"{what}.", remedy)


def _name(tree: Mapping[str, Any]) -> str:
    """The name that a serialized step goes by, without the module that older editions wrote before it."""
    name = tree.get("__class_fullname__")
    if not isinstance(name, str):
        raise _refused("A step in this file has no name", "Save the pipeline with albumentations.save(...).")
    return name.rpartition(".")[2] if name.startswith("albumentations.") else name


def _step(tree: Any) -> StepChoice:
    if not isinstance(tree, dict):
        raise _refused(f"A step in this file is {str(tree)!r:.60}", "Save the pipeline with albumentations.save(...).")
    name = _name(tree)
    if name in _DONE_HERE:
        raise _refused(
            f"The file holds the step {name}", "Take it out: the studio does this itself, for each backbone."
        )
    if name in (*_LISTS, *_KINDS):
        raise _refused(f"The file holds {name}, a list within the list", "Write its steps one after the other.")
    if name not in CATALOGUE:
        raise _refused(f"The file holds the step {name!r:.60}, which is not in the catalogue", "Take it out.")
    p = tree.get("p", 0.5)
    if isinstance(p, bool) or not isinstance(p, int | float) or not 0 <= p <= 1:
        raise _refused(f"{name}: p is {p!r:.60}", "It should be a number from 0 to 1.")
    known = {each.name: each for each in parameters(name)}
    given = {part: _plain(value) for part, value in tree.items() if part in known and value is not None}
    for part, value in given.items():
        if known[part].twice and isinstance(value, tuple) and value[0] == value[-1]:
            given[part] = value[0]
    given = {
        part: known[part].checked(_pair(known[part].kind, value), f"{transform(name).title} ({name})")
        for part, value in given.items()
    }
    step = complete(StepChoice(transform=name, p=p, params=given))
    _refuse_others(step, {part: value for part, value in tree.items() if part not in known})
    return step


def _pair(kind: str, value: Any) -> Any:
    """A range that was written as one number, as some schemas keep it."""
    return (value, value) if kind == "range" and isinstance(value, int | float) else value


def _plain(value: Any) -> Any:
    """A value as the studio writes it: lists as tuples, and {"x": a, "y": a} as a."""
    if isinstance(value, dict) and value.keys() == {"x", "y"} and value["x"] == value["y"]:
        value = value["x"]
    return tuple(value) if isinstance(value, list) else value


def _refuse_others(step: StepChoice, others: Mapping[str, Any]) -> None:
    """Raises RecipeError for a parameter that the catalogue does not offer, and that would change the pixels."""
    usual = json.loads(json.dumps(build(step, 32).to_dict()))["transform"]
    for part, value in others.items():
        if part in _NOT_FOR_PICTURES or part in ("__class_fullname__", "p", "strict", "always_apply"):
            continue
        same = part in usual and _plain(usual[part]) == _plain(value)
        if not same:
            raise _refused(
                f"{step.transform}: the parameter {part!r:.60} cannot be {value!r:.60} here",
                f"Leave it out, or give it {usual[part]!r:.60}." if part in usual else "Leave it out.",
            )


def to_python(pipeline: Pipeline) -> str:
    """The pipeline at its strength as Python that runs by itself, beside albumentations 2.0.8."""
    lines = [f"    A.{step.transform}({_arguments(step, pipeline.size)})," for step in pipeline.steps]
    return "\n".join(
        [
            "import albumentations as A  # 2.0.8",
            "",
            f"# For pictures in RGB, uint8, with sides of at least {pipeline.size}: pipeline(image=picture)['image']",
            "pipeline = A.Compose([",
            *lines,
            "])",
            "",
        ]
    )


def _arguments(step: StepChoice, size: int) -> str:
    given: Sequence[tuple[str, Any]] = [*arguments(step, size).items(), ("p", step.p)]
    return ", ".join(f"{name}={value!r}" for name, value in given)
