"""Choosing a backbone on the page: found by family, name and filters; chosen in the list, or elsewhere."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import timm
from safetensors.torch import save_file
from streamlit.testing.v1 import AppTest

from studio.data.library import Entry, Library
from studio.model import listing, pace
from studio.recipe import FreezePlan, Recipe
from studio.ui import browse, speeds
from studio.ui.background import Background
from studio.workspace import Workspace
from tests.ui.test_pages import until

TIMEOUT = 30


def page() -> None:
    """The part of the Model page that chooses and tells."""
    import streamlit as st

    from studio.model.catalogue import card
    from studio.ui import backbones, browse, consulting
    from studio.ui.state import draft, library, save_draft, workspace

    entry = library().all()[0]
    recipe = browse.choose(draft(entry), entry)
    recipe = backbones.own_weights(recipe, entry)
    backbones.describe(card(recipe.model.backbone, workspace()), recipe.model.weights, recipe.model.pretrained)
    save_draft(entry, recipe)
    taken = {"model.pretrained": True}
    st.button("Apply", key="advised", on_click=lambda: consulting.adopt(entry, lambda recipe: recipe.amended(taken)))


@pytest.fixture
def entry(workspace: Workspace, pictures: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> Entry:
    monkeypatch.setenv("THAW_WORKSPACE", str(workspace.root))
    return Library(workspace).add(str(pictures()))


@pytest.fixture
def at(entry: Entry) -> AppTest:
    drawn = AppTest.from_function(page, default_timeout=TIMEOUT).run()
    assert not drawn.exception
    return drawn


def recipe(entry: Entry) -> Recipe:
    file = entry.folder / "recipe.toml"
    return Recipe.from_toml(file.read_text()) if file.is_file() else Recipe()


def said(at: AppTest) -> str:
    return " ".join(part.value for part in [*at.markdown, *at.caption, *at.warning])


def test_at_first_there_are_the_networks_at_hand(at: AppTest, entry: Entry) -> None:
    box = at.selectbox(key=f"backbone-{entry.id}")
    assert box.value == "tf_efficientnet_lite0" and 1 <= len(box.options) < 10
    assert all("inside" in option or "downloaded before" in option for option in box.options)
    assert not at.dataframe and "EfficientNet" in said(at) and "inside this installation" in said(at)


def test_a_family_is_one_click_away_with_its_sentence(at: AppTest, entry: Entry) -> None:
    at.button_group(key=f"families-{entry.id}").set_value(["vgg"]).run()
    assert not at.exception and "19 networks" in said(at) and "Plain stacks of convolutions" in said(at)
    assert len(at.dataframe) == 1 and len(at.dataframe[0].value) == 10
    assert all(name.startswith(("vgg", "repvgg")) for name in at.dataframe[0].value["Network"])
    names = [option.split(" · ")[0] for option in at.selectbox(key=f"backbone-{entry.id}").options]
    assert len(names) == 20 and names[0] == "tf_efficientnet_lite0" and "vgg16_bn.tv_in1k" in names


def test_a_choice_goes_into_the_recipe_and_its_weights_can_be_changed(at: AppTest, entry: Entry) -> None:
    at.text_input(key=f"search-{entry.id}").set_value("resnet50").run()
    at.selectbox(key=f"backbone-{entry.id}").set_value("resnet50.a1_in1k").run()
    assert not at.exception and recipe(entry).model.backbone == "resnet50.a1_in1k"
    assert "102 MB are downloaded" in said(at) and "ImageNet-1k (1.3 million" in said(at) and "80.4 %" in said(at)
    at.selectbox(key=f"tag-{entry.id}").set_value("resnet50.tv_in1k").run()
    assert not at.exception and recipe(entry).model.backbone == "resnet50.tv_in1k" and "76.2 %" in said(at)
    assert at.selectbox(key=f"backbone-{entry.id}").value == "resnet50.tv_in1k"


def test_what_was_chosen_elsewhere_is_shown_and_stays(at: AppTest, entry: Entry) -> None:
    file = entry.folder / "recipe.toml"
    file.write_text(recipe(entry).amended({"model.backbone": "resnet18"}).to_toml())  # as an advice that is taken does
    at.run()
    assert at.selectbox(key=f"backbone-{entry.id}").value == "resnet18" and recipe(entry).model.backbone == "resnet18"
    assert at.selectbox(key=f"tag-{entry.id}").value == "resnet18.a1_in1k"
    at.run()
    assert recipe(entry).model.backbone == "resnet18"


def test_the_list_turns_its_pages_and_says_when_there_is_nothing(at: AppTest, entry: Entry) -> None:
    at.text_input(key=f"search-{entry.id}").set_value("efficientnet").run()
    first = list(at.dataframe[0].value["Network"])
    at.session_state[f"page-{entry.id}"] = 2
    at.run()
    second = list(at.dataframe[0].value["Network"])
    assert len(first) == len(second) == 10 and not set(first) & set(second)
    at.text_input(key=f"search-{entry.id}").set_value("nothing-like-it").run()
    assert not at.exception and not at.dataframe and "Try a shorter part of the name" in said(at)


def test_filters_narrow_the_list(at: AppTest, entry: Entry) -> None:
    at.selectbox(key=f"parameters-{entry.id}").set_value("up to 5 million").run()
    at.multiselect(key=f"where-{entry.id}").set_value(["inside"]).run()
    names = list(at.dataframe[0].value["Network"])
    assert not at.exception and names == ["tf_efficientnet_lite0"]
    at.button(key=f"clear-{entry.id}").click().run()
    assert not at.exception and not at.dataframe and at.selectbox(key=f"parameters-{entry.id}").value == "Any"


@pytest.fixture
def mine(tmp_path: Path) -> str:
    """A file of somebody's own weights, made for test_resnet."""
    save_file(timm.create_model("test_resnet", num_classes=5).state_dict(), tmp_path / "mine.safetensors")
    return str(tmp_path / "mine.safetensors")


