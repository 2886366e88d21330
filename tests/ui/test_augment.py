"""The Augment page without a browser: its pipeline, what it previews, and what it says of safety, cost and files."""

import base64
import io
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from studio.augment.pipeline import Pipeline
from studio.augment.portable import MOST_BYTES, to_json
from studio.augment.presets import PRESETS
from studio.augment.trial import Failure
from studio.data.dataset import Dataset
from studio.data.library import Entry, Library
from studio.data.split import split
from studio.errors import DataError
from studio.recipe import AugmentChoice, Recipe, StepChoice
from studio.results.evaluate import Results
from studio.runs.run import Run
from studio.training.loader import Pictures
from studio.training.sight import place_in_training
from studio.ui import measuring
from studio.ui.cards import plain
from studio.ui.shown import Shown
from studio.workspace import Workspace
from tests.ui.test_pages import Open, asked, button, entry, finished, of, said, until, visit

__all__ = ["entry", "finished", "visit"]


def write(entry: Entry, changes: dict[str, Any]) -> Recipe:
    recipe = of(entry, changes)
    (entry.folder / "recipe.toml").write_text(recipe.to_toml())
    return recipe


def own(entry: Entry, *steps: StepChoice) -> Recipe:
    return write(entry, {"augment.preset": "custom", "augment.steps": [step.model_dump() for step in steps]})


def choice(at: AppTest, key: str) -> Any:
    return next(each for each in at.get("button_group") if each.key == key)


def names(entry: Entry) -> list[str]:
    return [step.transform for step in asked(entry).augment.steps]


def drawn(at: AppTest) -> list[np.ndarray]:
    """The previewed pictures, as the bytes that the browser is given."""
    addresses = [image.proto.imgs[0].url for image in at.image]
    held = [address.partition("base64,")[2] for address in addresses if address.startswith("data:image/png")]
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(data)))) for data in held]


@pytest.fixture
def three(entry: Entry) -> list[StepChoice]:
    """Three steps, which are the draft's own."""
    steps = [StepChoice(transform="HorizontalFlip", p=0.5), StepChoice(transform="GaussianBlur", p=0.5),
             StepChoice(transform="Rotate", p=0.5, params={"limit": (-20.0, 20.0)})]  # fmt: skip
    own(entry, *steps)
    return steps


def test_every_preset_says_what_for_and_can_be_made_ones_own(visit: Open, entry: Entry) -> None:
    at = visit("augment", dataset=entry.id)
    assert at.radio(key=f"preset-{entry.id}").options == [each.title for each in PRESETS.values()] + ["Your own"]
    for name in list(PRESETS)[1:]:
        at.radio(key=f"preset-{entry.id}").set_value(name).run()
        assert not at.error and asked(entry).augment.preset == name
    button(at, "Make it your own").click().run()
    assert asked(entry).augment.preset == "custom" and at.radio(key=f"preset-{entry.id}").value == "custom"
    assert names(entry) == [step.transform for step in PRESETS["faces"].steps]


def test_ones_own_begins_as_a_copy_and_is_kept_while_presets_are_tried(visit: Open, entry: Entry) -> None:
    at = visit("augment", dataset=entry.id)
    for name in ("gentle", "custom", "strong", "custom"):
        at.radio(key=f"preset-{entry.id}").set_value(name).run()
    assert names(entry) == [step.transform for step in PRESETS["gentle"].steps]


def test_steps_are_moved_switched_and_removed(visit: Open, entry: Entry, three: list[StepChoice]) -> None:
    at = visit("augment", dataset=entry.id)
    button(at, "Move up: Rotate").click().run()
    assert names(entry) == ["HorizontalFlip", "Rotate", "GaussianBlur"]
    button(at, "Move down: Flip left-right").click().run()
    assert names(entry) == ["Rotate", "HorizontalFlip", "GaussianBlur"]
    assert button(at, "Move up: Rotate").disabled and button(at, "Move down: Soft focus").disabled
    next(each for each in at.toggle if each.label == "1. Rotate").set_value(False).run()
    assert [step.on for step in asked(entry).augment.steps] == [False, True, True]
    button(at, "Remove: Rotate").click().run()
    assert names(entry) == ["HorizontalFlip", "GaussianBlur"] and not at.error


