"""Expert settings: every number that decides how a model learns, in groups, with the recipe's own sentence as help."""

from typing import Any

import streamlit as st

from studio.data.library import Entry
from studio.errors import StudioError
from studio.model.catalogue import card
from studio.model.waking import wake
from studio.recipe import OPTIMIZERS, Recipe
from studio.recipe.presets import named, presets
from studio.ui.boxes import number, one_of
from studio.ui.cards import plain
from studio.ui.state import draft, save_draft, workspace

_OWN = ""  # no preset: values of one's own
_CURVES = {
    "cosine": "Gently down to zero (cosine)",
    "one-cycle": "A long climb, then all the way down (one-cycle)",
    "step": "Down in steps",
    "plateau": "Down when nothing gets better (plateau)",
    "constant": "Constant",
}
_LOSSES = {"cross-entropy": "Cross-entropy", "focal": "Focal", "bce": "Yes or no for each class (BCE)"}
_BALANCES = {
    "none": "Nothing",
    "weights": "Errors in rare classes count more",
    "sampling": "Show rare classes more often",
}
_HEADS = {"linear": "One layer (linear)", "mlp": "A hidden layer between (MLP)"}
_ACTIVATIONS = {"relu": "ReLU", "gelu": "GELU", "silu": "SiLU", "tanh": "tanh"}
_POOLINGS = {
    "": "As the backbone was made",
    "avg": "Mean",
    "max": "Strongest",
    "avgmax": "Mean and strongest",
    "gem": "A mean that leans to the strong (GeM)",
    "attention": "Learns where to look (attention)",
}
_NAMES = {"adamw": "AdamW", "sgd": "SGD", "adam": "Adam"}
_CARRIES = ("sgd", "momentum", "nesterov", "lar", "rmsprop", "madgrad", "muon")  # in the names of those with momentum


def choose(recipe: Recipe, entry: Entry) -> Recipe:
    """All of them, below a choice of ready ways of learning."""
    key, top = entry.id, st.container()
    for title, group in (
        ("How long", _length),
        ("How fast", _rate),
        ("What counts as an error", _loss),
        ("How the weights change", _optimizer),
        ("The new head", _head),
    ):
        st.markdown(f"**{title}**")
        with st.grid(3):
            changes = group(recipe, key)
        recipe = recipe.amended(changes)
    with top:
        _preset(recipe, entry)
    return recipe


def _preset(recipe: Recipe, entry: Entry) -> None:
    """A ready way of learning: choosing one writes it into the draft before the page is drawn again."""
    widget, ready = f"preset-of-learning-{entry.id}", {preset.name: preset for preset in presets()}
    st.session_state[widget] = next((name for name, preset in ready.items() if preset.is_held(recipe)), _OWN)

    def chosen() -> None:
        if name := st.session_state[widget]:
            save_draft(entry, named(name).applied(draft(entry)))
            st.session_state.pop(f"freeze-{entry.id}", None)  # what the page held of strategy and depth

    held = st.selectbox(
        "Ready ways of learning",
        [_OWN, *ready],
        format_func=lambda name: ready[name].title if name else "Values of your own",
        key=widget,
        on_change=chosen,
        help="Each sets head, freezing, loss, optimizer and schedule at once. Pictures, network and variation stay.",
    )
    if held:
        st.caption(f"{plain(ready[held].suits)} From: {plain(ready[held].source)}")
    else:
        st.caption("Choosing one replaces all values below, and what is frozen.")


def _length(recipe: Recipe, key: str) -> dict[str, Any]:
    usual = card(recipe.model.backbone, workspace()).input_size[-1]
    told = recipe if recipe.model.image_size else recipe.amended({"model.image_size": max(16, min(usual, 1024))})
    changes = {
        "schedule.epochs": _number(recipe, "schedule.epochs", "Epochs", key, 1, 10_000, 1),
        "schedule.batch_size": _number(
            recipe, "schedule.batch_size", "Pictures per step (batch size)", key, 1, 4096, 8
        ),
        "schedule.patience": _number(
            recipe, "schedule.patience", "Stop early when nothing got better for so many epochs", key, 0, 10_000, 1
        ),
        "seed": _number(recipe, "seed", "Seed", key, 0, 2**32 - 1, 1),
    }
    size = _number(told, "model.image_size", f"Image size in pixels (usual here: {usual})", key, 16, 1024, 16)
    return changes | {"model.image_size": None if size == usual else size}


