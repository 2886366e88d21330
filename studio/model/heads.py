"""The new head: what of it a person may choose, fitted into whatever place the architecture has for it."""

import copy
from collections import OrderedDict
from collections.abc import Iterator
from typing import cast

from timm.layers.adaptive_avgmax_pool import SelectAdaptivePool2d
from timm.layers.classifier import ClNormMlpClassifierHead
from timm.models.eva import Eva
from timm.models.vision_transformer import VisionTransformer
from torch import nn

from studio.errors import BackboneError
from studio.model.pooling import Kind, Layout, Pooling
from studio.model.stages import head_modules
from studio.recipe import HeadChoice

_ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "gelu": nn.GELU, "silu": nn.SiLU, "tanh": nn.Tanh}
_ON_MAPS = ("avg", "max", "avgmax", "gem", "attention")
_ON_TOKENS = ("avg", "max", "avgmax", "attention")  # tokens are as often below nought as above: gem would halve them
_BY_NAME = ("avg", "max", "avgmax")


def fit_head(model: nn.Module, classes: int, choice: HeadChoice) -> None:
    """Give a network that has a classifier of `classes` outputs the head that was chosen; its backbone stays as it is.

    Raises BackboneError where the architecture has no place for the pooling.
    """
    if choice.pooling:
        _pool(model, classes, choice.pooling)
    if choice.kind == "mlp" or choice.dropout:
        for around, name, last in list(_last_layers(model, classes)):
            setattr(around, name, _layers(last, choice))


def poolings(model: nn.Module) -> tuple[str, ...]:
    """The poolings that can be chosen for this network besides its own."""
    if _select(model) is not None:
        return _ON_MAPS
    if _token_pool(model):
        return _ON_TOKENS
    if _named(model) is not None:
        return _BY_NAME
    return ("avg",) if _takes_mean(model) else ()


def _last_layers(model: nn.Module, classes: int) -> Iterator[tuple[nn.Module, str, nn.Module]]:
    """The layers that say the classes: the module around each, its name there, and the layer."""
    for start in head_modules(model):
        top = model.get_submodule(start)
        inside = {name: part for name, part in top.named_modules() if _outputs(part) == classes}
        by_branch = {name.rpartition(".")[0]: name for name in inside}  # of several in a row the last one
        for name in by_branch.values():
            around, _, leaf = (f"{start}.{name}" if name else start).rpartition(".")
            yield model.get_submodule(around), leaf, inside[name]


def _outputs(layer: nn.Module) -> int | None:
    if isinstance(layer, nn.Linear):
        return layer.out_features
    return layer.out_channels if isinstance(layer, nn.Conv2d) else None


def _layers(last: nn.Module, choice: HeadChoice) -> nn.Sequential:
    """A head in place of one layer: a hidden layer if asked for, dropout if asked for, and the layer at the end."""
    parts: OrderedDict[str, nn.Module] = OrderedDict()
    outputs = cast(int, _outputs(last))
    if choice.kind == "mlp":
        inputs = last.in_channels if isinstance(last, nn.Conv2d) else cast(nn.Linear, last).in_features
        parts["hidden"] = _layer(last, inputs, choice.hidden)
        parts["activation"] = _ACTIVATIONS[choice.activation]()
        last = _layer(last, choice.hidden, outputs)
    if choice.dropout:
        parts["dropout"] = nn.Dropout(choice.dropout)
    parts["last"] = last
    return nn.Sequential(parts)


def _layer(like: nn.Module, inputs: int, outputs: int) -> nn.Module:
    device = next(like.parameters()).device
    if isinstance(like, nn.Conv2d):
        return nn.Conv2d(inputs, outputs, 1, device=device)
    return nn.Linear(inputs, outputs, device=device)


def _pool(model: nn.Module, classes: int, kind: Kind) -> None:
    """Change how the network pools."""
    admitted = poolings(model)
    if kind not in admitted:
        others = f"choose one of {', '.join(admitted)}, or leave it" if admitted else "leave it"
        raise BackboneError(
            f"{type(model).__name__} has no place for the pooling {kind}.", f"For the pooling, {others} empty."
        )
    if (select := _select(model)) is not None:
        layout, keeps = cast(Layout, _layout(select)), not _flattens(select)
        setattr(select, "pool", _on_device(model, Pooling(kind, _channels(model), layout, keep_places=keeps)))  # noqa: B010
    elif _token_pool(model):
        skip = cast(int, model.num_prefix_tokens) if isinstance(model, Eva) else 0  # the other skips them itself
        setattr(model, "attn_pool", _on_device(model, Pooling(kind, _channels(model), "NLC", skip=skip)))  # noqa: B010
    elif (named := _named(model)) is not None:
        named.pool_type = kind
    else:
        model.reset_classifier(classes, kind)  # type: ignore[operator]


def _on_device(model: nn.Module, pooling: Pooling) -> Pooling:
    return pooling.to(next(model.parameters()).device)


def _channels(model: nn.Module) -> int:
    """How many numbers the network has for each place, where it pools."""
    return cast(int, model.num_features)


def _select(model: nn.Module) -> SelectAdaptivePool2d | None:
    """The one pooling over a map that most networks have, if it is of the kind that can be exchanged."""
    found = [part for part in model.modules() if isinstance(part, SelectAdaptivePool2d) and not part.is_identity()]
    return found[0] if len(found) == 1 and found[0].feat_mult() == 1 else None


def _layout(select: SelectAdaptivePool2d) -> str:
    dimensions = getattr(select.pool, "dim", (2, 3))
    return "NHWC" if tuple(dimensions) == (1, 2) else "NCHW"


def _flattens(select: SelectAdaptivePool2d) -> bool:
    """Whether its pooling itself, and not what follows it, takes the places away."""
    return bool(getattr(select.pool, "flatten", False))


def _token_pool(model: nn.Module) -> bool:
    """Whether it is a transformer whose own head pools with whatever module stands at `attn_pool`."""
    for kind in (VisionTransformer, Eva):
        if isinstance(model, kind):
            mine = type(model)
            return mine.forward_head is kind.forward_head and mine.pool is kind.pool
    return False


def _named(model: nn.Module) -> ClNormMlpClassifierHead | None:
    found = [part for part in model.modules() if isinstance(part, ClNormMlpClassifierHead) and part.pool_type]
    return found[0] if len(found) == 1 else None


def _takes_mean(model: nn.Module) -> bool:
    """Whether it can be told to take the mean of all places instead of one token: tried on a copy of its shell."""
    if not isinstance(getattr(model, "global_pool", None), str):
        return False
    shell = copy.copy(model)
    shell._modules, shell._parameters = dict(model._modules), dict(model._parameters)
    try:
        shell.reset_classifier(2, "avg")  # type: ignore[operator]
    except (AssertionError, TypeError):
        return False
    return shell.global_pool == "avg"