def test_a_slider_writes_its_parameter_and_shows_another_picture(
    visit: Open, entry: Entry, three: list[StepChoice]
) -> None:
    at = visit("augment", dataset=entry.id)
    before = drawn(at)
    angle = next(each for each in at.slider if each.label == "Angle in degrees")
    angle.set_range(-90.0, -60.0).run()
    next(each for each in at.slider if each.label == "How often" and each.key == f"p{str(angle.key)[5:]}").set_value(
        100
    ).run()
    assert asked(entry).augment.steps[2].params["limit"] == (-90.0, -60.0) and asked(entry).augment.steps[2].p == 1
    assert np.array_equal(before[0], drawn(at)[0]) and not np.array_equal(before[1], drawn(at)[1])
    at.slider(key=f"strength-{entry.id}").set_value(0).run()
    assert asked(entry).augment.strength == 0 and all(np.array_equal(each, before[0]) for each in drawn(at))


def test_two_quick_changes_do_not_undo_each_other(visit: Open, entry: Entry, three: list[StepChoice]) -> None:
    """The second change is sent before the page was drawn again, and with it the first one's widget."""
    at = visit("augment", dataset=entry.id)
    angle = next(each for each in at.slider if each.label == "Angle in degrees")
    angle.set_range(-45.0, 45.0)
    button(at, "Move up: Rotate").click().run()
    assert names(entry)[1] == "Rotate" and asked(entry).augment.steps[1].params["limit"] == (-45.0, 45.0)
    at.session_state[str(angle.key)] = (-1.0, 1.0)  # an old value, which nobody has moved
    button(at, "Remove: Flip left-right").click().run()
    assert names(entry) == ["Rotate", "GaussianBlur"] and asked(entry).augment.steps[0].params["limit"] == (-45.0, 45.0)


def test_a_change_of_another_tab_is_not_undone(visit: Open, entry: Entry, three: list[StepChoice]) -> None:
    at = visit("augment", dataset=entry.id)
    own(entry, StepChoice(transform="Sharpen", p=0.5))
    at.run()
    assert names(entry) == ["Sharpen"] and button(at, "Remove: Sharpen") and not at.error


def test_a_transform_is_found_by_a_word_seen_and_added(visit: Open, entry: Entry, three: list[StepChoice]) -> None:
    at = visit("augment", dataset=entry.id)
    assert not at.text_input, "the catalogue is drawn although it is closed"
    at.session_state[f"add-{entry.id}"] = True
    at.run()
    tiny = len(at.image)
    at.text_input(key=f"search-{entry.id}").set_value("jpeg").run()
    assert "1 transform" in said(at) and len(at.image) < tiny
    at.button(key=f"add-ImageCompression-{entry.id}").click().run()
    assert names(entry)[-1] == "ImageCompression"
    at.text_input(key=f"search-{entry.id}").set_value("xylophone").run()
    assert "speaks of this" in said(at)


def test_the_preview_is_what_the_loader_delivers(visit: Open, entry: Entry, workspace: Workspace) -> None:
    recipe = write(entry, {"augment.preset": "strong", "seed": 7, "augment.views": 4})
    at = visit("augment", dataset=entry.id)
    n = at.selectbox(key=f"preview-picture-{entry.id}-cat").value
    dataset = split(Library(workspace).open(entry.id), recipe.data.val_share, recipe.seed)
    learnt = next(n for n, sample in enumerate(dataset.samples) if sample.split == "train")
    if n != learnt:
        at.selectbox(key=f"preview-picture-{entry.id}-cat").set_value(learnt).run()
    shown = Shown.of(Library(workspace).open(entry.id), recipe)
    row = place_in_training(dataset, dataset.samples[learnt].path)
    loader = Pictures(dataset, dataset.split("train"), shown.geometry, keep=True)
    list(loader.look())
    with ThreadPoolExecutor(1) as threads:
        for variation, picture in enumerate(drawn(at)[1:], 1):
            pipeline = Pipeline(recipe.augment, shown.geometry.size)
            given = loader.varied(np.array([row]), pipeline, 7, variation, threads).numpy()[0]
            assert np.array_equal(picture, given)