def test_networks_are_found_by_a_file_of_ones_own_and_start_from_it(at: AppTest, entry: Entry, mine: str) -> None:
    at.multiselect(key=f"where-{entry.id}").set_value(["file"]).run()
    at.text_input(key=f"file-{entry.id}").set_value(mine).run()
    shown = at.dataframe[0].value
    assert [name.partition(".")[0] for name in shown["Network"]] == ["test_resnet"]
    assert list(shown["Weights"]) == ["in a file of mine"] and list(shown["Licence"]) == ["–"]
    at.selectbox(key=f"backbone-{entry.id}").set_value(shown["Network"].iloc[0]).run()
    assert not at.exception and recipe(entry).model.weights == mine
    assert recipe(entry).model.backbone.startswith("test_resnet")
    assert at.radio(key=f"start-{entry.id}").value == "file" and "These weights fit" in at.success[0].value


def test_a_file_that_cannot_be_read_is_told_where_it_is_named(at: AppTest, entry: Entry) -> None:
    at.multiselect(key=f"where-{entry.id}").set_value(["file"]).run()
    at.text_input(key=f"file-{entry.id}").set_value("/nowhere/none.pth").run()
    assert not at.exception and "There is no such file" in said(at).replace("\\", "")


def test_weights_for_another_network_say_which_and_it_is_a_click_away(at: AppTest, entry: Entry, mine: str) -> None:
    at.radio(key=f"start-{entry.id}").set_value("file").run()
    at.text_input(key=f"weights-{entry.id}").set_value(mine).run()
    assert "do not fit" in at.warning[0].value and recipe(entry).model.weights == ""
    at.button(key=f"fits-test_resnet-{entry.id}").click().run()
    assert not at.exception and not at.warning
    assert (recipe(entry).model.backbone, recipe(entry).model.weights) == ("test_resnet", mine)


def test_all_networks_can_be_listed_without_asking_for_anything(at: AppTest, entry: Entry) -> None:
    assert at.toggle(key=f"all-{entry.id}").label == "List all 1,371"
    at.toggle(key=f"all-{entry.id}").set_value(True).run()
    assert not at.exception and "**1,371 networks**" in said(at) and len(at.dataframe[0].value) == 10


def test_an_order_by_speeds_that_nobody_measured_says_so(at: AppTest, entry: Entry) -> None:
    at.selectbox(key=f"order-{entry.id}").set_value("speed").run()
    assert not at.exception and "No network was measured on this machine yet" in said(at)


def test_from_scratch_is_a_choice_and_everything_learns_at_the_full_rate(at: AppTest, entry: Entry) -> None:
    before = recipe(entry)
    at.radio(key=f"start-{entry.id}").set_value("scratch").run()
    now = recipe(entry)
    assert now.model.start == "scratch" and "drawn by chance" in said(at)
    assert now.freeze == FreezePlan.from_scratch() and now.optimizer.lr == 1e-3
    at.radio(key=f"start-{entry.id}").set_value("published").run()
    again = recipe(entry)
    assert again.model.start == "published" and (again.freeze, again.optimizer) == (before.freeze, before.optimizer)


def test_a_backbone_that_was_advised_is_taken_whatever_one_started_from(at: AppTest, entry: Entry) -> None:
    """As the advisor's Apply does, by a control that stands on the same page."""
    at.radio(key=f"start-{entry.id}").set_value("scratch").run()
    at.button(key="advised").click().run()
    assert not at.exception and recipe(entry).model.start == "published"
    assert at.radio(key=f"start-{entry.id}").value == "published"