def _rate(recipe: Recipe, key: str) -> dict[str, Any]:
    changes = {
        "optimizer.lr": _number(recipe, "optimizer.lr", "Learning rate", key, 1e-9, 10.0, 1e-4, "%g"),
        "schedule.curve": one_of(recipe, "schedule.curve", "How the rate moves", key, _CURVES),
        "schedule.warmup": _number(
            recipe, "schedule.warmup", "Warm-up, as a share of the run", key, 0.0, 0.9, 0.05, "%g"
        ),
    }
    curve = changes["schedule.curve"]
    if curve in ("step", "plateau"):
        words = {
            "step": "Epochs between two steps down",
            "plateau": "Epochs without anything better before it goes down",
        }
        changes["schedule.step_every"] = _number(recipe, "schedule.step_every", words[curve], key, 1, 10_000, 1)
        label = "What is left of the rate each time"
        changes["schedule.step_factor"] = _number(recipe, "schedule.step_factor", label, key, 0.001, 0.999, 0.05, "%g")
    return changes


def _loss(recipe: Recipe, key: str) -> dict[str, Any]:
    changes: dict[str, Any] = {"loss.kind": one_of(recipe, "loss.kind", "Loss", key, _LOSSES)}
    if changes["loss.kind"] == "focal":
        label = "How much less easy pictures count"
        changes["loss.focal_gamma"] = _number(recipe, "loss.focal_gamma", label, key, 0.0, 10.0, 0.5, "%g")
    name = "schedule.label_smoothing"
    changes[name] = _number(recipe, name, "Label smoothing", key, 0.0, 0.99, 0.05, "%g")
    changes["loss.balance"] = one_of(recipe, "loss.balance", "Against uneven classes", key, _BALANCES)
    return changes


def _optimizer(recipe: Recipe, key: str) -> dict[str, Any]:
    options = {name: f"{_NAMES.get(name, name)}: {words}" for name, words in OPTIMIZERS.items()}
    name = one_of(recipe, "optimizer.name", "Optimizer", key, options)
    changes: dict[str, Any] = {"optimizer.name": name}
    if any(part in name for part in _CARRIES):
        changes["optimizer.momentum"] = _number(recipe, "optimizer.momentum", "Momentum", key, 0.0, 0.999, 0.05, "%g")
    for field, label, most in (("weight_decay", "Weight decay (L2)", 1.0), ("l1", "Towards exactly zero (L1)", 1.0)):
        full = f"optimizer.{field}"
        changes[full] = _number(recipe, full, label, key, 0.0, most, 0.01, "%g")
    label = "Longest gradient (gradient clipping; empty: any)"
    changes["optimizer.clip"] = _number(recipe, "optimizer.clip", label, key, 0.001, 1000.0, 0.5, "%g", value=None)
    label = "Running mean of the weights (EMA; empty: none)"
    changes["optimizer.ema"] = _number(recipe, "optimizer.ema", label, key, 0.5, 0.99999, 0.001, "%g", value=None)
    return changes


def _head(recipe: Recipe, key: str) -> dict[str, Any]:
    changes: dict[str, Any] = {"head.kind": one_of(recipe, "head.kind", "Layers", key, _HEADS)}
    if changes["head.kind"] == "mlp":
        changes["head.hidden"] = _number(recipe, "head.hidden", "Numbers in the hidden layer", key, 8, 8192, 32)
        changes["head.activation"] = one_of(recipe, "head.activation", "Activation", key, _ACTIVATIONS)
    changes["head.dropout"] = _number(recipe, "head.dropout", "Dropout", key, 0.0, 0.9, 0.05, "%g")
    changes["head.pooling"] = one_of(recipe, "head.pooling", "From places to one answer (pooling)", key, _POOLINGS)
    return changes


def _number(
    recipe: Recipe,
    name: str,
    label: str,
    key: str,
    low: float,
    high: float,
    step: float,
    form: str | None = None,
    **more: Any,
) -> Any:
    return number(recipe, name, label, key, min_value=low, max_value=high, step=step, format=form, **more)


def admitted(recipe: Recipe) -> Recipe:
    """The recipe with the pooling that was asked for, if the backbone has a place for it, else a warning."""
    if not recipe.head.pooling:
        return recipe
    with st.spinner("Looking whether this backbone can pool like that…"):
        wrong = _misplaced(recipe.model.backbone, recipe.head.pooling)
    if wrong:
        st.warning(plain(f"{wrong} Until then the backbone pools as it was made."))
        return recipe.amended({"head.pooling": ""})
    return recipe


@st.cache_data(max_entries=50, show_spinner=False)
def _misplaced(backbone: str, pooling: str) -> str:
    """Why a backbone cannot pool so; empty if it can."""
    wake()
    from studio.model.weights import build
    from studio.recipe import HeadChoice

    try:
        build(backbone, 2, pretrained=False, head=HeadChoice.model_validate({"pooling": pooling}))
    except StudioError as error:
        return f"{error.what} {error.remedy}"
    return ""