def test_every_picture_has_the_place_that_training_gives_it(entry: Entry, workspace: Workspace) -> None:
    recipe, dataset = of(entry, {"augment.preset": "gentle"}), Library(workspace).open(entry.id)
    divided = split(dataset, recipe.data.val_share, recipe.seed)
    rows = Shown.of(dataset, recipe).rows
    for n, sample in enumerate(divided.samples):
        assert rows["turn"].iat[n] == (place_in_training(divided, sample.path) if sample.split == "train" else n)


def test_the_same_roll_comes_again_by_its_number(visit: Open, entry: Entry) -> None:
    write(entry, {"augment.preset": "strong"})
    at = visit("augment", dataset=entry.id)
    first = drawn(at)
    button(at, "Roll again").click().run()
    assert at.number_input(key=f"roll-{entry.id}").value == 2
    assert not np.array_equal(first[1], drawn(at)[1])
    at.number_input(key=f"roll-{entry.id}").set_value(1).run()
    assert all(map(np.array_equal, first, drawn(at)))


def test_steps_tell_what_they_did_and_numbers_what_the_model_sees(
    visit: Open, entry: Entry, three: list[StepChoice]
) -> None:
    own(entry, StepChoice(transform="Rotate", params={"limit": (30.0, 30.0)}))
    at = visit("augment", dataset=entry.id)
    choice(at, f"see-{entry.id}").set_value("Step by step").run()
    assert plain("Turned by 30.0° to the left.") in said(at)
    choice(at, f"see-{entry.id}").set_value("What the model sees").run()
    assert "224 × 224 × 3 numbers" in said(at) and not at.error
    choice(at, f"show-{entry.id}").set_value("A class").run()
    assert len(at.image) == 16


def test_mixed_pictures_say_what_they_are(visit: Open, entry: Entry) -> None:
    write(entry, {"augment.preset": "gentle"})
    at = visit("augment", dataset=entry.id)
    at.radio(key=f"mix-{entry.id}").set_value("mixup").run()
    at.slider(key=f"alpha-mixup-{entry.id}").set_value(4.0).run()
    assert (asked(entry).augment.mix, asked(entry).augment.mix_alpha) == ("mixup", 4.0)
    assert "afresh each epoch" in said(at)
    choice(at, f"show-{entry.id}").set_value("A mixed batch").run()
    captions = [image.proto.imgs[0].caption for image in at.image]
    assert len(captions) == 6 and any("cat" in caption and "dog" in caption for caption in captions)


def test_an_empty_pipeline_and_a_damaged_draft_are_explained(visit: Open, entry: Entry) -> None:
    own(entry)
    at = visit("augment", dataset=entry.id)
    assert "no steps yet" in said(at) and not at.error and button(at, "Roll again").disabled
    (entry.folder / "recipe.toml").write_text('[augment]\npreset = "custom"\nsteps = [{transform = "Nothing"}]\n')
    assert "Nothing" in visit("augment", dataset=entry.id).error[0].value
    (entry.folder / "recipe.toml").write_text("augment = 3")
    assert visit("augment", dataset=entry.id).error


def test_traps_are_named_before_anything_is_measured(
    visit: Open, workspace: Workspace, pictures: Callable[..., Path]
) -> None:
    digits = Library(workspace).add(pictures(classes=("6", "9"), each=6, side=4))
    own(digits, StepChoice(transform="VerticalFlip"))
    assert "a 6 becomes a 9" in visit("augment", dataset=digits.id).warning[0].value


def test_a_step_that_takes_no_odd_picture_is_named_with_it(
    visit: Open, entry: Entry, three: list[StepChoice], monkeypatch: pytest.MonkeyPatch
) -> None:
    failure = Failure(three[1], "cat/cat-000.png", "The kernel is too large.")
    monkeypatch.setattr("studio.ui.failing.trial", lambda pipeline, found: [failure])
    own(entry, *three[:2])
    at = visit("augment", dataset=entry.id)
    assert plain("The kernel is too large.") in at.error[0].value and "Take the step out" in at.error[0].value


