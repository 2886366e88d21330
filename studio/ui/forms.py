"""Forms: each is a function from a recipe to a recipe, drawn with the recipe's own words for its fields."""

from pathlib import Path

import pandas as pd
import streamlit as st

from studio.augment.presets import preset
from studio.data.dataset import Dataset
from studio.model.catalogue import Backbone
from studio.recipe import Recipe, fields
from studio.ui.cards import count, plain

EVERYTHING, BOTH = "All pictures", "both"
_ROOM, _KEPT_PER_PICTURE = 1 << 30, 1280 * 2  # bytes; the usual backbone gives its head 1,280 numbers of 2 bytes


def val_share(recipe: Recipe, dataset: Dataset, key: str) -> Recipe:
    """How much is held back to measure, unless the dataset brings a split of its own."""
    if any(sample.split == "val" for sample in dataset.samples):
        st.caption("These pictures come already divided, and that division is kept.")
        return recipe
    share = st.slider(
        "Held back to measure the accuracy",
        5,
        50,
        round(recipe.data.val_share * 100),
        5,
        "%d %%",
        key=f"val-share-{key}",
        help="The model never learns from these pictures, so they tell honestly "
        "how good it is. They are drawn at random but always the same ones, in every class alike, and "
        "copies of one picture stay together. No file is moved.",
    )
    return recipe.amended({"data.val_share": share / 100})


def data_remedies(dataset: Dataset) -> None:
    """What is plainly wrong with the classes, and what to do about it, before any check has run."""
    counts = dataset.counts()
    tiny = [name for name, number in counts.items() if number < 10]
    if len(counts) == 1:
        st.warning(
            "There is only one class, and a model learns by telling classes apart. Put the pictures of a "
            "second class into a folder beside the first.",
            icon=":material/warning:",
        )
    elif tiny:
        st.warning(
            f"{count(len(tiny), 'class has', 'classes have')} fewer than 10 pictures, which is hardly enough "
            f"to learn from: {plain(', '.join(tiny[:20]))}{' …' if len(tiny) > 20 else ''}. "
            f"Add pictures, or leave {'the class' if len(tiny) == 1 else 'these classes'} out.",
            icon=":material/warning:",
        )


def class_and_split(rows: pd.DataFrame, key: str) -> pd.DataFrame:
    """The rows of one class or of all, of one split or of both."""
    words = {BOTH: "All of them", "train": "To learn from", "val": "Held back", "test": "Test"}
    left, right = st.columns(2)
    name = left.selectbox("Class", [EVERYTHING, *sorted(rows["label"].unique())], key=f"class-{key}")
    split = right.selectbox(
        "Part",
        [BOTH, *sorted(rows["split"].dropna().unique(), key="train val test".find)],
        format_func=lambda part: words[part],
        key=f"part-{key}",
    )
    chosen = rows if name == EVERYTHING else rows.query("label == @name")
    return chosen if split == BOTH else chosen.query("split == @split")


def views(recipe: Recipe, pictures: int, key: str) -> int:
    """How many fixed variations of each picture there are, or 0: a new one every epoch."""
    fixed = st.radio(
        "How many variations of each picture",
        [False, True],
        index=int(recipe.augment.views > 0),
        format_func={False: "New variations every epoch", True: "A fixed number of variations"}.__getitem__,
        key=f"fixed-{key}",
        captions=[
            "The most to learn from, but the frozen part looks at every picture again in every epoch.",
            "What the frozen part makes of them is computed only once, so later epochs are much faster.",
        ],
    )
    if not fixed:
        return 0
    suggested = views_suggested(pictures, recipe.schedule.epochs)
    chosen = st.number_input(
        "Variations of each picture",
        1,
        64,
        recipe.augment.views or suggested,
        key=f"views-{key}",
        help=fields()["augment.views"],
    )
    st.caption(
        f"Suggested: {suggested} for your {count(pictures, 'picture')} to learn from and "
        f"{count(recipe.schedule.epochs, 'epoch')}. {_in_vain(recipe)}"
    )
    return chosen