def downloading(at: AppTest, entry: Entry, workspace: Workspace) -> Background:
    """Press the button for weights that are not here, and wait until that came to an end, whatever it was."""
    at.text_input(key=f"search-{entry.id}").set_value("resnet50").run()
    at.selectbox(key=f"backbone-{entry.id}").set_value("resnet50.a1_in1k").run()
    at.button(key="download-weights").click().run()
    work = Background(workspace.cache, "weights-resnet50.a1_in1k")
    until(lambda: not work.is_running)
    return work


def test_weights_that_are_not_here_are_downloaded_at_a_press(
    at: AppTest, entry: Entry, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def fetch(backbone: str) -> Iterator[tuple[int, int]]:
        asked.append(backbone)
        yield from ((0, 100_000_000), (100_000_000, 100_000_000))

    monkeypatch.setattr("studio.model.weights.fetch", fetch)
    download = downloading(at, entry, workspace)
    assert not at.exception and asked == ["resnet50.a1_in1k"] and download.state() is None


def test_a_download_that_fails_says_why(at: AppTest, entry: Entry, workspace: Workspace) -> None:
    downloading(at, entry, workspace)
    at.run()
    assert "cannot be reached" in at.error[0].value and not at.exception
    at.selectbox(key=f"tag-{entry.id}").set_value("resnet50.tv_in1k").run()
    assert not at.error, "it is no fault of other weights"


def test_a_network_that_nobody_taught_says_so_before_training(at: AppTest, entry: Entry) -> None:
    at.text_input(key=f"search-{entry.id}").set_value("convnext_atto_rms").run()
    at.selectbox(key=f"backbone-{entry.id}").set_value("convnext_atto_rms").run()
    assert "Nobody published weights for this network" in said(at)


def test_research_only_weights_are_marked(at: AppTest, entry: Entry) -> None:
    at.text_input(key=f"search-{entry.id}").set_value("convnextv2_atto.fcmae_ft_in1k").run()
    at.selectbox(key=f"backbone-{entry.id}").set_value("convnextv2_atto.fcmae_ft_in1k").run()
    assert "does not allow commercial use" in said(at)


def test_measured_speeds_are_drawn_apart_from_estimates(at: AppTest, entry: Entry, workspace: Workspace) -> None:
    lite = listing.find("tf_efficientnet_lite0", listing.rows())
    assert lite
    pace.keep(workspace, lite, 321.0)
    at.text_input(key=f"search-{entry.id}").set_value("lite0").run()
    table = at.dataframe[0].value.set_index("Network")["Speed"]
    assert table["tf_efficientnet_lite0"] == "321" and table["efficientnet_lite0.ra_in1k"].startswith("≈ ")
    rows = listing.rows()
    paces = pace.paces(rows, pace.kept(workspace))
    frame = speeds.points(listing.choose(rows, listing.Wanted(text="lite0")), paces)
    figure = speeds.figure(frame, "tf_efficientnet_lite0")
    drawn = {trace.name: list(trace.x) for trace in figure.data}
    assert drawn["measured here"] == [321.0] and len(drawn["estimated"]) == 1 and drawn["chosen"] == [321.0]
    assert {trace.name: trace.marker.symbol for trace in figure.data}["estimated"] == "circle-open"
    dots = {trace.name: {"curve_number": at, "point_index": 0} for at, trace in enumerate(figure.data)}
    assert speeds.picked(frame, [dots["estimated"]]) == "efficientnet_lite0.ra_in1k"
    assert speeds.picked(frame, [dots["measured here"]]) == "tf_efficientnet_lite0"
    assert not speeds.picked(frame, [dots["chosen"]]) and not speeds.picked(frame, [])


def test_networks_at_hand_can_be_measured_from_the_page(
    at: AppTest, entry: Entry, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "_time", lambda row: 50.0)
    at.text_input(key=f"search-{entry.id}").set_value("lite0").run()
    (button,) = [each for each in at.button if each.label.startswith("Measure")]
    button.click().run()
    assert not at.exception
    until(lambda: not speeds.background().is_running)
    at.run()
    assert pace.kept(workspace)["tf_efficientnet_lite0@224"] == 50.0
    assert not [each for each in at.button if each.label.startswith("Measure")]


def test_a_row_that_cannot_be_trained_says_so() -> None:
    row = listing.Row("odd", 1, 224, None, None, None, "mit", "download", 1.0, refused="Odd has no classifier.")
    assert browse._whereabouts(row) == "cannot be trained here"