def test_safety_is_measured_once_and_kept(
    visit: Open, entry: Entry, three: list[StepChoice], monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = []

    def quick(recipe: Recipe, workspace: Workspace) -> Iterator[str]:
        begun.append(recipe)
        yield "Reading"
        return [], []

    monkeypatch.setattr("studio.results.meter.safety", quick)
    at = visit("augment", dataset=entry.id)
    button(at, "Measure the safety").click().run()
    until(lambda: not measuring.state(entry))
    again = visit("augment", dataset=entry.id)
    assert len(begun) == 1 and "Measure the safety" not in [each.label for each in again.button]
    assert "Intervals are of 95 %" in said(again)


def test_a_measurement_that_cannot_be_made_says_why(
    visit: Open, entry: Entry, three: list[StepChoice], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(recipe: Recipe, workspace: Workspace) -> Iterator[str]:
        yield "Reading"
        raise DataError("A class has no pictures.", "Add some.")

    monkeypatch.setattr("studio.results.meter.safety", refused)
    at = visit("augment", dataset=entry.id)
    button(at, "Measure the safety").click().run()
    until(lambda: (now := measuring.state(entry)) is not None and now.status == "failed")
    assert "Add some" in visit("augment", dataset=entry.id).error[0].value


def test_the_cost_names_pace_and_shares(visit: Open, entry: Entry, three: list[StepChoice]) -> None:
    at = visit("augment", dataset=entry.id)
    at.session_state["meters"] = "What does it cost?"
    at.run()
    button(at, "Measure the cost").click().run()
    assert "pictures a second here" in said(at) and "not known yet" in said(at)
    assert set(at.dataframe[0].value["Step"]) >= {"Rotate", "Soft focus"}


def test_a_pipeline_goes_out_and_comes_in(visit: Open, entry: Entry, three: list[StepChoice]) -> None:
    at = visit("augment", dataset=entry.id)
    at.session_state["meters"] = "Take it along"
    at.run()
    assert "A.Rotate(" in at.code[0].value
    at.session_state["meters"] = "Load a pipeline"
    at.run()
    held = to_json(Pipeline(AugmentChoice(preset="custom", steps=(StepChoice(transform="Sharpen", p=0.3),)), 64))
    at.file_uploader[0].set_value(("pipeline.json", held.encode(), "application/json")).run()
    assert names(entry) == ["Sharpen"] and not at.error


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"no json", "no JSON"),
        (json.dumps({"transform": {"__class_fullname__": "os.system"}}).encode(), "not in the catalogue"),
        (b" " * (MOST_BYTES + 9), "too long"),
    ],
)
def test_a_hostile_file_is_one_sentence(
    visit: Open, entry: Entry, three: list[StepChoice], data: bytes, words: str
) -> None:
    at = visit("augment", dataset=entry.id)
    at.session_state["meters"] = "Load a pipeline"
    at.run()
    at.file_uploader[0].set_value(("pipeline.json", data, "application/json")).run()
    assert words in at.error[0].value.replace("\\", "") and names(entry) == [step.transform for step in three]


def test_several_looks_are_a_choice_in_results(
    visit: Open, entry: Entry, finished: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    once, asked_for = Results.of(finished), []

    def several(run: Run, dataset: Dataset, *, tta: bool = False) -> Results:
        asked_for.append((len(dataset.samples), tta))
        return Results(once.frame.assign(predicted=once.frame["label"]), once.classes)

    monkeypatch.setattr("studio.results.evaluate.evaluate", several)
    at = visit("results", dataset=entry.id, run=finished.id)
    assert at.metric[0].value == "87.5 %" and not asked_for
    at.toggle(key=f"views-{finished.id}").set_value(True).run()
    assert at.metric[0].value == "100 %" and plain("100 % are right instead of 87.5 %") in plain(said(at))
    again = visit("results", dataset=entry.id, run=finished.id)
    again.toggle(key=f"views-{finished.id}").set_value(True).run()
    assert len(asked_for) == 1 and asked_for[0][1], "computed again, although nothing changed"
    assert Results.of(finished).accuracy == once.accuracy, "the run's own record changed"


def test_a_step_that_fails_while_it_is_previewed_leaves_the_page_whole(
    visit: Open, entry: Entry, three: list[StepChoice], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> np.ndarray:
        raise ValueError("too small")

    monkeypatch.setattr(Pipeline, "apply", fails)
    at = visit("augment", dataset=entry.id)
    assert "cannot take one of these pictures" in at.error[0].value and button(at, "Remove: Rotate")