def views_suggested(pictures: int, epochs: int) -> int:
    """One for two epochs, if what is kept of them fits into 1 GiB; never more than 8."""
    return max(1, min(-(-epochs // 2), _ROOM // (_KEPT_PER_PICTURE * max(pictures, 1)), 8))


def _in_vain(recipe: Recipe) -> str:
    """Why fixed variations save less than they promise, where the rest of the recipe is in their way."""
    if recipe.augment.mix != "none":
        return "They save no time now: pictures are mixed, and what the frozen part makes of mixtures cannot be kept."
    if recipe.engine.cache == "off":
        return "They save no time now: keeping is switched off under Speed, on the Model page."
    if recipe.freeze.final_depth:
        return ""
    before = recipe.freeze.least_epochs - 1
    if recipe.freeze.strategy == "gradual":
        return f"Only the first epochs will be faster: after {count(before, 'epoch')} stage after stage thaws."
    if before:
        them = "it" if before == 1 else "them"
        return f"Only the first {count(before, 'epoch')} will be faster: after {them} all thaws."
    return "They save no time now: nothing stays frozen, as chosen on the Model page."


def speed(recipe: Recipe, key: str) -> Recipe:
    """What saves time without anybody's doing, each with its switch."""
    words, ways = fields(), ["auto", "float32"]
    with st.expander("Speed", icon=":material/speed:", key=f"speed-{key}"):
        st.caption("How the studio saves time while accuracy stays the same. Each can be switched off, to compare.")
        keep = st.toggle(
            "Keep what the frozen part computes",
            recipe.engine.cache == "auto",
            help=words["engine.cache"],
            key=f"cache-{key}",
        )
        precision = st.segmented_control(
            "Precision",
            ways,
            default=recipe.engine.precision,
            required=True,
            format_func={"auto": "Automatic", "float32": "Exact (float32)"}.__getitem__,
            help=words["engine.precision"],
            key=f"precision-{key}",
        )
        isolated = st.toggle(
            "Keep training even if the studio is closed",
            recipe.engine.isolated,
            help=words["engine.isolated"],
            key=f"isolated-{key}",
        )
    cache = "auto" if keep else "off"
    return recipe.amended({"engine.cache": cache, "engine.precision": precision, "engine.isolated": isolated})


def problems(recipe: Recipe, backbone: Backbone) -> list[str]:
    """All that does not go together in a recipe and with its backbone, shown at once. Returns the sentences."""
    found = recipe.problems()
    if backbone.refused:
        found.append(backbone.refused)
    elif recipe.model.start == "published" and backbone.weights == "none":
        found.append(
            f"Nobody published weights for {backbone.name}. Under “What it starts from” on the Model page name a file, "
            "or let it start from nothing."
        )
    if found:
        st.warning(
            "\n".join(f"- {plain(_without_field(sentence))}" for sentence in found),
            title="This cannot be trained yet",
            icon=":material/warning:",
        )
    return found


def _without_field(sentence: str) -> str:
    """A recipe's sentence without the name of the field before it, which says nothing to a person at a form."""
    name, _, rest = sentence.partition(": ")
    return rest[0].upper() + rest[1:] if rest and name in fields() else sentence


def summary(recipe: Recipe) -> str:
    """What a run of this recipe will do, in one plain sentence."""
    epochs, freeze = recipe.schedule.epochs, recipe.freeze
    first = "the first stage" if freeze.final_depth == 1 else f"the first {freeze.final_depth} stages"
    which = "all stages" if freeze.final_depth == 0 else f"all but {first}"
    more, alone = max(epochs - freeze.head_epochs, 0), count(freeze.head_epochs, "epoch")
    but = f" (but {first})" if freeze.final_depth else ""
    learns = {
        "head": f"teaches a new head for {count(epochs, 'epoch')} while the rest stays frozen",
        "two-phase": f"teaches the head for {alone}, then thaws {which} for {more} more",
        "gradual": f"teaches the head for {alone}, then thaws one stage after the other{but} for {more} more",
        "full": f"teaches {'the whole network' if freeze.final_depth == 0 else which} for {count(epochs, 'epoch')}",
        "custom": f"thaws by a plan of your own in {count(epochs, 'epoch')}",
    }[freeze.strategy]
    vary = {"none": "without varying the pictures"}.get(
        recipe.augment.preset, f"with {preset(recipe.augment.preset).title.lower()} variation of the pictures"
    )
    if recipe.augment.views and recipe.augment.preset != "none":
        vary += f" ({recipe.augment.views} fixed ones of each)"
    start = {
        "published": "",
        "file": f" with the weights of {plain(Path(recipe.model.weights).name)}",
        "scratch": " from scratch",
    }
    size = f" at {recipe.model.image_size} pixels" if recipe.model.image_size else ""
    return f"Takes {plain(recipe.model.backbone)}{start[recipe.model.start]}{size}, {learns}, {vary}."
